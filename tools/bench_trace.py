"""tools/bench_trace.py - a recorded trace, asked of a server that keeps less than all of it.

Both sides get the same requests, one after the other on one connection, and the same values, which
do not compress. Largetable holds all records on disk and starts with nothing in memory; memcached
is given what it missed. `misses` is a part of the requests, times are ms.
"""

import json
import os
import pathlib
import re
import subprocess

import bench_peers
from bench_disk import ROOT, MissingData, Server

TRACE, FORMAT = "cache2k-orm-busy.trace.xz", "int32"
SIZE = 3584  # of a value, on average
# 8 MB in memory make its resident memory about that of memcached with -m 16: the program is larger.
# Nothing is mapped, since what is read through a map counts as resident.
OPTIONS = ("--cacheTotalMB", str(8 + bench_peers.EXTSTORE_MB[1]), "--cacheMemoryPercent", "6",
           "--cacheMappedPercent", "0", "--cacheDiskPercent", "94", "--writeBufferMB", "1",
           "--workers", "1", "--hugePages", "off")


def replay(exe, peer, port, requests, *more):
    data = pathlib.Path(os.environ.get("LARGETABLE_DATA") or ROOT.parent / "shared/data")
    client = pathlib.Path(exe).parent / "test/sim/cache_replay"
    trace = data / "cache" / TRACE
    for path in trace, client:
        if not path.exists():
            raise MissingData(f"there is no {path}")
    command = [str(client), "--trace", str(trace), "--format", FORMAT, "--peer", peer,
               "--port", str(port), "--size", str(SIZE), "--requests", str(requests), *more]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory(pid):
    """Resident bytes, and of them those that are not of files."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"{field}:\s+(\d+)", status).group(1)) * 1024
            for name, field in (("rss", "VmRSS"), ("anonymous", "RssAnon"))}


def ask_largetable(exe, requests, arguments):
    with Server(exe, *OPTIONS, *arguments) as server:
        replay(exe, "largetable", server.port, requests, "--load")
        server.stop()
        server.start()
        found = replay(exe, "largetable", server.port, requests)
        return {**found, **memory(server.process.pid)}


def ask_memcached(exe, peer, requests):
    found = replay(exe, "memcached", peer.port, requests)
    return {**found, **memory(peer.process.pid)}


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
