"""A real server in a directory of its own, for tests: start, kill, start again, stop.

    with Server(exe) as server:
        client = pymongo.MongoClient(server.uri)

The port is one that the system gives; the directory goes with the server. `stop` demands a clean
exit, so a sanitizer's complaint fails the test.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading


class Server:
    def __init__(self, exe, *options, directory=None):
        self.exe = str(pathlib.Path(exe).resolve())
        self.options = list(options)
        self.keep = directory is not None
        self.directory = directory or tempfile.mkdtemp(prefix="largetable-test-")
        self.process = None
        self.port = None
        self.log = []

    def start(self):
        """Start and wait until it listens."""
        command = [self.exe, "serve", "--dbpath", os.path.join(self.directory, "db"), "--port",
                   str(self.port or 0), *self.options]
        rules = pathlib.Path(__file__).resolve().parent.parent / "tsan.supp"
        environment = dict(os.environ, TSAN_OPTIONS=f"suppressions={rules}")
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        for line in self.process.stderr:
            self.log.append(line)
            match = re.search(r"listening on .*:(\d+)", line)
            if match:
                self.port = int(match.group(1))
                break
        else:
            raise RuntimeError("the server did not start:\n" + "".join(self.log))
        self.reader = threading.Thread(target=self._drain, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        return self

    def _drain(self, stream):
        for line in stream:
            self.log.append(line)

    def kill(self):
        """kill -9: what was acknowledged must be there after the next start."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._close()

    def stop(self):
        """SIGTERM: drain and exit 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self._close()
        if code != 0:
            raise RuntimeError(f"the server exited with {code}:\n" + "".join(self.log[-80:]))

    def _close(self):
        self.reader.join(timeout=10)
        self.process.stderr.close()
        self.process = None

    @property
    def uri(self):
        return f"mongodb://127.0.0.1:{self.port}/"

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            if self.process is not None:
                if kind is None:
                    self.stop()
                else:
                    self.kill()
                    print("".join(self.log[-80:]))
        finally:
            if not self.keep:
                shutil.rmtree(self.directory, ignore_errors=True)
