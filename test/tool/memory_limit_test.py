#!/usr/bin/env python3
"""A real server at its memory limit: it refuses what is too much, goes on, and gives memory back."""
import concurrent.futures
import pathlib
import subprocess
import sys
import threading
import unittest

import pymongo
from pymongo.errors import OperationFailure

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
from server import Server, TIMEOUT_S  # noqa: E402

BINARY = sys.argv.pop(1)
MB = 1 << 20
DOCUMENTS = 80  # of 1 MB: more than sort may hold at once
FEW = 20
OPTIONS = ('--memoryLimitMB', '128', '--cacheSizeMB', '8', '--writeBufferMB', '4')
EXCEEDED = 146


def group(first, last):
    return [{'$match': {'_id': {'$gte': first, '$lt': last}}},
            {'$group': {'_id': '$_id', 'pad': {'$first': '$pad'}}}, {'$count': 'n'}]


class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(BINARY, *OPTIONS).start()
        cls.client = cls.server.client()
        cls.items = cls.client.shop.items
        for first in range(0, DOCUMENTS, 16):
            cls.items.insert_many({'_id': i, 'pad': 'x' * MB} for i in range(first, first + 16))

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.close()

    def budgets(self):
        stats = self.client.admin.command('memoryStats')
        return {budget['name']: budget for budget in stats['budgets']}

    def check_given_back(self):
        budgets = self.budgets()
        self.assertEqual(budgets['sort']['used'], 0)
        self.assertLessEqual(budgets['sort']['peak'], budgets['sort']['hardLimit'])
        self.assertLessEqual(budgets['total']['peak'], budgets['total']['hardLimit'])

    def test_too_large_a_group_is_refused_and_others_go_on(self):
        done = threading.Event()
        reads = []

        def read():
            while not done.is_set():
                reads.append(self.items.find_one({'_id': 3}, {'pad': 0}))

        reader = threading.Thread(target=read)
        before = self.budgets()['sort']['refusals']
        reader.start()
        try:
            with self.assertRaises(OperationFailure) as refused:
                list(self.items.aggregate(group(0, DOCUMENTS)))
        finally:
            done.set()
            reader.join()
        self.assertEqual(refused.exception.code, EXCEEDED)
        self.assertIn("memory budget 'sort' is full", str(refused.exception))
        self.assertIn('--memoryLimitMB', str(refused.exception))
        self.assertEqual({read['_id'] for read in reads}, {3})
        self.assertEqual(self.budgets()['sort']['refusals'], before + 1)
        self.check_given_back()
        self.assertEqual(list(self.items.aggregate(group(0, FEW))),
                         [{'n': FEW}])
        self.check_given_back()

    def test_many_at_once_share_one_limit(self):
        def run(_):
            try:
                return list(self.items.aggregate(group(0, FEW)))
            except OperationFailure as error:
                return error.code

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(run, range(12)))
        self.assertTrue(all(result in (EXCEEDED, [{'n': FEW}]) for result in results))
        self.check_given_back()
        self.assertEqual(run(0), [{'n': FEW}])

    def test_status_and_compaction(self):
        status = self.client.admin.command('serverStatus')['memory']
        self.assertEqual(status['limit'], 128 * MB)
        self.assertEqual(status['budgets']['cache'], 8 * MB)
        self.assertEqual(status['budgets']['store'], 8 * MB)
        reply = self.client.admin.command('compactMemory')
        self.assertGreater(reply['residentBefore'], 0)
        self.assertGreater(reply['residentAfter'], 0)

    def test_old_catalogs_are_freed_when_no_loop_can_see_them(self):
        before = self.client.admin.command('memoryStats')['reclamation']
        for i in range(20):
            self.client.shop.create_collection(f'other{i}')
            self.client.shop.drop_collection(f'other{i}')
        after = self.client.admin.command('memoryStats')['reclamation']
        while after['freed'] < before['freed'] + 40:
            after = self.client.admin.command('memoryStats')['reclamation']
        self.assertEqual(after['waits'], 0)
        self.assertIn('lt-loop-0', [reader['name'] for reader in after['readers']])

    def test_every_node_and_loop_is_told(self):
        stats = self.client.admin.command('memoryStats')
        status = self.client.admin.command('serverStatus')
        self.assertGreaterEqual(sum(node['loops'] for node in stats['nodes']), 1)
        self.assertLessEqual(sum(node['cacheBytes'] for node in stats['nodes']),
                             status['cache']['bytes'])

    def test_allocator_is_told_when_it_is_jemalloc(self):
        maps = pathlib.Path(f'/proc/{self.server.process.pid}/maps').read_text(encoding='ascii')
        stats = self.client.admin.command('memoryStats')
        self.assertEqual('libjemalloc' in maps, 'allocator' in stats)
        if 'allocator' in stats:
            heap = stats['allocator']
            self.assertLessEqual(heap['allocated'], heap['active'])
            self.assertLessEqual(sum(arena['allocated'] for arena in stats['arenas']),
                                 sum(arena['active'] for arena in stats['arenas']))
            self.assertLessEqual(heap['active'], heap['resident'])
            self.assertAlmostEqual(heap['fragmentation'], heap['resident'] / heap['allocated'])


class Cache(unittest.TestCase):
    """A cache that takes half of the limit gives way to others, and is closed up."""

    KB = 1 << 10
    SMALL = 3000  # documents of 7 KB
    LARGE = 25  # documents of 1 MB, grouped: past the soft limit
    BOUND = 32 * MB

    @classmethod
    def setUpClass(cls):
        cls.server = Server(BINARY, '--memoryLimitMB', '128', '--cacheSizeMB', '64',
                            '--writeBufferMB', '4', '--memoryTidyPercent', '100').start()
        cls.client = cls.server.client()
        cls.items = cls.client.shop.items
        cls.small = cls.client.shop.small
        for first in range(0, cls.LARGE, 5):
            cls.items.insert_many({'_id': i, 'pad': 'x' * MB} for i in range(first, first + 5))
        for first in range(0, cls.SMALL, 600):
            cls.insert(range(first, first + 600))

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.close()

    @classmethod
    def insert(cls, numbers):
        cls.small.insert_many({'_id': i, 'pad': chr(97 + i % 26) * 7 * cls.KB} for i in numbers)

    def tidy(self):
        return self.client.admin.command('memoryStats')['tidy']

    def cache(self):
        return self.client.admin.command('serverStatus')['cache']

    def read_all(self, numbers):
        for i in numbers:
            self.assertEqual(self.small.find_one({'_id': i})['pad'],
                             chr(97 + i % 26) * 7 * self.KB)

    def test_a_full_total_takes_from_the_cache_and_the_cache_grows_again(self):
        self.read_all(range(0, self.SMALL))
        evictions = self.cache()['evictions']
        self.assertEqual(self.tidy()['cacheBound'], self.BOUND)
        self.assertEqual(list(self.items.aggregate(group(0, self.LARGE))), [{'n': self.LARGE}])
        self.assertLess(self.tidy()['cacheBound'], self.BOUND)
        self.client.admin.command('compactMemory')
        self.assertGreater(self.cache()['evictions'], evictions)
        while self.tidy()['cacheBound'] < self.BOUND:
            pass
        self.read_all(range(0, self.SMALL))

    def test_what_was_deleted_leaves_no_holes_and_the_rest_as_it_was(self):
        self.read_all(range(0, 1200))
        self.small.delete_many({'_id': {'$lt': 1200, '$mod': [2, 0]}})
        self.client.admin.command('compactMemory')
        tidy = self.tidy()
        self.assertLess(tidy['cacheHoles'], self.cache()['liveBytes'] / 4)
        self.assertEqual(tidy['cacheSpare'], 0)
        self.assertGreater(tidy['movedEntries'], 0)
        self.read_all(range(1, 1200, 2))
        self.insert(range(0, 1200, 2))


class Options(unittest.TestCase):
    def refused(self, *options):
        done = subprocess.run([BINARY, 'serve', '--dbpath', '/nonexistent/largetable', *options],
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 2)
        return done.stderr

    def test_a_limit_that_leaves_nothing_is_refused_with_one_that_does(self):
        text = self.refused('--memoryLimitMB', '300', '--cacheSizeMB', '256')
        self.assertIn('largetable.memory.limitMB is 300', text)
        self.assertIn('raise it to 416', text)
        self.assertIn('cacheSizeMB: 7 is too small', self.refused('--cacheSizeMB', '7'))

    def test_parts_of_a_cache_that_do_not_add_up_are_refused(self):
        total = ('--cacheTotalMB', '200')
        self.assertIn('not both', self.refused(*total, '--cacheSizeMB', '64'))
        self.assertIn('are 101 together', self.refused(*total, '--cacheDiskPercent', '61'))
        self.assertIn('leaves 4 MB for memory', self.refused('--cacheTotalMB', '40'))

    def levels_of(self, *options):
        with Server(BINARY, *options) as server, pymongo.MongoClient(server.uri) as client:
            cache = client.admin.command('serverStatus')['cache']
            return {name: cache[name]['maxBytes'] for name in ('mapped', 'disk') if name in cache}

    def test_files_of_the_cache_are_in_proportion_to_its_memory(self):
        found = self.levels_of('--memoryLimitMB', '1024')
        self.assertEqual(found, {'mapped': 768 * MB, 'disk': 1536 * MB})
        found = self.levels_of('--memoryLimitMB', '1024', '--cacheMappedPercent', '0')
        self.assertEqual(found, {'disk': 1536 * MB})
        self.assertEqual(self.levels_of('--cacheMappedPercent', '0', '--cacheDiskPercent', '0'), {})
        self.assertEqual(self.levels_of('--cacheSizeMB', '64'), {})

    def test_a_cache_alone_is_as_large_as_it_was_told(self):
        with Server(BINARY, '--cacheSizeMB', '1000000') as server, \
                pymongo.MongoClient(server.uri) as client:
            status = client.admin.command('serverStatus')['memory']
            self.assertEqual(status['budgets']['cache'], 1000000 * MB)
            self.assertGreater(status['limit'], 1000128 * MB)


if __name__ == '__main__':
    unittest.main()
