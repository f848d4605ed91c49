"""tools/bench_flame.py - where the time of a path goes: stacks by perf, and a picture of them.

perf takes a look at the server some hundred times a second by the processor's clock, while a client
keeps it busy. It unwinds stacks by their tables, since Debian's libraries keep no frame pointers; a
library's functions that have no names are one frame with the library's.
"""

import collections
import itertools
import json
import pathlib
import re
import shutil
import subprocess
from html import escape

from bench_process import Missing, Server

RATE, STACK_BYTES, SECONDS_MAX = 499, 32768, 5
# What a frame belongs to: the first letter of its name in a stack, what that means, its color.
KINDS = {"o": ("own", "#2a6f97"), "k": ("kernel", "#e0a458"), "r": ("rocksdb", "#6a8d3f"),
         "l": ("other", "#a9b4bd")}
# What every stack of a loop begins with, where it could be unwound to its end.
OUTER = {"l:clone3", "l:start_thread", "o:loop_run", "l:uv_run"}
WIDTH, ROW, TOP, LETTER, LEAST = 1200, 17, 56, 6.6, 0.002  # LEAST: a part that is still drawn


# ---- taking them ----

def frame(line):
    """`address name (file)`, with what compilers and templates add left out."""
    name, _, where = line.strip().partition(" ")[2].rpartition(" (")
    where = where.rstrip(")").rpartition("/")[2]
    kind = "k" if where.startswith("[") else "o" if where == "largetable" else \
        "r" if "rocksdb" in where else "l"
    name = re.sub(r"\.(lto_priv|constprop|isra|part|cold)\b[.\d]*", "", name)
    name = re.sub(r"<.*>", "<>", name)
    return f"{kind}:{where.partition('.so')[0] if name == '[unknown]' else name}"


def folded(text):
    """{(thread, outermost frame, ... innermost): samples} of what `perf script` tells."""
    stacks = collections.Counter()
    for sample in text.split("\n\n"):
        thread, *lines = sample.strip("\n").split("\n")
        frames = [frame(line) for line in reversed(lines) if "([unknown])" not in line]
        frames = itertools.dropwhile(OUTER.__contains__, frames)
        stacks[f"l:{thread.strip()}", *(name for name, _ in itertools.groupby(frames))] += 1
    stacks.pop(("l:",), None)
    return stacks


def pruned(stacks):
    """Without the ends of stacks that are too rare to be drawn."""
    total, times, kept = sum(stacks.values()), collections.Counter(), collections.Counter()
    for stack, count in stacks.items():
        for depth in range(len(stack)):
            times[stack[:depth + 1]] += count
    for stack, count in stacks.items():
        while len(stack) > 1 and times[stack] < LEAST * total:
            stack = stack[:-1]
        kept[stack] += count
    return kept


def record(session, pid, arguments):
    """The stacks of process `pid` while `largetable bench` runs."""
    perf = shutil.which("perf")
    if perf is None:
        raise Missing("perf is not installed (Debian package linux-perf)")
    file = pathlib.Path(session.directory) / "perf.data"
    done = subprocess.run([perf, "record", "-q", "-e", "cpu-clock", "-F", str(RATE), "--call-graph",
                           f"dwarf,{STACK_BYTES}", "-o", file, "-p", str(pid), "--", session.exe,
                           "bench", "--json", "-", *arguments], capture_output=True, text=True)
    if not done.stdout:
        raise Missing(f"perf cannot look at a process here: {done.stderr.strip()[:200]}")
    text = subprocess.run([perf, "script", "--no-inline", "-i", file, "-F", "comm,ip,sym,dso"],
                          capture_output=True, text=True, check=True).stdout
    file.unlink()
    return folded(text), json.loads(done.stdout)


def measure(session, workload, documents, seconds, arguments):
    seconds = str(min(seconds, SECONDS_MAX))
    with Server(session.exe, *arguments) as server:
        options = ["--port", str(server.port), "--workload", workload, "--documents",
                   str(documents), "--warmup", "0"]
        if workload == "read":
            session.run_bench([*options, "--seconds", "0.1"])
            options.append("--loaded")
        stacks, raw = record(session, server.process.pid, [*options, "--seconds", seconds])
    if not stacks:
        raise Missing("perf saw nothing of the server")
    own = collections.Counter()
    for stack, count in stacks.items():
        own[stack[-1][0]] += count
    total = sum(stacks.values())
    return {**{name: 100 * own[kind] / total for kind, (name, _) in KINDS.items()},
            "samples": total, "raw": {"stacks": {";".join(stack): count for stack, count in
                                                 sorted(pruned(stacks).items())}, "client": raw}}


# ---- drawing them ----

def tree(stacks):
    """{frame: [samples, the same of what it calls]}."""
    root = {}
    for stack, count in stacks.items():
        node = root
        for name in stack.split(";"):
            entry = node.setdefault(name, [0, {}])
            entry[0] += count
            node = entry[1]
    return root


def boxes(node, left, depth, total):
    """(frame, left, depth, samples) of each that is wide enough; callees stand above."""
    for name, (count, callees) in sorted(node.items()):
        if count >= LEAST * total:
            yield name, left, depth, count
            yield from boxes(callees, left, depth + 1, total)
        left += count


def draw(title, stacks):
    total = sum(stacks.values())
    drawn = list(boxes(tree(stacks), 0, 0, total))
    bottom = TOP + ROW * (1 + max(depth for _, _, depth, _ in drawn))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 8}" '
             'font-family="monospace" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="8" y="20" font-size="14">{escape(title)}, {total:,} samples</text>']
    for index, (name, color) in enumerate(KINDS.values()):
        parts.append(f'<rect x="{8 + 130 * index}" y="30" width="12" height="12" fill="{color}"/>'
                     f'<text x="{25 + 130 * index}" y="40">{name}</text>')
    for name, left, depth, count in drawn:
        x, width, y = WIDTH * left / total, WIDTH * count / total, bottom - ROW * (depth + 1)
        label = name[2:] if len(name) - 2 <= width / LETTER else name[2:2 + int(width / LETTER)]
        parts.append(f'<g><title>{escape(name[2:])}: {100 * count / total:.1f} %</title>'
                     f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.5):.1f}" '
                     f'height="{ROW - 1}" fill="{KINDS[name[0]][1]}" fill-opacity="0.7"/>'
                     f'<text x="{x + 2:.1f}" y="{y + 12}">{escape(label)}</text></g>')
    return "\n".join([*parts, "</svg>", ""])
