"""capped.py EXE - capped collections: their order, their limits, who waits at their end, and how
others become capped."""

import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from pymongo.errors import AutoReconnect, OperationFailure  # noqa: E402
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

WAIT_MS = 30000
CONVERTED = 30000


def ids(collection, way=1):
    return [doc["_id"] for doc in collection.find(sort=[("$natural", way)])]


def valid(database, name):
    reply = database.command("validate", name)
    assert reply["valid"], reply["errors"]


# ---- order and limits ----

ORDER = [5, "x", 2, 1, 9]


def make_order(database):
    events = database.create_collection("events", capped=True, size=100000, max=5)
    events.create_index("n", unique=True)
    events.insert_many([{"_id": i, "n": n} for n, i in enumerate([7, 3, *ORDER[:3]])])
    events.update_one({"_id": 2}, {"$set": {"long": "y" * 1000}})
    events.delete_one({"_id": 3})
    events.update_one({"_id": 1}, {"$set": {"n": 10}}, upsert=True)
    events.find_one_and_update({"_id": 9}, {"$set": {"n": 11}}, upsert=True)


def check_order(database):
    events = database.events
    assert ids(events) == ORDER and ids(events, -1) == ORDER[::-1], ids(events)
    assert [doc["_id"] for doc in events.find()] == ORDER
    assert [doc["_id"] for doc in events.aggregate([{"$match": {"n": {"$gte": 4}}}])] == [2, 1, 9]
    assert [doc["_id"] for doc in events.find().sort("n", -1)] == ORDER[::-1]
    options = database.command("listCollections", filter={"name": "events"})
    options = options["cursor"]["firstBatch"][0]["options"]
    assert options == {"capped": True, "size": 100096, "max": 5}, options
    valid(database, "events")


def check_numbers_go_on(database):
    """What comes after a restart comes last, also when the newest was deleted before."""
    database.events.insert_one({"_id": 0, "n": 20})
    assert ids(database.events) == [*ORDER[1:], 0]


def test_concurrent_writers(database):
    """Neither limit is ever exceeded, and each writer's documents are in its order."""
    database.create_collection("shared", capped=True, size=20000, max=300)
    database.shared.create_index("n")

    def write(k):
        for n in range(0, 1500, 10):
            database.shared.insert_many([{"_id": f"{k}-{i}", "k": k, "n": i, "text": "x" * (i % 90)}
                                         for i in range(n, n + 10)])

    writers = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        stats = database.command("collStats", "shared")
        assert stats["count"] <= stats["max"] == 300 and stats["size"] <= stats["maxSize"], stats
    for writer in writers:
        writer.join()
    docs = list(database.shared.find())
    assert 100 < len(docs) <= 300, len(docs)
    for k in range(4):
        mine = [doc["n"] for doc in docs if doc["k"] == k]
        assert mine == list(range(1500 - len(mine), 1500)), mine
    valid(database, "shared")


def test_limits(database):
    few = database.create_collection("few", capped=True, size=1 << 20)
    few.insert_many([{"_id": i} for i in range(5000)])
    refused(2, lambda: few.insert_one({"_id": "large", "text": "x" * (1 << 20)}))
    refused(11000, lambda: few.insert_one({"_id": 4999}))
    database.command("collMod", "few", cappedMax=10)
    assert few.count_documents({}) == 5000
    few.insert_one({"_id": "last"})
    assert ids(few) == [*range(4991, 5000), "last"]
    database.command("collMod", "few", cappedSize=1, cappedMax=0)
    few.insert_many([{"_id": f"n{i}", "text": "x" * 1000} for i in range(10)])
    assert ids(few) == ["n7", "n8", "n9"], ids(few)
    assert database.command("collStats", "few")["maxSize"] == 4096
    refused(72, lambda: database.command("collMod", "docs", cappedSize=4096))
    with database.client.start_session() as session:
        session.start_transaction()
        refused(263, lambda: few.insert_one({"_id": 1}, session=session))
        session.abort_transaction()
    valid(database, "few")


# ---- who waits at the end ----

class Tail:
    """A tailable cursor that waits, when it has given everything."""

    def __init__(self, database, name):
        self.database, self.name = database, name
        self.session = database.client.start_session()
        reply = database.command("find", name, tailable=True, awaitData=True, session=self.session)
        self.cursor = reply["cursor"]["id"]

    def more(self, wait_ms=WAIT_MS):
        reply = self.database.command("getMore", self.cursor, collection=self.name,
                                      maxTimeMS=wait_ms, session=self.session)
        assert reply["cursor"]["id"] == self.cursor
        return [doc["_id"] for doc in reply["cursor"]["nextBatch"]]

    def is_asked(self):
        ops = self.database.client.admin.command("currentOp")["inprog"]
        return any(op.get("command", {}).get("getMore") == self.cursor for op in ops)


class Waiting(threading.Thread):
    """A getMore that is under way when this returns."""

    def __init__(self, tail):
        super().__init__()
        self.tail = tail
        self.answer = None
        self.took = None
        self.start()
        while not tail.is_asked():
            pass

    def run(self):
        begin = time.monotonic()
        try:
            self.answer = self.tail.more()
        except OperationFailure as error:
            self.answer = error.code
        self.took = time.monotonic() - begin

    def wait(self):
        self.join()
        assert self.took < WAIT_MS / 1000 / 2, self.took
        return self.answer


def cpu_s(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_tail(database, server):
    news = database.create_collection("news", capped=True, size=1 << 20)
    assert Tail(database, "news").cursor == 0  # nothing is there: the end is the end
    news.insert_one({"_id": 0})
    tail = Tail(database, "news")
    waiting = Waiting(tail)
    news.insert_many([{"_id": 1}, {"_id": 2}])
    assert waiting.wait() == [1, 2]
    waiting = Waiting(tail)
    database.other.insert_one({})  # nothing for it
    news.insert_one({"_id": 3})
    assert waiting.wait() == [3]
    before, begin = cpu_s(server), time.monotonic()
    assert tail.more(1000) == []
    assert time.monotonic() - begin >= 0.9 and cpu_s(server) - before < 0.5
    waiting = Waiting(tail)
    news.drop()
    assert waiting.wait() == 175


def test_overtaken(database):
    ring = database.create_collection("ring", capped=True, size=1 << 20, max=3)
    ring.insert_one({"_id": 0})
    slow, quick = Tail(database, "ring"), Tail(database, "ring")
    for i in range(1, 10, 2):
        ring.insert_many([{"_id": i}, {"_id": i + 1}])
        assert quick.more() == [i, i + 1]
    refused(136, slow.more)
    refused(43, slow.more)


# ---- others become capped ----

def test_clone(database):
    database.docs.insert_many([{"_id": i, "text": "x" * 80} for i in range(500)])
    database.command("cloneCollectionAsCapped", "docs", toCollection="copy", size=10000)
    size = database.command("collStats", "docs")["avgObjSize"]
    kept = 10240 // size
    assert ids(database.copy) == list(range(500 - kept, 500))
    assert database.docs.count_documents({}) == 500
    refused(48, lambda: database.command("cloneCollectionAsCapped", "docs", toCollection="copy",
                                         size=10000))
    database.command("convertToCapped", "copy", size=5000)
    assert ids(database.copy) == list(range(500 - 5120 // size, 500))
    refused(26, lambda: database.command("convertToCapped", "none", size=10000))
    refused(20, lambda: database.command("emptycapped", "docs"))
    database.command("emptycapped", "copy")
    assert ids(database.copy) == [] and database.command("collStats", "copy")["size"] == 0
    database.copy.insert_one({"_id": 1})
    valid(database, "copy")


def wait_for_copy(database, converting):
    """Until the copy is being made, or was."""
    while converting.is_alive() and not any(name.startswith("tmp")
                                            for name in database.list_collection_names()):
        pass


def test_convert_beside_others(database):
    """Nothing that was acknowledged is missing; a reader gets all, or learns that it cannot."""
    busy = database.busy
    busy.insert_many([{"_id": i, "n": i} for i in range(CONVERTED)])
    done = threading.Event()
    written, failures = [], []

    def write():
        i = CONVERTED
        while not done.is_set():
            busy.insert_one({"_id": i, "n": i})
            written.append(i)
            i += 1

    def read():
        while not done.is_set():
            try:
                found = [doc["_id"] for doc in busy.find(batch_size=500)]
                if sorted(found[:CONVERTED]) != list(range(CONVERTED)):
                    failures.append(len(found))
            except OperationFailure as error:
                if error.code != 175:
                    failures.append(error)

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    try:
        database.command("convertToCapped", "busy", size=1 << 30)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    assert ids(busy) == list(range(CONVERTED + len(written)))
    assert database.command("collStats", "busy")["capped"]
    valid(database, "busy")


def test_convert_beside_a_transaction(database):
    """One that was under way and commits meanwhile is in the copy."""
    mixed = database.mixed
    mixed.insert_many([{"_id": i} for i in range(CONVERTED)])
    with database.client.start_session() as session:
        session.start_transaction()
        mixed.insert_one({"_id": -1}, session=session)
        converting = threading.Thread(
            target=lambda: database.command("convertToCapped", "mixed", size=1 << 30))
        converting.start()
        wait_for_copy(database, converting)
        try:
            session.commit_transaction()
            first = -1
        except OperationFailure as error:
            assert error.code == 112, error.details
            first = 0
        converting.join()
    assert ids(mixed) == list(range(first, CONVERTED))
    valid(database, "mixed")


def test_convert_killed(server):
    """A crash in between leaves what was there, and nothing beside it."""
    database = server.client(retryWrites=False).capped
    database.whole.insert_many([{"_id": i} for i in range(CONVERTED)])

    def convert():
        try:
            database.command("convertToCapped", "whole", size=1 << 30)
        except AutoReconnect:
            pass

    converting = threading.Thread(target=convert)
    converting.start()
    wait_for_copy(database, converting)
    server.kill()
    converting.join()
    server.start()
    database = server.client().capped
    assert database.whole.count_documents({}) == CONVERTED
    assert not [name for name in database.list_collection_names() if name.startswith("tmp")]
    return database


def main():
    with Server(sys.argv[1], "--setParameter", "enableTestCommands=1") as server:
        database = server.client().capped
        make_order(database)
        check_order(database)
        test_concurrent_writers(database)
        test_clone(database)
        test_limits(database)
        test_tail(database, server)
        test_overtaken(database)
        test_convert_beside_others(database)
        test_convert_beside_a_transaction(database)
        server.stop()
        server.start()
        check_order(server.client().capped)
        database = test_convert_killed(server)
        check_order(database)
        check_numbers_go_on(database)
        server.kill()
        server.start()
        assert ids(server.client().capped.events) == [*ORDER[1:], 0]


main()
