"""traces.py CACHE_SIM [--check] [--full] [--ahead] [--seed N] [--policy NAME]... - the cache's policies on recorded traces.

Without --check it prints the miss ratio of every policy on every trace at shares of its distinct
keys, with the part of the way from LRU to the optimum that the policy goes. --check fails when a
policy is not what its reference says, or `adaptive` or fetching ahead not what they promise. --ahead
prints what fetching ahead makes of `adaptive`. Long traces are cut unless --full is given. The data:
$LARGETABLE_DATA, or ../shared/data beside the source tree; where there is none, --check skips.
"""

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77
SHARES = (1, 5, 10, 25)
CUT = 1_000_000
GAP_MIN = 0.25  # of the way from LRU to the optimum, on average
WORSE_MAX = 0.02  # than LRU, relative, on any

TRACES = {
    "orm-busy": ("cache2k-orm-busy.trace.xz", "int32"),
    "web07": ("cache2k-web07.trace.xz", "int32"),
    "corda": ("corda-trace_vaultservice.gz", "int64"),
    "2_pools": ("lirs-2_pools.trace.gz", "text"),
    "sprite": ("lirs-sprite.trace.gz", "text"),
    "multi1": ("lirs-multi1.trace.gz", "text"),
    "zigzag": ("lirs-zigzag.trace.gz", "text"),
    "cdn": ("adapt_size-request.trace.xz", "ids"),
    "cdn-bytes": ("adapt_size-request.trace.xz", "sized"),
}

# Miss ratios by libCacheSim. FIFO, LRU, LFU and the optimum leave nothing open, so ours must be the
# same. S3-FIFO's ghosts are sets of hashes here that forget by age, not one exact queue, and its
# small queue is bounded by bytes: that moves misses by a percent or two.
REFERENCE_POLICIES = ("fifo", "lru", "lfu", "optimal", "s3fifo")
REFERENCE = {
    ("orm-busy", 763): (".2406", ".2297", ".8290", ".1718", ".2436"),
    ("orm-busy", 7634): (".1321", ".1199", ".3506", ".0669", ".1111"),
    ("corda", 9046): (".6667", ".6667", ".9334", ".6667", ".6667"),
    ("2_pools", 993): (".5011", ".4562", ".4568", ".3154", ".4565"),
    ("sprite", 707): (".1804", ".1352", ".5505", ".0864", ".1386"),
}
S3FIFO_TOLERANCE = 0.02

# What fetching ahead must gain, in parts of the misses, on average over SHARES; 0: there is no order in
# the trace, and what is fetched in vain may be VAIN_MAX of the misses. That all of `cdn` is in order is a
# matter of how it was recorded: its keys are numbered as they came.
AHEAD_GAINS = {"orm-busy": 0.08, "web07": 0.35, "sprite": 0.15, "multi1": 0.45, "zigzag": 0.6,
               "corda": 0, "2_pools": 0}
VAIN_MAX = 0.02
AHEAD_KEYS = 4096


def data_folder():
    named = os.environ.get("LARGETABLE_DATA")
    folder = pathlib.Path(named) if named else ROOT.parent / "shared/data"
    return folder / "cache"


def simulate(sim, trace, policies, shares=(), entries=()):
    """{share or entries: {policy: (misses, requests, printed ratio)}} of one run of cache_sim."""
    file, form = TRACES[trace]
    command = sim + ["--trace", str(data_folder() / file), "--format", form]
    for name, values in (("--policy", policies), ("--share", shares), ("--entries", entries)):
        for value in values:
            command += [name, str(value)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    rows = [line.split() for line in lines]
    result = {}
    for index, row in enumerate(rows):
        at = (tuple(shares) + tuple(entries))[index // len(policies)]
        result.setdefault(at, {})[row[1]] = (
            int(row[3]), int(row[2]), row[4].lstrip("0"), *map(int, row[6:]))
    return result


def gap(run, policy):
    """How much of the way from LRU to the optimum; None where there is no way to go."""
    lru, best = run["lru"][0], run["optimal"][0]
    return (lru - run[policy][0]) / (lru - best) if lru > best else None


def check_references(sim, say):
    for (trace, entries), wanted in REFERENCE.items():
        got = simulate(sim, trace, REFERENCE_POLICIES, entries=[entries])[entries]
        for policy, want in zip(REFERENCE_POLICIES, wanted):
            off = abs(float(got[policy][2]) / float(want) - 1)
            if off > (S3FIFO_TOLERANCE if policy == "s3fifo" else 0):
                say(f"{trace}, {entries} entries, {policy}: {got[policy][2]}, the reference is {want}")


def check_adaptive(sim, say):
    gaps = []
    for trace in TRACES:
        runs = simulate(sim, trace, ("lru", "optimal", "adaptive"), SHARES)
        for share, run in runs.items():
            worse = run["adaptive"][0] / run["lru"][0] - 1
            if worse > WORSE_MAX:
                say(f"{trace} at {share} %: adaptive misses {worse:.1%} more than lru")
            if gap(run, "adaptive") is not None and TRACES[trace][1] != "sized":
                gaps.append(gap(run, "adaptive"))
    mean = sum(gaps) / len(gaps)
    print(f"adaptive goes {mean:.1%} of the way from lru to the optimum ({len(gaps)} runs)")
    if mean < GAP_MIN:
        say(f"adaptive goes {mean:.1%} of the way from lru to the optimum; wanted are {GAP_MIN:.0%}")


def ahead_runs(sim, trace):
    """(share, misses without, misses with it, keys fetched by sequences, used, by pairs, used) by share."""
    without = simulate(sim, trace, ("adaptive",), SHARES)
    ahead = simulate(sim + ["--ahead", str(AHEAD_KEYS)], trace, ("adaptive",), SHARES)
    for share in SHARES:
        yield share, without[share]["adaptive"][0], ahead[share]["adaptive"][0], *ahead[share]["adaptive"][3:]


def check_ahead(sim, say):
    for trace, gain_min in AHEAD_GAINS.items():
        gains = []
        for share, before, after, fetched, _, paired, _ in ahead_runs(sim, trace):
            gains.append(1 - after / before)
            if gain_min == 0 and after + fetched + paired > before * (1 + VAIN_MAX):
                say(f"{trace} at {share} %: {fetched} and {paired} keys are fetched for {before} misses")
        if sum(gains) / len(gains) < gain_min:
            say(f"{trace}: fetching ahead saves {sum(gains) / len(gains):.0%} of the misses, not {gain_min:.0%}")


def table_ahead(sim):
    print("| trace | % | misses | ahead | | requests to the store | sequences: used of fetched | pairs |")
    print("|---|---|---|---|---|---|---|---|")
    for trace in (name for name in TRACES if TRACES[name][1] != "sized"):
        for share, before, after, fetched, used, paired, pairs_used in ahead_runs(sim, trace):
            more = (after + fetched + paired) / before - 1
            print(f"| {trace} | {share} | {before} | {after} | {after / before - 1:+.1%} | {more:+.1%} | "
                  f"{used} of {fetched} | {pairs_used} of {paired} |", flush=True)


def table(sim, policies):
    columns = ["lru", "optimal"] + [p for p in policies if p not in ("lru", "optimal")]
    print("| trace | % |" + "".join(f" {name} |" for name in columns))
    print("|---|---|" + "---|" * len(columns))
    gaps = {}
    for trace in TRACES:
        for share, run in simulate(sim, trace, columns, SHARES).items():
            cells = []
            for name in columns:
                part = gap(run, name) if name not in ("lru", "optimal") else None
                cells.append(run[name][2] + ("" if part is None else f" ({part:+.0%})"))
                if part is not None and TRACES[trace][1] != "sized":
                    gaps.setdefault(name, []).append(part)
            print(f"| {trace} | {share} | " + " | ".join(cells) + " |", flush=True)
    for name, parts in gaps.items():
        print(f"{name}: {sum(parts) / len(parts):+.1%} of the way from lru to the optimum")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("sim")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--ahead", action="store_true")
    parser.add_argument("--seed", type=int, default=1, help="of the hashes of the keys")
    parser.add_argument("--policy", action="append")
    args = parser.parse_args()
    sim = [args.sim, "--seed", str(args.seed)]
    part = sim if args.full else sim + ["--requests", str(CUT)]
    if not data_folder().is_dir():
        print(f"skipped: no traces in {data_folder()}; LARGETABLE_DATA names another folder")
        sys.exit(SKIP if args.check else 1)
    if args.ahead:
        return table_ahead(part)
    if not args.check:
        return table(part, args.policy or ["fifo", "lfu", "random", "s3fifo", "adaptive"])
    problems = []
    check_references(sim, problems.append)
    check_adaptive(part, problems.append)
    check_ahead(part, problems.append)
    print("\n".join(problems) or "the policies are what they should be")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
