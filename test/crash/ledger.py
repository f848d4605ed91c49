"""ledger.py - writers whose acknowledged writes are noted outside, and the comparison afterwards.

Writers insert, update and delete, each in a range of its own. What was acknowledged goes to a ledger
that is synced before the next write, on another file system where there is one. Afterwards everything
in the ledger must be there: every insert, every counter at least at its acknowledged value, no
deleted document back. A write that was not acknowledged may be there or not, but never half of it.
"""

import os
import tempfile
import threading

import pymongo
from pymongo import errors

WRITERS = 8
BATCH = 10


class Lost(AssertionError):
    """The database is not what it acknowledged."""


def must(truth, text):
    if not truth:
        raise Lost(text)


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


class Writers:
    """Eight writers, their ledgers, and the check; `with` removes the ledgers."""

    def __enter__(self):
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.TemporaryDirectory(prefix="largetable-ledger-", dir=shared)
        self.ledgers = [Ledger(self.folder.name, number) for number in range(WRITERS)]
        self.first = [0] * WRITERS
        return self

    def __exit__(self, *_):
        for ledger in self.ledgers:
            ledger.file.close()
        self.folder.cleanup()

    def prepare(self, server):
        with server.client() as client:
            client.crash.docs.create_index("u", unique=True)

    def run(self, server, end):
        """Write until `end()` has ended the server, in one way or another."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._write, args=(server.uri, number, stop)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            end()
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _write(self, uri, number, stop):
        """Insert single documents and batches, count, and delete, until the server is gone."""
        client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000, socketTimeoutMS=20000, retryWrites=False)
        docs, counters = client.crash.docs, client.crash.counters
        ledger, i = self.ledgers[number], self.first[number]
        try:
            while not stop.is_set():
                name = f"{number}-{i}"
                docs.insert_one({"_id": name, "half": name, "u": name})
                ledger.note(f"insert {name}")
                docs.insert_many([{"_id": f"{name}-{k}", "half": f"{name}-{k}", "u": f"{name}-{k}"} for k in range(BATCH)])
                ledger.note(f"batch {name}")
                counters.update_one({"_id": number}, {"$inc": {"n": 1}}, upsert=True)
                ledger.note("count 1")
                if i % 3 == 0:
                    docs.delete_one({"_id": name})
                    ledger.note(f"delete {name}")
                i += 1
        except errors.PyMongoError:
            pass
        finally:
            client.close()
        self.first[number] = i + 1

    def check(self, server):
        """Compare the database with the ledgers; returns how many acknowledged writes were found."""
        with server.client() as client:
            found = {doc["_id"]: doc for doc in client.crash.docs.find()}
            by_index = {doc["_id"] for doc in client.crash.docs.find({"u": {"$gte": ""}}, hint="u_1")}
            counters = {doc["_id"]: doc["n"] for doc in client.crash.counters.find()}
        must(by_index == set(found), "the index and the documents differ")
        for name, doc in found.items():
            must(doc["half"] == name and doc["u"] == name, f"half a document: {doc}")
        return sum(check_ledger(ledger.lines(), found, counters.get(number, 0)) for number, ledger in enumerate(self.ledgers))


def check_ledger(lines, found, counter):
    deleted = {line[1] for line in lines if line[0] == "delete"}
    counted = 0
    for verb, name in lines:
        if verb == "insert" and name not in deleted:
            maybe_deleted = int(name.split("-")[1]) % 3 == 0
            must(name in found or maybe_deleted, f"lost: {name}")
        elif verb == "batch":
            for k in range(BATCH):
                must(f"{name}-{k}" in found, f"lost: {name}-{k}")
        elif verb == "delete":
            must(name not in found, f"came back: {name}")
        elif verb == "count":
            counted += 1
    must(counter >= counted, f"a counter is {counter}, and {counted} increments were acknowledged")
    return len(lines)
