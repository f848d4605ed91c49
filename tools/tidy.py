"""tools/tidy.py ROOT [BUILD] - the house rules that a machine can check.

Rooms include only what src/ROOMS lets them, without cycles; pure rooms call nothing impure (by nm
on their objects in BUILD); banned calls stay in their rooms; sizes stay within limits. A file that
is over a limit must be in tools/tidy.ratchet with its size, which may only shrink.
"""

import pathlib
import re
import subprocess
import sys

FILE_LINES = 600
FUNCTION_LINES = 70
PARAMETERS = 5
COLUMNS = 100

BANNED = [  # what, where it is allowed
    (r"(?<![.>])\b(malloc|calloc|realloc|free)\s*\(", ("base/", "store/rocks", "repl/repl.c")),
    (r"(?<![.>])\b(clock_gettime|gettimeofday|time)\s*\(", ("base/", "node/")),
    (r"\b(rand|random|getrandom)\s*\(", ("base/",)),
    (r"#include <uv\.h>", ("net/",)),
    (r"#include <rocksdb/", ("store/rocks_private.h",)),
    (r"#include <raft\.h>", ("repl/repl.c",)),
    (r"\b(strcpy|strcat|sprintf|gets)\s*\(", ()),
    (r"\b(TODO|FIXME|HACK|XXX)\b", ()),
    (r"typedef\s+struct", ()),
]

IMPURE = {
    "clock_gettime", "gettimeofday", "time", "rand", "random", "getrandom", "socket", "connect",
    "accept", "send", "recv", "open", "openat", "read", "write", "pthread_create", "fopen", "getenv",
    "usleep", "nanosleep",
}


def rooms(root):
    """{room: (allowed rooms or None for all, pure)} from src/ROOMS."""
    table = {}
    for line in (root / "src/ROOMS").read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        room, rest = line.split(":")
        pure = "(pure)" in rest
        names = rest.replace("(pure)", "").split()
        table[room] = (None if names == ["*"] else set(names), pure)
    return table


def sources(root):
    for folder in ("src", "test"):
        for path in sorted((root / folder).rglob("*.[ch]")):
            if "node_modules" not in path.parts:
                yield path


def check_rooms(root, table, say):
    graph = {}
    for path in sorted((root / "src").rglob("*.[ch]")):
        parts = path.relative_to(root / "src").parts
        if len(parts) < 2:
            continue
        room = parts[0]
        if room not in table:
            say(path, 0, f"the room {room} is not in src/ROOMS")
            continue
        allowed, _ = table[room]
        is_test = path.name.endswith("_test.c")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'#include "(\w+)/([\w.]+)"', line)
            if not match:
                continue
            target, header = match.groups()
            if target in ("lib",) and is_test:
                continue
            if target == room or target == "base" or allowed is None:
                pass
            elif target not in allowed and not is_test:
                say(path, number, f"{room} may not include {target}/{header} (src/ROOMS)")
            if target != room and header.endswith("_private.h"):
                say(path, number, f"{target}/{header} is private to {target}")
            if not is_test and target != room:
                graph.setdefault(room, set()).add(target)
    for room in graph:
        seen, stack = set(), [room]
        while stack:
            for target in graph.get(stack.pop(), ()):
                if target == room:
                    say(root / "src/ROOMS", 0, f"{room} is in a cycle of includes")
                elif target not in seen:
                    seen.add(target)
                    stack.append(target)


def check_bans(root, say):
    for path in sources(root):
        name = str(path.relative_to(root))
        if not name.startswith("src/"):
            continue
        inside = name[len("src/"):]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = re.sub(r'"(\\.|[^"\\])*"', '""', line)
            if re.match(r"\s*(/?\*|//)", code) and "TODO" not in code and "FIXME" not in code:
                continue
            for pattern, allowed in BANNED:
                if inside.endswith("_test.c") or any(inside.startswith(a) for a in allowed):
                    continue
                if re.search(pattern, code):
                    say(path, number, f"banned here: {pattern}")


def check_contracts(root, say):
    for path in sorted((root / "src").rglob("*.h")):
        text = path.read_text()
        head = text[:text.find("#ifndef")]
        for word in ("Invariant", "Thread", "Memory", "Errors"):
            if f"\n * {word} " not in head:
                say(path, 1, f"the header contract lacks '{word}'")


def functions(lines):
    """(line number, signature, length) of each function definition, as clang-format lays them out."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and number > 1:
            start = number
        elif line == "}" and start is not None:
            head = start - 1
            while head > 1 and lines[head - 2].strip() and not lines[head - 2].startswith(("#", "}", "/*", " *")):
                head -= 1
            yield head, " ".join(lines[head - 1:start - 1]), number - start + 1
            start = None


def check_sizes(root, ratchet, say):
    found = {}
    for path in sources(root):
        name = str(path.relative_to(root))
        lines = path.read_text().splitlines()
        if path.suffix == ".c" and len(lines) > FILE_LINES:
            found[name] = len(lines)
            if len(lines) > ratchet.get(name, FILE_LINES):
                say(path, 0, f"{len(lines)} lines; the limit is {ratchet.get(name, FILE_LINES)}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                say(path, number, f"{len(line)} columns; the limit is {COLUMNS}")
        if path.suffix != ".c":
            continue
        for number, signature, length in functions(lines):
            if length > FUNCTION_LINES:
                say(path, number, f"a function of {length} lines; the limit is {FUNCTION_LINES}")
            inside = re.search(r"\((.*)\)\s*$", signature)
            count = len(re.sub(r"\([^()]*\)", "", inside.group(1)).split(",")) if inside else 0
            if count > PARAMETERS:
                say(path, number, f"{count} parameters; the limit is {PARAMETERS}")
    for name in ratchet:
        if name not in found:
            say(root / "tools/tidy.ratchet", 0, f"{name} is within its limit now: remove the line")


def check_purity(root, build, table, say):
    for room, (_, pure) in table.items():
        library = build / f"src/lib{room}.a"
        if not pure or not library.exists():
            continue
        listing = subprocess.run(["nm", "-u", str(library)], capture_output=True, text=True, check=True)
        for symbol in re.findall(r"U (\w+)", listing.stdout):
            if symbol in IMPURE:
                say(library, 0, f"the pure room {room} calls {symbol}")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    ratchet_path = root / "tools/tidy.ratchet"
    ratchet = {}
    if ratchet_path.exists():
        for line in ratchet_path.read_text().splitlines():
            if line and not line.startswith("#"):
                name, limit = line.split()
                ratchet[name] = int(limit)
    problems = []

    def say(path, line, text):
        problems.append(f"{path.relative_to(root) if path.is_relative_to(root) else path}:{line}: {text}")

    table = rooms(root)
    check_rooms(root, table, say)
    check_bans(root, say)
    check_contracts(root, say)
    check_sizes(root, ratchet, say)
    if len(sys.argv) > 2:
        check_purity(root, pathlib.Path(sys.argv[2]), table, say)
    print("\n".join(problems) or "tidy: the house is in order")
    sys.exit(1 if problems else 0)


main()
