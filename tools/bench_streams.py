"""tools/bench_streams.py - do many change streams on one collection keep up with its writes?

An open-loop writer inserts batches at a given rate, first with nobody watching, then with all
streams open. Each stream wants one value of a field, so that a write is wanted by one stream or by
none; each must get exactly its own, in order. What the server's processor time grows by is the
extra work.
"""

import multiprocessing
import re
import selectors
import socket
import statistics
import struct
import time

import bench_wire
from bench_process import Server, processor

BATCH, CONNECTIONS, PATIENCE_S, AWAIT_MS = 20, 16, 60, 20000
SPREAD = 10  # of so many writes one is wanted
DB = b"\x02$db\0\x02\0\0\0b\0"
COLL = b"\x07\0\0\0stream\0"
EVENT = re.compile(rb"\x12n\0(.{8})\x12t\0(.{8})", re.DOTALL)
CURSOR = re.compile(rb"\x12id\0(.{8})", re.DOTALL)
OK = b"\x01ok\0" + struct.pack("<d", 1)


def document(fields):
    return struct.pack("<i", len(fields) + 5) + fields + b"\0"


def array(name, documents):
    fields = b"".join(b"\x03%d\0" % i + one for i, one in enumerate(documents))
    return b"\x04" + name + b"\0" + document(fields)


def integer(name, value):
    return b"\x12" + name + b"\0" + struct.pack("<q", value)


def inserts(first, groups):
    """A batch, from the document with number `first` on; each tells when it was sent."""
    now = time.monotonic_ns()
    return document(b"\x02insert\0" + COLL + DB + array(b"documents", (
        document(integer(b"_id", n) + integer(b"g", n % groups) + integer(b"n", n) +
                 integer(b"t", now) + b"\x02pad\0\x65\0\0\0" + b"x" * 100 + b"\0")
        for n in range(first, first + BATCH))))


def watch(group):
    match = document(b"\x03$match\0" + document(integer(b"fullDocument.g", group)))
    return document(b"\x02aggregate\0" + COLL + DB + b"\x03cursor\0" + document(b"") + array(
        b"pipeline", [document(b"\x03$changeStream\0" + document(b"")), match]))


def get_more(cursor):
    return document(integer(b"getMore", cursor) + b"\x02collection\0" + COLL + DB +
                    integer(b"maxTimeMS", AWAIT_MS))


def read_reply(file):
    found = bench_wire.reply(file)
    if OK not in found:
        raise RuntimeError(f"the server answered {found!r}")
    return found


class Asker:
    """A connection that has one request on its way at most."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.asked = False

    def ask(self, body):
        self.socket.sendall(bench_wire.message(body))
        self.asked = True

    def answer(self):
        self.asked = False
        return read_reply(self.file)

    def close(self):
        self.file.close()
        self.socket.close()


def write(port, first, count, rate, groups):
    """`count` documents at `rate` a second; the seconds it took until all were acknowledged."""
    askers = [Asker(port) for _ in range(CONNECTIONS)]
    begin = time.monotonic()
    for number in range(count // BATCH):
        asker = askers[number % CONNECTIONS]
        if asker.asked:
            asker.answer()
        early = begin + number * BATCH / rate - time.monotonic()
        if early > 0:
            time.sleep(early)
        asker.ask(inserts(first + number * BATCH, groups))
    for asker in askers:
        if asker.asked:
            asker.answer()
        asker.close()
    return time.monotonic() - begin


class Stream(Asker):
    def __init__(self, port, group, first, groups):
        super().__init__(port)
        self.next, self.step = first + (group - first) % groups, groups
        self.ask(watch(group))
        self.cursor = struct.unpack("<q", CURSOR.search(self.answer())[1])[0]
        self.ask(get_more(self.cursor))

    def take(self):
        """The lag of each event that came, in milliseconds."""
        found, now, lags = self.answer(), time.monotonic_ns(), []
        self.ask(get_more(self.cursor))
        for number, sent in EVENT.findall(found):
            number, sent = struct.unpack("<qq", number + sent)
            if number != self.next:
                raise RuntimeError(f"a stream got {number} where {self.next} comes next")
            self.next += self.step
            lags.append((now - sent) / 1e6)
        return lags


def follow(streams, end):
    """Until all have what was written before `end`: the lags."""
    select, lags = selectors.DefaultSelector(), []
    left = sum(len(range(stream.next, end, stream.step)) for stream in streams)
    for stream in streams:
        select.register(stream.socket, selectors.EVENT_READ, stream)
    while len(lags) < left:
        ready = select.select(PATIENCE_S)
        if not ready:
            raise RuntimeError(f"{left - len(lags)} of {left} events did not come")
        for key, _ in ready:
            lags += key.data.take()
    return lags


def write_aside(seconds, *arguments):
    seconds.value = write(*arguments)


def measure_in(server, count, rate, seconds):
    wanted, groups, pid = int(rate * seconds) // BATCH * BATCH, count * SPREAD, server.process.pid
    before = processor(pid)
    write(server.port, 0, wanted, rate, groups)
    alone = processor(pid) - before
    streams = [Stream(server.port, SPREAD * number, wanted, groups) for number in range(count)]
    took = multiprocessing.Value("d", 0)
    writer = multiprocessing.Process(target=write_aside, args=(
        took, server.port, wanted, wanted, rate, groups))
    before = processor(pid)
    writer.start()
    try:
        lags = follow(streams, 2 * wanted)
    finally:
        writer.join()
    watched = processor(pid) - before
    for stream in streams:
        stream.close()
    return {"rate": wanted / took.value, "kept": wanted / took.value / rate,
            "alone": alone / seconds, "extra": (watched - alone) / seconds,
            "lag50": statistics.median(lags), "lag99": statistics.quantiles(lags, n=100)[98],
            "events": len(lags) / seconds}


def measure(exe, count, rate, seconds, server_arguments):
    with Server(exe, *server_arguments) as server:
        result = measure_in(server, count, rate, seconds)
        server.stop()
    return result
