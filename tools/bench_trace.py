"""tools/bench_trace.py - a recorded trace, asked of a server that keeps less than all of it.

Both sides get the same requests, one after the other on one connection, and the same values, which
do not compress. Largetable holds all records on disk and starts with nothing in memory; memcached
is given what it missed. `misses` is a part of the requests, times are ms.
"""

import json
import pathlib
import subprocess
import sys

import bench_peers
from bench_process import ROOT, Missing, Server, anonymous, resident

sys.path.insert(0, str(ROOT / "test/sim"))

import traces  # noqa: E402

TRACE, FORMAT = traces.TRACES["orm-busy"]
SIZE = 3584  # of a value, on average
# 8 MB in memory make its resident memory about that of memcached with -m 16: the program is larger.
# Nothing is mapped, since what is read through a map counts as resident.
OPTIONS = ("--cacheTotalMB", str(8 + bench_peers.EXTSTORE_MB[1]), "--cacheMemoryPercent", "6",
           "--cacheMappedPercent", "0", "--cacheDiskPercent", "94", "--writeBufferMB", "1",
           "--workers", "1", "--hugePages", "off")


def program(exe, name):
    """The path of a program of test/sim, built with `exe`; Missing without it or its traces."""
    path = pathlib.Path(exe).parent / "test/sim" / name
    for needed in path, traces.data_folder():
        if not needed.exists():
            raise Missing(f"there is no {needed}")
    return str(path)


def replay(exe, peer, port, requests, *more):
    command = [program(exe, "cache_replay"), "--trace", str(traces.data_folder() / TRACE),
               "--format", FORMAT, "--peer", peer, "--port", str(port), "--size", str(SIZE),
               "--requests", str(requests), *more]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def restart(server):
    server.stop()
    server.start()


def ask_largetable(exe, requests, arguments):
    with Server(exe, *OPTIONS, *arguments) as server:
        replay(exe, "largetable", server.port, requests, "--load")
        restart(server)
        found = replay(exe, "largetable", server.port, requests)
        return {**found, "rss": resident(server.process.pid),
                "anonymous": anonymous(server.process.pid)}


def ask_memcached(exe, peer, requests):
    found = replay(exe, "memcached", peer.port, requests)
    return {**found, "rss": resident(peer.process.pid), "anonymous": anonymous(peer.process.pid)}


def measure(session, who, requests, arguments):
    found = ask_largetable(session.exe, requests, arguments) if who == "largetable" else \
        ask_memcached(session.exe, session.peer(who), requests)
    figures = {"misses": found["misses"] / found["requests"],
               "rate": found["requests"] / found["seconds"], "raw": found}
    for name in "p50", "p99", "p99.9":
        figures[name] = found[name] / 1e3
    for name in "rss", "anonymous":
        figures[name] = found[name] / 2**20
    return figures
