"""full.py - the disk fills up, and has room again: nothing acknowledged is lost, and reads go on.

A small tmpfs is filled by documents. Writes must be refused with 14031 while the server reads and
deletes on; killed and started again on the full disk it has all it acknowledged; and when there is
room again it takes writes again. For root; skipped otherwise.
"""

import time

from pymongo import errors

from ledger import must
from server import Server
from volume import Volume, needs

SIZE_MB = 320
LEAVE_MB = 80
OPTIONS = ("--journalSegmentMB", "4", "--cacheSizeMB", "16")
OUT_OF_DISK_SPACE = 14031
DOCUMENT = 50000
KEPT = 20
WAIT_S = 30


def document(number):
    return {"_id": number, "pad": bytes([number % 251]) * DOCUMENT}


def fill(client, first):
    """Insert until that is refused: the number behind the last that was acknowledged."""
    try:
        while True:
            client.crash.docs.insert_one(document(first))
            first += 1
    except errors.OperationFailure as error:
        must(error.code == OUT_OF_DISK_SPACE, f"refused otherwise: {error}")
        return first


def check(client, acknowledged):
    docs = list(client.crash.docs.find().sort("_id", 1))
    must(docs == [document(number) for number in range(acknowledged)], "the documents are others")


def insert_soon(client, number):
    """There is room: a write must be taken within a moment."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return client.crash.docs.insert_one(document(number))
        except errors.OperationFailure as error:
            must(error.code == OUT_OF_DISK_SPACE and time.monotonic() < until, f"still refused: {error}")
            time.sleep(0.05)


def round_of(server, volume, first):
    volume.fill(LEAVE_MB)
    with server.client(retryWrites=False) as client:
        acknowledged = fill(client, first)
        check(client, acknowledged)
    server.kill()
    server.start()
    with server.client(retryWrites=False) as client:
        check(client, acknowledged)
        must(fill(client, acknowledged) == acknowledged, "a full disk takes writes after a restart")
        volume.make_room()
        insert_soon(client, acknowledged)
        check(client, acknowledged + 1)
        client.crash.docs.delete_many({"_id": {"$gte": KEPT}})
    return acknowledged


def run(exe, times):
    needs("mount", "fallocate")
    with Volume("tmpfs", SIZE_MB) as volume:
        server = Server(exe, *OPTIONS, directory=volume.path)
        try:
            server.start()
            first = 0
            for number in range(times):
                acknowledged = round_of(server, volume, first)
                first = KEPT
                print(f"full {number + 1}: {acknowledged} documents are there, and there is room again", flush=True)
            server.stop()
        finally:
            if server.process is not None:
                server.kill()
                print(server.log(20))
