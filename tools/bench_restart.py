"""tools/bench_restart.py - how soon the cache is as good as before, after a restart and without it.

The same requests of a trace come to three servers: a steady one, which has just answered those
before them; one that did too, and was then stopped cleanly and started; and a cold one that has
cached nothing. A window of requests moves on in steps, and the hits in it are compared with the
steady server's in the same window: recovered is who misses at most 2 of 100 requests more.
"""

from bench_process import Server
from bench_trace import replay, restart

WITHIN, STEPS, WINDOW = 0.02, 200, 20  # a window is so many steps
# Three levels in their usual shares, together half of what the trace asks for.
OPTIONS = ("--cacheTotalMB", "136", "--cacheWriteMBPerSecond", "0", "--writeBufferMB", "1",
           "--workers", "1", "--hugePages", "off")


def recovered(misses, steady, step):
    """The requests before the first window that is within reach of the steady; all if none is."""
    for at in range(STEPS - WINDOW + 1):
        if sum(misses[at:at + WINDOW]) - sum(steady[at:at + WINDOW]) <= WITHIN * step * WINDOW:
            return at * step
    return STEPS * step


def ask(exe, state, requests, arguments):
    """What the trace's requests after the first `requests` find, half as many of them."""
    step = max(requests // 2 // STEPS, 1)
    both = requests + step * STEPS
    with Server(exe, *OPTIONS, *arguments) as server:
        replay(exe, "largetable", server.port, both, "--load")
        restart(server)
        if state != "cold":
            replay(exe, "largetable", server.port, requests)
        if state == "restarted":
            restart(server)
        return {**replay(exe, "largetable", server.port, both, "--skip", str(requests),
                         "--window", str(step)), "step": step}


def measure(exe, state, requests, steady, arguments):
    """`steady`: what this gave for that server, None when it is the first."""
    found = ask(exe, state, requests, arguments)
    figures = {"hits": 100 * (1 - found["misses"] / found["requests"]), "raw": found}
    if steady is not None:
        figures["requests"] = recovered(found["windows"], steady["raw"]["windows"],
                                        found["step"])
    for name in "p50", "p99":
        figures[name] = found[name] / 1e3
    return figures
