"""tools/bench_soak.py - a mixed load for a long time, at a fixed limit of memory.

The server's resident memory is sampled each second. It may be above the limit by a tenth, and must
not grow in the second half: there the line through the samples may rise by a fiftieth of the limit.
"""

import statistics
import subprocess
import sys
import threading
import time

from bench_process import Server, resident

SLACK, GROWTH, SAMPLE_S = 1.10, 0.02, 1


def server_options(exe, limit_mb):
    """The limit the server has of its own; one without it is told what to keep in memory."""
    known = subprocess.run([exe, "serve", "--help"], capture_output=True, text=True).stdout
    if "--memoryLimitMB" in known:
        return ["--memoryLimitMB", str(limit_mb)]
    return ["--cacheSizeMB", str(max(limit_mb // 2, 8)),
            "--writeBufferMB", str(max(limit_mb // 16, 1))]


def rise(samples):
    """How far the line of least squares through the samples rises from its first to its last."""
    if len(samples) < 2:
        return 0
    return statistics.linear_regression(range(len(samples)), samples).slope * (len(samples) - 1)


def verdict(samples, limit):
    """(peak, growth of the second half, complaints)."""
    peak, growth = max(samples), rise(samples[len(samples) // 2:])
    complaints = []
    if peak > limit * SLACK:
        complaints.append(f"the peak is {100 * (peak / limit - 1):.0f} % above the limit; "
                          f"{100 * (SLACK - 1):.0f} % are allowed")
    if growth > limit * GROWTH:
        complaints.append(f"the second half grew by {100 * growth / limit:.1f} % of the limit; "
                          f"{100 * GROWTH:.0f} % are allowed")
    return peak, growth, complaints


def sample(pid, samples, stop):
    while not stop.wait(SAMPLE_S):
        try:
            samples.append(resident(pid) / 2**20)
        except (OSError, IndexError):
            return  # it has ended; the client says why


def soak(session, minutes, limit_mb, documents, server_arguments=()):
    """0 when memory stayed below the limit and did not grow."""
    options = [*server_options(session.exe, limit_mb), *server_arguments]
    print(f"soak: {minutes:g} minutes, limit {limit_mb} MB, {documents:,} documents, server "
          f"{' '.join(options)}", flush=True)
    samples, stop = [], threading.Event()
    with Server(session.exe, *options, directory=session.directory) as server:
        watch = threading.Thread(target=sample, args=(server.process.pid, samples, stop))
        watch.start()
        begin = time.monotonic()
        try:
            raw = session.run_bench(["--port", str(server.port), "--workload", "mixed",
                                     "--documents", str(documents), "--warmup", "0", "--seconds",
                                     str(minutes * 60)])
        finally:
            stop.set()
            watch.join()
        server.stop()
    peak, growth, complaints = verdict(samples, limit_mb)
    print(f"soak: {raw['operations']:,} operations, every answer right, in "
          f"{time.monotonic() - begin:.0f} s; limit {limit_mb} MB, peak {peak:.0f} MB, growth of "
          f"the second half {growth:+.1f} MB")
    for complaint in complaints:
        print(f"soak: {complaint}", file=sys.stderr)
    return 1 if complaints else 0
