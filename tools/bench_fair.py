"""tools/bench_fair.py - are polite connections served while others are slow or greedy?

Of many connections some send a request byte by byte and never end it, some always have requests
ready, and all others, the polite ones, ask once in a round, a few of them at a time. Every polite
one must get its answer, in a round before the greedy ones begin and in one while they go on.
"""

import multiprocessing
import selectors
import socket
import statistics
import struct
import time

import bench_wire
from bench_process import Server, resident

AT_ONCE, AHEAD, PATIENCE_S, SETTLE_S = 32, 100, 60, 2
# OP_MSG {ping: 1, $db: "admin"}
BODY = b"\x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0"
PING = bench_wire.message(BODY)
OK = b"\x01ok\0" + struct.pack("<d", 1)


def connect(port, count):
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]


def greet(one):
    """The first reply, whose length all others have."""
    one.sendall(PING)
    reply = one.recv(4096)
    if OK not in reply:
        raise RuntimeError(f"a ping was answered with {reply!r}")
    return len(reply)


def be_greedy(port, count, answered, ready, stop):
    """In a process of its own: each connection always has requests on the way."""
    select, size = selectors.DefaultSelector(), 0
    for one in connect(port, count):
        size = greet(one)
        one.sendall(PING * AHEAD)
        select.register(one, selectors.EVENT_READ, [0])
    ready.set()
    while not stop.is_set():
        for key, _ in select.select(0.1):
            key.data[0] += len(key.fileobj.recv(1 << 16))
            done = key.data[0] // size
            key.data[0] -= done * size
            key.fileobj.sendall(PING * done)
            answered.value += done


def round_of(polite, size):
    """Each asks once, AT_ONCE of them at a time; milliseconds of each."""
    select, waiting, times = selectors.DefaultSelector(), {}, []
    todo = iter(polite)

    def ask():
        one = next(todo, None)
        if one is not None:
            waiting[one] = time.monotonic()
            select.register(one, selectors.EVENT_READ)
            one.sendall(PING)

    for _ in range(AT_ONCE):
        ask()
    while waiting:
        events = select.select(PATIENCE_S)
        if not events:
            raise RuntimeError(f"{len(waiting)} connections had no answer in {PATIENCE_S} s")
        for key, _ in events:
            reply = key.fileobj.recv(4096)
            if len(reply) != size or OK not in reply:
                raise RuntimeError(f"a ping was answered with {reply!r}")
            times.append(1e3 * (time.monotonic() - waiting.pop(key.fileobj)))
            select.unregister(key.fileobj)
            ask()
    return times


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def measure_in(server, count, slow, greedy):
    before = resident(server.process.pid)
    polite = connect(server.port, count - slow - greedy)
    size = [greet(one) for one in polite][-1]
    quiet = round_of(polite, size)
    slows = connect(server.port, slow)
    for one in slows:
        one.sendall(PING[:7])
    answered, ready, stop = (multiprocessing.Value("q", 0), multiprocessing.Event(),
                             multiprocessing.Event())
    other = multiprocessing.Process(target=be_greedy,
                                    args=(server.port, greedy, answered, ready, stop))
    other.start()
    try:
        if not ready.wait(PATIENCE_S):
            raise RuntimeError("the greedy connections were not greeted")
        first, begin = answered.value, time.monotonic()
        for one in slows:
            one.sendall(PING[7:8])
        busy = round_of(polite, size)
        seconds, taken = time.monotonic() - begin, answered.value - first
    finally:
        stop.set()
        other.join()
    time.sleep(SETTLE_S)
    cost = (resident(server.process.pid) - before) / (count - greedy)
    for one in polite + slows:
        one.close()
    return {"p99": p99(busy), "p50": statistics.median(busy), "quiet": p99(quiet),
            "bytes": max(cost, 0), "answered": len(busy),
            "raw": {"greedyPerSecond": taken / seconds, "politePerSecond": len(busy) / seconds,
                    "asked": len(polite)}}


def measure(exe, count, slow, greedy, server_arguments):
    with Server(exe, *server_arguments) as server:
        result = measure_in(server, count, slow, greedy)
        server.stop()
    return result
