"""flips.py - one bit of the data directory turns over: it is repaired, refused, or the server stops.

Documents are in the engine's files, and newer ones only in the journal. Each time a copy of the
directory gets one bit flipped, anywhere, and everything is read by all ways there are. What comes
back must be what was written; an error that says so, a refused start or a stop are fine. Half of the
times the directory is encrypted.
"""

import os
import pathlib
import random
import shutil
import tempfile
import time

import pymongo
from pymongo import errors

from ledger import must
from server import ENCRYPTED, Server

OPTIONS = ("--journalSegmentMB", "1")
OLD, NEW = 3000, 500


def document(number):
    return {"_id": number, "u": f"u{number}", "k": number % 7, "pad": f"{number:040d}" * (number % 9)}


def fill(exe, more):
    """A directory with both: returns it."""
    server = Server(exe, *OPTIONS, *more)
    try:
        server.start()
        with server.client() as client:
            client.crash.docs.create_index("u", unique=True)
            client.crash.docs.create_index("k")
            client.crash.docs.insert_many([document(number) for number in range(OLD)])
        server.stop()
        server.start()
        with server.client() as client:
            client.crash.docs.insert_many([document(number) for number in range(OLD, OLD + NEW)])
        time.sleep(0.3)  # the journal notes that all is durable when it has been idle
        server.kill()
        return server.directory
    except BaseException:
        server.close(failed=True)
        raise


def flip(directory, rng):
    files = [path for path in pathlib.Path(directory).rglob("*") if path.is_file() and path.stat().st_size > 0]
    path = rng.choice(sorted(files))
    bit = rng.randrange(path.stat().st_size * 8)
    with open(path, "r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))
    return f"{path.relative_to(directory)} bit {bit}"


def compare(server):
    expected = [document(number) for number in range(OLD + NEW)]
    client = pymongo.MongoClient(server.uri, serverSelectionTimeoutMS=5000, retryReads=False)
    docs = client.crash.docs
    try:
        must(list(docs.find().sort("_id", 1)) == expected, "the documents are others")
        by_unique = sorted(doc["_id"] for doc in docs.find(hint="u_1"))
        by_other = sorted(doc["_id"] for doc in docs.find({"k": {"$gte": 0}}, hint="k_1"))
        must(by_unique == by_other == list(range(OLD + NEW)), "an index shows others")
        for number in range(0, OLD + NEW, 50):
            must(docs.find_one({"_id": number}) == expected[number], "a document is another")
            must(docs.find_one({"u": f"u{number}"}) == expected[number], "a document is another")
        must(docs.estimated_document_count() == OLD + NEW, "the count is another")
    finally:
        client.close()


def outcome(exe, more, directory):
    server = Server(exe, *OPTIONS, *more, directory=directory)
    try:
        server.start()
    except RuntimeError as error:
        must("\nlargetable: " in str(error) or " failed (" in str(error), f"refused without a word: {error}")
        return "refused"
    try:
        compare(server)
        return "read as it was"
    except errors.ConnectionFailure:
        code = server.process.wait(30)
        must(code > 0 and " failed (" in server.log(), f"the server ended with {code}, without a word")
        return "stopped"
    except errors.PyMongoError as error:
        return f"an error: {error}"
    finally:
        server.kill()


def run_on(exe, more, times, rng):
    base = fill(exe, more)
    counts = {}
    try:
        for number in range(times):
            with tempfile.TemporaryDirectory(prefix="largetable-flip-") as copy:
                shutil.copytree(os.path.join(base, "db"), os.path.join(copy, "db"))
                where = flip(os.path.join(copy, "db"), rng)
                print(f"flip {number + 1}: {where}: ", end="", flush=True)
                result = outcome(exe, more, copy)
                print(result, flush=True)
                counts[result.split(":")[0]] = counts.get(result.split(":")[0], 0) + 1
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(f"{'encrypted' if more else 'plain'}: {counts}")


def run(exe, times, seed):
    rng = random.Random(seed)
    run_on(exe, (), (times + 1) // 2, rng)
    run_on(exe, ENCRYPTED, (times + 1) // 2, rng)
