"""tools/bench_costs.py - what one operation takes: counted, so that it is the same on any machine.

One connection asks for one operation after the other, so no two share a turn of the loop or a sync
of the journal. Each tool has a server of its own. strace counts system calls and callgrind the
instructions outside the system and the calls of the allocator, both of warm operations only; DHAT
counts the bytes that memcpy and its like move, of which a run without operations is taken off.
Copies that the compiler writes out are not seen by it.
"""

import importlib.util
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import bench_wire
from bench_process import Missing, Server

DOCUMENTS, PAD, BATCH, DB = 100, "x" * 400, 100, "costs"
PACKAGES = {"strace": "strace", "valgrind": "valgrind", "vgdb": "valgrind"}
ALLOCATOR = re.compile(r"(malloc|calloc|realloc|aligned_alloc|posix_memalign|operator new.*)$")


def document(number):
    return {"_id": number, "u": number, "n": 0, "pad": PAD}


def find(field, number):
    return {"find": "old", "filter": {field: number % DOCUMENTS}, "limit": 1, "singleBatch": True}


def insert(where, numbers):
    return {"insert": where, "documents": [document(number) for number in numbers]}


def update(number):
    return {"update": "old", "updates": [{"q": {"_id": number % DOCUMENTS},
                                          "u": {"$inc": {"n": 1}}}]}


def found(reply):
    return len(reply["cursor"]["firstBatch"]) == 1 and \
        reply["cursor"]["firstBatch"][0]["pad"] == PAD


# Each: the command, by the operation's number; whether a reply is right; how many times rarer it
# is counted than others, for the time that it takes.
OPERATIONS = {
    "point read": (lambda i: find("_id", i), found, 1),
    "small insert": (lambda i: insert("new", [i]), lambda reply: reply["n"] == 1, 1),
    "update by _id": (update, lambda reply: reply["nModified"] == 1, 1),
    "find by a secondary key": (lambda i: find("u", i), found, 1),
    f"insertMany of {BATCH}": (lambda i: insert("many", range(i * BATCH, (i + 1) * BATCH)),
                               lambda reply: reply["n"] == BATCH, 10),
}


def times(name, count):
    return max(count // OPERATIONS[name][2], 1)


class Client:
    """One connection to a server that has the documents; operations go on being numbered."""

    def __init__(self, port):
        import bson  # asked for by measure
        self.bson = bson
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.done = dict.fromkeys(OPERATIONS, 0)
        self.ask(insert("old", range(DOCUMENTS)))
        self.ask({"createIndexes": "old", "indexes": [{"key": {"u": 1}, "name": "u",
                                                       "unique": True}]})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, command):
        self.socket.sendall(bench_wire.message(self.bson.encode({**command, "$db": DB})))
        reply = self.bson.decode(bench_wire.reply(self.file))
        if reply["ok"] != 1 or "writeErrors" in reply:
            raise RuntimeError(f"{command} was answered with {reply}")
        return reply

    def run(self, name, count):
        make, is_right, _ = OPERATIONS[name]
        for _ in range(count):
            reply = self.ask(make(self.done[name]))
            if not is_right(reply):
                raise RuntimeError(f"{name} {self.done[name]} was answered with {reply}")
            self.done[name] += 1


def server(exe, *under):
    return Server(exe, "--workers", "1", under=under)


def path_of(program):
    path = shutil.which(program)
    if path is None:
        raise Missing(f"{program} is not installed (Debian package {PACKAGES[program]})")
    return path


# ---- system calls ----

def strace(pid, file, operations):
    """{system call: how often} while operations() runs."""
    tracer = subprocess.Popen([path_of("strace"), "-f", "-c", "-o", file, "-p", str(pid)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        line = tracer.stderr.readline()
        if " attached" not in line:
            raise Missing(f"strace cannot look at a process here: {line.strip()}")
        operations()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
    rows = [line.split() for line in file.read_text().splitlines()]
    return {row[-1]: int(row[3]) for row in rows if len(row) > 4 and row[3].isdigit() and
            row[-1] != "total"}


def system_calls(exe, directory, count):
    costs = {}
    with server(exe) as one, Client(one.port) as client:
        for name in OPERATIONS:
            number = times(name, count)
            client.run(name, number)
            calls = strace(one.process.pid, directory / "strace", lambda: client.run(name, number))
            costs[name] = {"calls": sum(calls.values()) / number,
                           "raw": {call: total / number for call, total in calls.items()}}
    return costs


# ---- instructions and allocations ----

def callgrind_file(path):
    """(instructions, calls of the allocator, those of them that our own code makes)."""
    instructions, taken, own, caller, callee = 0, 0, 0, "", ""
    for line in path.read_text().splitlines():
        key, _, value = line.partition("=")
        if line.startswith("summary:"):
            instructions = int(line.split()[1])
        elif key == "ob":
            caller = value
        elif key == "cfn":
            callee = value
        elif key == "calls" and ALLOCATOR.match(callee) and "jemalloc" not in caller:
            taken += int(value.split()[0])
            own += int(value.split()[0]) if caller.endswith("/largetable") else 0
    return instructions, taken, own


def instructions(exe, directory, count):
    out, costs = directory / "callgrind", {}
    pipes = f"--vgdb-prefix={directory / 'pipe'}"  # they stay when valgrind is killed
    vgdb = path_of("vgdb")

    def tell(what):
        """By vgdb itself: a program between would leave it behind when this one is ended."""
        subprocess.run([vgdb, pipes, f"--pid={one.process.pid}", what], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)

    with server(exe, path_of("valgrind"), "-q", "--tool=callgrind", "--compress-strings=no", pipes,
                f"--callgrind-out-file={out}") as one, Client(one.port) as client:
        for part, name in enumerate(OPERATIONS, 1):
            number = times(name, count)
            client.run(name, number)
            tell("zero")
            client.run(name, number)
            tell("dump")
            found = callgrind_file(pathlib.Path(f"{out}.{part}"))
            costs[name] = dict(zip(("instructions", "allocations", "own"),
                                   (total / number for total in found)))
    return costs


# ---- bytes that are moved ----

def bytes_copied(exe, directory, name, count):
    out = directory / "dhat"
    with server(exe, path_of("valgrind"), "-q", "--vgdb=no", "--tool=dhat", "--mode=copy",
                f"--dhat-out-file={out}") as one, Client(one.port) as client:
        client.run(name, count)
    return sum(point["tb"] for point in json.loads(out.read_text())["pps"])


def copied(exe, directory, count):
    nothing = bytes_copied(exe, directory, "point read", 0)
    return {name: {"copied": (bytes_copied(exe, directory, name, times(name, count)) - nothing) /
                   times(name, count)} for name in OPERATIONS}


def measure(session, count):
    """{operation: figures}; what cannot be counted here is not among them."""
    if importlib.util.find_spec("bson") is None:
        raise Missing("asking for operations needs pymongo (Debian package python3-pymongo)")
    if b"__asan_init" in pathlib.Path(session.exe).read_bytes():
        raise Missing("what a build with sanitizers takes tells nothing")
    costs, reasons = {name: {} for name in OPERATIONS}, []
    directory = pathlib.Path(session.directory) / "costs"
    for counted in system_calls, instructions, copied:
        directory.mkdir()
        try:
            for name, figures in counted(session.exe, directory, count).items():
                costs[name] |= figures
        except Missing as error:
            reasons.append(str(error))
        finally:
            shutil.rmtree(directory)
    if len(reasons) == 3:
        raise Missing("; ".join(dict.fromkeys(reasons)))
    return costs
