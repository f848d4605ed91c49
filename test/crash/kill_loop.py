"""kill_loop.py EXE KILLS [SEED] - kill -9 under load: nothing acknowledged may be missing afterwards.

Writers insert, update and delete, each in a range of its own. What was acknowledged goes to a ledger
that is synced before the next write, on another file system where there is one. The server is killed
at a random moment of 50 to 800 ms, started again, and everything in the ledger must be there: every
insert, every counter at least at its acknowledged value, no deleted document back. A write that was
not acknowledged may be there or not, but never half of it.
"""

import os
import pathlib
import random
import sys
import tempfile
import threading

import pymongo
from pymongo import errors

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from server import Server  # noqa: E402

WRITERS = 8
BATCH = 10


class Ledger:
    """Acknowledged writes of one writer; a line is on disk before the next write begins."""

    def __init__(self, folder, number):
        self.file = open(os.path.join(folder, f"ledger-{number}"), "a+", encoding="ascii")

    def note(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    def lines(self):
        self.file.seek(0)
        return [line.split() for line in self.file.read().splitlines()]


def write(uri, number, ledger, first, stop):
    """Insert single documents and batches, count, and delete, until the server is gone."""
    client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000, retryWrites=False)
    docs, counters = client.crash.docs, client.crash.counters
    i, count = first, 0
    try:
        while not stop.is_set():
            name = f"{number}-{i}"
            docs.insert_one({"_id": name, "half": name, "u": name})
            ledger.note(f"insert {name}")
            docs.insert_many([{"_id": f"{name}-{k}", "half": f"{name}-{k}", "u": f"{name}-{k}"} for k in range(BATCH)])
            ledger.note(f"batch {name}")
            counters.update_one({"_id": number}, {"$inc": {"n": 1}}, upsert=True)
            count += 1
            ledger.note("count 1")
            if i % 3 == 0:
                docs.delete_one({"_id": name})
                ledger.note(f"delete {name}")
            i += 1
    except errors.PyMongoError:
        pass
    finally:
        client.close()
    return i + 1


def check(uri, ledgers):
    """Compare the database with the ledgers; returns how many acknowledged writes were found."""
    client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=10000)
    found = {doc["_id"]: doc for doc in client.crash.docs.find()}
    by_index = {doc["_id"] for doc in client.crash.docs.find({"u": {"$gte": ""}}, hint="u_1")}
    counters = {doc["_id"]: doc["n"] for doc in client.crash.counters.find()}
    client.close()
    assert by_index == set(found), "the index and the documents differ"
    checked = 0
    for number, ledger in enumerate(ledgers):
        counted, maybe_deleted = 0, set()
        lines = ledger.lines()
        deleted = {line[1] for line in lines if line[0] == "delete"}
        names = [line[1] for line in lines if line[0] == "insert"]
        for verb, name in lines:
            if verb == "insert" and name not in deleted:
                maybe_deleted.add(name)
            elif verb == "batch":
                for k in range(BATCH):
                    assert f"{name}-{k}" in found, f"lost: {name}-{k}"
            elif verb == "delete":
                assert name not in found, f"came back: {name}"
            elif verb == "count":
                counted += 1
            checked += 1
        for name in maybe_deleted:
            unacknowledged_delete = int(name.split("-")[1]) % 3 == 0
            assert name in found or unacknowledged_delete, f"lost: {name}"
        assert counters.get(number, 0) >= counted, f"counter {number}: {counters.get(number, 0)} < {counted}"
        assert len(names) == len(set(names))
    for name, doc in found.items():
        assert doc["half"] == name and doc["u"] == name, f"half a document: {doc}"
    return checked


def main():
    exe, kills = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="largetable-ledger-", dir=shared) as folder:
        ledgers = [Ledger(folder, number) for number in range(WRITERS)]
        first = [0] * WRITERS
        server = Server(exe)
        with server:
            pymongo.MongoClient(server.uri).crash.docs.create_index("u", unique=True)
            for kill in range(kills):
                stop = threading.Event()

                def run(number, stop=stop):
                    first[number] = write(server.uri, number, ledgers[number], first[number], stop)

                threads = [threading.Thread(target=run, args=(n,)) for n in range(WRITERS)]
                for thread in threads:
                    thread.start()
                stop.wait(rng.uniform(0.05, 0.8))
                server.kill()
                stop.set()
                for thread in threads:
                    thread.join()
                server.start()
                checked = check(server.uri, ledgers)
                print(f"kill {kill + 1}: {checked} acknowledged writes are there", flush=True)
        for ledger in ledgers:
            ledger.file.close()


main()
