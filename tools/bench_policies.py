"""tools/bench_policies.py - the cache's policies on recorded traces, by test/sim's simulator."""

import statistics

import bench_trace
from bench_trace import traces

POLICIES = ("lru", "optimal", "fifo", "lfu", "random", "s3fifo", "adaptive")


def simulate(exe, trace, share, requests):
    """Miss ratios at a share of the trace's keys; `way`: how far from LRU to the optimum."""
    sim = [bench_trace.program(exe, "cache_sim"), "--requests", str(requests)]
    run = traces.simulate(sim, trace, POLICIES, shares=[share])[share]
    figures = {name: misses / asked for name, (misses, asked, _) in run.items()}
    figures["worse"] = run["adaptive"][0] / run["lru"][0]
    way = traces.gap(run, "adaptive")
    return figures if way is None else {**figures, "way": 100 * way}


def summary(results, sized):
    """Of all runs. By bytes the furthest next use is not the optimum: `sized` have no way to go."""
    return {"worse": max(one["worse"] for one in results.values()),
            "way": statistics.mean(one["way"] for label, one in results.items()
                                   if "way" in one and label not in sized)}


def references(exe):
    """How many of libCacheSim's figures are not found again."""
    wrong = []
    traces.check_references([bench_trace.program(exe, "cache_sim")], wrong.append)
    return {"wrong": len(wrong), "raw": wrong}
