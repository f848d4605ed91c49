#!/usr/bin/env python3
"""`largetable bench --spawn` that is stopped leaves neither its server nor its directory behind."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lib'))
from server import TIMEOUT_S  # noqa: E402

BINARY = sys.argv.pop(1)

LOADING = ['--workload', 'read', '--documents', '20000000']
MEASURING = ['--workload', 'insertMany', '--documents', '0', '--warmup', '0', '--seconds', '86400']


class BenchStop(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='largetable-test-')
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def server(self):
        """The command line of the server that runs in the directory."""
        for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
            try:
                text = path.read_text(errors='replace')
            except OSError:
                continue
            if 'serve' in text and self.directory in text:
                return text
        return None

    def inserted(self):
        """How many documents that server has been given."""
        logs = pathlib.Path(self.directory).glob('*/server.log')
        port = re.search(r'listening on \S+ port (\d+)', ''.join(log.read_text() for log in logs))
        if port is None:
            return 0
        with pymongo.MongoClient('127.0.0.1', int(port.group(1))) as client:
            return client.admin.command('serverStatus')['opcounters']['insert']

    def wait_for(self, what, bench=None):
        end = time.monotonic() + TIMEOUT_S
        while not what():
            self.assertLess(time.monotonic(), end)
            self.assertTrue(bench is None or bench.poll() is None, 'it ended by itself')
            time.sleep(0.01)

    def bench(self, *arguments):
        bench = subprocess.Popen([BINARY, 'bench', '--spawn', '--threads', '2', *arguments],
                                 env={**os.environ, 'TMPDIR': self.directory}, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 start_new_session=True)
        self.addCleanup(bench.wait)
        self.addCleanup(bench.kill)
        return bench

    def check_gone(self, bench, number):
        output, errors = bench.communicate(timeout=TIMEOUT_S)
        self.assertIsNone(self.server())
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(bench.returncode, -number, errors)
        self.assertEqual(output, '')
        self.assertIn('stopped by a signal', errors)

    def test_while_the_server_starts(self):
        bench = self.bench(*LOADING)
        self.wait_for(self.server, bench)
        bench.send_signal(signal.SIGTERM)
        self.check_gone(bench, signal.SIGTERM)

    def test_while_it_loads_or_measures(self):
        for arguments in LOADING, MEASURING, [*MEASURING, '--rate', '10']:
            bench = self.bench(*arguments)
            self.wait_for(self.inserted, bench)
            os.killpg(bench.pid, signal.SIGINT)  # as Ctrl-C does
            self.check_gone(bench, signal.SIGINT)

    def test_killed_it_takes_the_server_along(self):
        bench = self.bench(*LOADING)
        self.wait_for(self.server, bench)
        bench.kill()
        bench.communicate(timeout=TIMEOUT_S)
        self.wait_for(lambda: self.server() is None)


if __name__ == '__main__':
    unittest.main(verbosity=1)
