"""A largetable server for one test: a free port, a directory of its own, gone at the end."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pymongo

TIMEOUT_S = 60


class Server:
    """Use as `with Server(binary) as server:`; extra arguments go to `largetable serve`."""

    def __init__(self, binary, *arguments):
        self.binary = binary
        self.arguments = list(arguments)
        self.directory = tempfile.mkdtemp(prefix='largetable-test-')
        self.process = None
        self.port = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def __enter__(self):
        log = open(self.path('stderr'), 'wb')
        self.process = subprocess.Popen(
            [self.binary, 'serve', '--dbpath', self.path('data'), '--port', '0', '--workers', '2'] +
            self.arguments, stderr=log, stdout=subprocess.PIPE)
        log.close()
        self.port = int(wait_for(self.path('stderr'), r'listening on \S+ port (\d+)', self.process))
        return self

    def __exit__(self, *_):
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            shutil.rmtree(self.directory)

    def stop(self, number=signal.SIGTERM):
        """Ask it to end; its exit status must be 0."""
        self.process.send_signal(number)
        status = self.process.wait(TIMEOUT_S)
        assert status == 0, f'exit status {status}\n{self.log()}'

    def log(self):
        with open(self.path('stderr'), encoding='utf-8') as file:
            return file.read()

    def client(self):
        return pymongo.MongoClient('127.0.0.1', self.port, serverSelectionTimeoutMS=10000)


def wait_for(path, pattern, process=None):
    """The first group of `pattern` in a growing file."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        text = ''
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                text = file.read()
        found = re.search(pattern, text)
        if found:
            return found.group(found.lastindex or 0)
        assert process is None or process.poll() is None, f'the server ended:\n{text}'
        time.sleep(0.02)
    raise AssertionError(f'{pattern} is not in {path}:\n{text}')
