"""A real server in a directory of its own, for tests: start, kill, start again, stop.

    with Server(exe, "--cacheSizeMB", "8") as server:
        client = server.client()

The port is one that the system gives, kept over a restart; the directory goes with the server.
`stop` demands a clean exit, so a sanitizer's complaint fails the test.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

TIMEOUT_S = 60

# Options of a server whose directory is encrypted.
ENCRYPTED = ("--enableEncryption", "--encryptionKeyCommand",
             "echo AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=")


class Server:
    def __init__(self, exe, *options, directory=None, under=()):
        """`under`: a program that runs it, and that one's arguments."""
        self.exe = str(pathlib.Path(exe).resolve())
        self.under = list(under)
        self.options = list(options)
        self.keep = directory is not None
        self.directory = directory or tempfile.mkdtemp(prefix="largetable-test-")
        self.process = None
        self.port = None
        self._log = []
        self._output = []
        self._readers = []

    def start(self):
        """Start and wait until it listens."""
        command = [*self.under, self.exe, "serve", "--dbpath", self.path("db"), "--port",
                   str(self.port or 0), *self.options]
        rules = pathlib.Path(__file__).resolve().parent.parent / "tsan.supp"
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("LARGETABLE_")}  # those would be options
        environment["TSAN_OPTIONS"] = f"suppressions={rules}"
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        errors="replace")
        self._read(self.process.stdout, self._output)
        for line in self.process.stderr:
            self._log.append(line)
            match = re.search(r"listening on \S+ port (\d+)", line)
            if match:
                self.port = int(match.group(1))
                break
        else:
            self.kill()
            raise RuntimeError("the server did not start:\n" + self.log())
        self._read(self.process.stderr, self._log)
        return self

    def _read(self, stream, lines):
        """Into `lines` until its end, so that the server never waits for a reader."""
        def read():
            for line in stream:
                lines.append(line)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self._readers.append(reader)

    def kill(self):
        """kill -9: what was acknowledged must be there after the next start."""
        self.process.kill()
        self.process.wait()
        self._close()

    def stop(self, number=signal.SIGTERM):
        """Ask it to end: drain and exit 0."""
        self.process.send_signal(number)
        self.wait()

    def wait(self):
        """It ends by itself, or was asked to, and exits 0."""
        code = self.process.wait(TIMEOUT_S)
        self._close()
        if code != 0:
            raise RuntimeError(f"the server exited with {code}:\n" + self.log(80))

    def _close(self):
        for reader in self._readers:
            reader.join(timeout=10)
        self._readers = []
        self.process.stdout.close()
        self.process.stderr.close()
        self.process = None

    def path(self, name):
        """A file in the server's directory."""
        return os.path.join(self.directory, name)

    def log(self, lines=0):
        """What it logged since the first start, or the last lines of it; all when it has ended."""
        return "".join(self._log[-lines:])

    def output(self):
        """What it wrote to its standard output; all when it has ended."""
        return "".join(self._output)

    @property
    def uri(self):
        return f"mongodb://127.0.0.1:{self.port}/"

    def client(self, **options):
        import pymongo  # not every user of a server has it

        return pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=10000, **options)

    def close(self, failed=False):
        """Stop it, or kill it and show its log if the test failed; remove the directory."""
        try:
            if self.process is not None and failed:
                self.kill()
                print(self.log(80))
            elif self.process is not None:
                self.stop()
        finally:
            if self.process is not None:
                self.kill()
            if not self.keep:
                shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close(failed=True)
            raise

    def __exit__(self, kind, value, trace):
        self.close(failed=kind is not None)
