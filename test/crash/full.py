"""full.py - the disk fills up, and has room again: nothing acknowledged is lost.

A small tmpfs is filled by documents. The server must end the writes with a clear word; what it
acknowledged is there when there is room again, and writes go on. For root; skipped otherwise.
"""

import pymongo
from pymongo import errors

from ledger import must
from server import Server
from volume import Volume, needs

SIZE_MB = 256
LEAVE_MB = 48
OPTIONS = ("--journalSegmentMB", "4", "--cacheSizeMB", "16")
EXIT_JOURNAL = 14
DOCUMENT = 50000


def fill(server, first):
    """Insert until it fails: the number behind the last that was acknowledged."""
    client = pymongo.MongoClient(server.uri, serverSelectionTimeoutMS=5000, retryWrites=False)
    try:
        while True:
            client.crash.docs.insert_one({"_id": first, "pad": bytes(first % 251 for _ in range(DOCUMENT))})
            first += 1
    except errors.PyMongoError:
        return first
    finally:
        client.close()


def check(server, acknowledged):
    with server.client() as client:
        there = {doc["_id"] for doc in client.crash.docs.find({}, {"_id": 1})}
    missing = set(range(acknowledged)) - there
    must(not missing, f"lost: {len(missing)} documents")
    return max(there, default=-1) + 1


def run(exe, times):
    needs("mount", "fallocate")
    with Volume("tmpfs", SIZE_MB) as volume:
        server = Server(exe, *OPTIONS, directory=volume.path)
        acknowledged = 0
        try:
            server.start()
            for number in range(times):
                volume.fill(LEAVE_MB)
                acknowledged = fill(server, acknowledged)
                code = server.process.wait(30)
                must(code == EXIT_JOURNAL, f"the server ended with {code}")
                server.kill()
                must("OutOfDiskSpace" in server.log(), "the server did not say that the disk is full")
                volume.make_room()
                server.start()
                acknowledged = check(server, acknowledged)
                print(f"full {number + 1}: {acknowledged} documents are there, and there is room again", flush=True)
                with server.client() as client:
                    client.crash.docs.delete_many({"_id": {"$gte": 20}})
                    acknowledged = 20
            server.stop()
        finally:
            if server.process is not None:
                server.kill()
