"""tools/bench_deletes.py - what memory a server keeps after every second document was deleted.

All documents are read once, so that they are in memory, then every second one is deleted. For some
seconds reads go on at a fixed rate while resident memory is sampled; then everything that must be
left is read and compared.

The figure is (resident - base) / used. `used` is what a server counts itself: the heap in use
and, of Largetable, the cached entries, which lie outside the heap. `base` is what was resident
beyond the used at the start: code, libraries, stacks. Redis' own mem_fragmentation_ratio is the
same without the base; it is in `raw` as `plain`, for both.
"""

import hashlib
import importlib.util
import socket
import struct
import threading
import time

import bench_wire
from bench_process import Missing, Server, resident

CHUNK, BYTES, GOAL, SAMPLE_S = 1000, 150, 1.10, 1
LOAD = {"workload": "read", "connections": 8, "rate": 2000, "documents": 1000, "warmup": 0}


def text(number, size):
    return (f"{number} " * (size // 2))[:size]


class Ours:
    """Largetable, over the wire: a reply is awaited for each chunk of requests."""

    def __init__(self, session, server_arguments):
        if importlib.util.find_spec("pymongo") is None:
            raise Missing("deleting needs pymongo (Debian package python3-pymongo)")
        import bson
        self.bson = bson
        self.server = Server(session.exe, "--cacheSizeMB", "512", *server_arguments).start()
        self.client = self.server.client()
        self.items = self.client.deletes.items
        self.port, self.kind = self.server.port, "largetable"
        self.pid = self.server.process.pid
        self.pad = BYTES - len(bson.encode({"_id": 0, "pad": ""}))

    def close(self):
        self.client.close()
        self.server.close()

    def load(self, numbers):
        self.items.insert_many({"_id": i, "pad": text(i, self.pad)} for i in numbers)

    def warm(self, count):
        body = self.bson.encode({"find": "items", "filter": {"_id": 0x5A5A5A5A}, "limit": 1,
                                 "$db": "deletes"})
        frame = bytearray(bench_wire.message(body))
        at = frame.index(b"\x5A\x5A\x5A\x5A")
        with socket.create_connection(("127.0.0.1", self.port)) as one, one.makefile("rb") as file:
            for first in range(0, count, CHUNK):
                out = bytearray()
                for number in range(first, min(first + CHUNK, count)):
                    struct.pack_into("<i", frame, at, number)
                    out += frame
                one.sendall(out)
                for _ in range(len(out) // len(frame)):
                    bench_wire.reply(file)

    def delete_odd(self, count):
        assert self.items.delete_many({"_id": {"$mod": [2, 1]}}).deleted_count == count // 2

    def digest(self, count):
        left = hashlib.sha256()
        for one in self.items.find(sort=[("_id", 1)], batch_size=CHUNK):
            left.update(f"{one['_id']} {one['pad']}".encode())
        return left.hexdigest(), self.items.count_documents({})

    def used(self):
        stats = self.client.admin.command("memoryStats")
        if "allocator" not in stats:
            raise Missing("this program's allocator does not tell what is in use")
        return stats["allocator"]["allocated"] + stats["arrays"] + \
            self.client.admin.command("serverStatus")["cache"]["liveBytes"]

    def busy(self):
        """Seconds that closing up memory took so far."""
        return self.client.admin.command("memoryStats")["tidy"]["busyMicros"] / 1e6


class Redis:
    """As it is installed; it moves what is live where it was built to (activedefrag)."""

    def __init__(self, session):
        self.peer = session.peer("redis")
        self.peer.empty()
        self.port, self.kind, self.pid = self.peer.port, "redis", self.peer.process.pid
        self.one = socket.create_connection(("127.0.0.1", self.port))
        self.file = self.one.makefile("rb")
        self.pad = BYTES
        self.ask([("SELECT", "1")])  # the client that reads wants an empty database
        self.defrag = self.ask([("CONFIG", "SET", "activedefrag", "yes")])[0] == b"OK"

    def close(self):
        self.file.close()
        self.one.close()

    def ask(self, commands):
        out = bytearray()
        for command in commands:
            out += b"*%d\r\n" % len(command)
            for word in command:
                out += b"$%d\r\n%s\r\n" % (len(word), word.encode())
        self.one.sendall(out)
        return [self.reply() for _ in commands]

    def reply(self):
        line = self.file.readline()[:-2]
        if line[:1] != b"$" or line == b"$-1":
            return line[1:]
        value = self.file.read(int(line[1:]) + 2)
        return value[:-2]

    def load(self, numbers):
        self.ask([("SET", f"key:{i}", text(i, self.pad)) for i in numbers])

    def warm(self, count):
        """Everything is in memory."""

    def delete_odd(self, count):
        for first in range(1, count, 2 * CHUNK):
            self.ask([("DEL", f"key:{i}") for i in range(first, min(first + 2 * CHUNK, count), 2)])

    def digest(self, count):
        left, found = hashlib.sha256(), 0
        for first in range(0, count, CHUNK):
            numbers = range(first, min(first + CHUNK, count))
            for i, value in zip(numbers, self.ask([("GET", f"key:{i}") for i in numbers])):
                if value != b"-1":
                    left.update(f"{i} {value.decode()}".encode())
                    found += 1
        return left.hexdigest(), found

    def used(self):
        lines = self.ask([("INFO", "memory")])[0].decode().split("\r\n")
        return int(next(line for line in lines if line.startswith("used_memory:")).split(":")[1])

    def busy(self):
        return 0.0


def expected(count, size):
    left = hashlib.sha256()
    for number in range(0, count, 2):
        left.update(f"{number} {text(number, size)}".encode())
    return left.hexdigest(), (count + 1) // 2


def watch(server, base, samples, stop):
    begin = time.monotonic()
    while not stop.wait(SAMPLE_S):
        rss, used = resident(server.pid), server.used()
        samples.append({"seconds": time.monotonic() - begin, "resident": rss, "used": used,
                        "ratio": (rss - base) / used, "plain": rss / used})


def measure_server(session, server, count, seconds):
    base = resident(server.pid) - server.used()
    for first in range(0, count, CHUNK):
        server.load(range(first, min(first + CHUNK, count)))
    server.warm(count)
    server.delete_odd(count)
    samples, stop, busy, begin = [], threading.Event(), server.busy(), time.monotonic()
    watcher = threading.Thread(target=watch, args=(server, base, samples, stop))
    watcher.start()
    try:
        arguments = [word for name, value in LOAD.items() for word in (f"--{name}", str(value))]
        raw = session.run_bench(["--peer", server.kind, "--port", str(server.port), *arguments,
                                 "--seconds", str(seconds)])
    finally:
        stop.set()
        watcher.join()
    busy = (server.busy() - busy) / (time.monotonic() - begin)
    if server.digest(count) != expected(count, server.pad):
        raise RuntimeError(f"{server.kind}: what is left is not what was not deleted")
    reached = [sample["seconds"] for sample in samples if sample["ratio"] <= GOAL]
    return {"ratio": samples[-1]["ratio"], "processor": busy * 100,
            "p99.9": raw["latencyMicros"]["p99.9"] / 1e3,
            "raw": {"samples": samples, "reachedAfterSeconds": min(reached, default=None),
                    "defrag": getattr(server, "defrag", True), "reads": raw}}


def measure(session, who, count, seconds, server_arguments):
    server = Ours(session, server_arguments) if who == "largetable" else Redis(session)
    try:
        return measure_server(session, server, count, seconds)
    finally:
        server.close()
