#!/usr/bin/env python3
"""A real server with one place in each queue: who finds it taken is refused, told that nothing was
done and that trying again makes sense; all others get what is right."""
import concurrent.futures
import pathlib
import sys
import unittest

from pymongo.errors import OperationFailure

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
from server import Server  # noqa: E402

BINARY = sys.argv.pop(1)
DOCUMENTS, CLIENTS = 5000, 8
OVERLOADED = 462
LABELS = ['SystemOverloadedError', 'RetryableError']


class Admission(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(BINARY, '--admissionScans', '1', '--admissionWrites', '1').start()
        cls.client = cls.server.client(retryWrites=False, retryReads=False)
        cls.items = cls.client.shop.items
        cls.items.insert_many({'_id': i, 'group': i % 7} for i in range(DOCUMENTS))

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.close()

    def queue(self, name):
        return self.client.admin.command('serverStatus')['admission'][name]

    def crowd(self, work):
        """All clients do `work` at once, again and again until one is refused: (results, how many
        were refused)."""
        results, refused = [], 0
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            while refused == 0:
                for future in [pool.submit(work, i) for i in range(CLIENTS)]:
                    try:
                        results.append(future.result())
                    except OperationFailure as error:
                        self.assertEqual(error.code, OVERLOADED)
                        self.assertEqual(error.details['errorLabels'], LABELS)
                        self.assertEqual(error.details['codeName'],
                                         'IngressRequestRateLimitExceeded')
                        refused += 1
        return results, refused

    def test_scans_past_the_limit_are_refused_and_the_rest_is_right(self):
        def scan(_):
            self.client.admin.command('ping')
            return self.items.count_documents({'group': {'$gte': 3}})

        before = self.queue('scans')
        results, refused = self.crowd(scan)
        after = self.queue('scans')
        self.assertEqual(set(results), {len([i for i in range(DOCUMENTS) if i % 7 >= 3])})
        self.assertEqual(after['refused'] - before['refused'], refused)
        self.assertEqual(after['admitted'] - before['admitted'], len(results))
        self.assertEqual((after['limit'], after['peak'], after['waiting']), (1, 1, 0))

    def test_of_a_refused_write_nothing_was_done(self):
        def write(_):
            return self.client.shop.written.insert_one({}).inserted_id

        before = self.queue('writes')
        results, refused = self.crowd(write)
        after = self.queue('writes')
        self.assertEqual({one['_id'] for one in self.client.shop.written.find()}, set(results))
        self.assertEqual(after['refused'] - before['refused'], refused)
        self.assertEqual(after['waiting'], 0)

    def test_what_goes_on_or_never_waits_is_not_refused(self):
        cursors = [self.items.find(batch_size=2) for _ in range(CLIENTS)]
        firsts = [next(cursor)['_id'] for cursor in cursors]
        self.assertEqual(firsts, [0] * CLIENTS)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            counts = list(pool.map(lambda cursor: len(list(cursor)), cursors))
        self.assertEqual(counts, [DOCUMENTS - 1] * CLIENTS)


if __name__ == '__main__':
    unittest.main()
