"""transactions.py EXE - transactions as two clients see them: isolation, conflicts, ends, refusals."""

import pathlib
import sys
import threading

import bson
from bson.int64 import Int64
from pymongo import errors

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection  # noqa: E402
from server import Server  # noqa: E402

DB = "txn"
CONFLICT, NO_SUCH, COMMITTED, TOO_OLD = 112, 251, 256, 225


def fresh(client, name, count=3):
    c = client[DB][name]
    c.drop()
    c.insert_many([{"_id": i, "n": 0} for i in range(count)])
    return c


class Raw:
    """A session over one connection whose transactions are made by hand."""

    def __init__(self, server, lsid):
        self.connection = Connection(server.port)
        self.lsid = lsid
        self.number = 0

    def begin(self, command, **fields):
        self.number += 1
        return self.go_on(command, startTransaction=True, **fields)

    def go_on(self, command, db=DB, **fields):
        return self.connection.run({**command, "$db": db, "lsid": self.lsid,
                                    "txnNumber": Int64(self.number), "autocommit": False, **fields})

    def end(self, how, **fields):
        return self.go_on({how: 1}, db="admin", **fields)


def raw_session(server):
    with Connection(server.port) as connection:
        return Raw(server, connection.run({"startSession": 1, "$db": "admin"})["id"])


def fails(code, label, call, *args, **keywords):
    try:
        call(*args, **keywords)
    except errors.OperationFailure as error:
        assert error.code == code, (error.code, code, error)
        assert error.has_error_label("TransientTransactionError") == label, error.details
        return error
    raise AssertionError(f"{call} did not fail")


def isolation(client, _):
    c = fresh(client, "isolation")
    with client.start_session() as s, s.start_transaction():
        assert c.find_one({"_id": 0}, session=s)["n"] == 0
        c.update_one({"_id": 1}, {"$set": {"n": 5}}, session=s)
        c.insert_one({"_id": 9, "n": 5}, session=s)
        c.delete_one({"_id": 2}, session=s)
        assert [d["_id"] for d in c.find(session=s)] == [0, 1, 9]
        assert [d["_id"] for d in c.find({"n": 5}, session=s).sort("_id", -1)] == [9, 1]
        assert [d["_id"] for d in c.find()] == [0, 1, 2] and c.find_one({"_id": 1})["n"] == 0
        c.update_one({"_id": 0}, {"$set": {"n": 7}})  # outside, after the snapshot
        c.insert_one({"_id": 50, "n": 5})
        assert c.find_one({"_id": 0}, session=s)["n"] == 0
        assert [d["_id"] for d in c.find(session=s)] == [0, 1, 9]
        assert c.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}, session=s)["n"] == 5
        grouped = c.aggregate([{"$group": {"_id": None, "n": {"$sum": "$n"}}}], session=s)
        assert list(grouped)[0]["n"] == 11
        assert sorted(c.distinct("n", session=s)) == [0, 5, 6]
    assert {d["_id"]: d["n"] for d in c.find()} == {0: 7, 1: 6, 9: 5, 50: 5}


def several_collections(client, _):
    a, b = fresh(client, "several_a"), client.txn_other.several_b
    b.drop()
    with client.start_session() as s, s.start_transaction():
        a.update_one({"_id": 0}, {"$inc": {"n": -5}}, session=s)
        b.insert_one({"_id": 0, "n": 5}, session=s)  # makes a collection in another database
        look = a.aggregate([{"$lookup": {"from": "several_a", "localField": "_id",
                                         "foreignField": "_id", "as": "same"}}], session=s)
        assert [d["same"][0]["n"] for d in look] == [-5, 0, 0]
        assert "several_b" not in client.txn_other.list_collection_names()
    assert a.find_one({"_id": 0})["n"] == -5 and b.find_one()["n"] == 5


def aborts(client, _):
    c = fresh(client, "aborts")
    with client.start_session() as s:
        s.start_transaction()
        c.update_many({}, {"$inc": {"n": 1}}, session=s)
        client[DB].aborts_new.insert_one({}, session=s)
        s.abort_transaction()
        s.start_transaction()
        c.insert_one({"_id": 77}, session=s)
        fails(11000, False, c.insert_one, {"_id": 77}, session=s)
        fails(NO_SUCH, True, c.find_one, {}, session=s)
        s.abort_transaction()
    assert [d["n"] for d in c.find()] == [0, 0, 0]
    assert "aborts_new" not in client[DB].list_collection_names()


def conflicts(client, _):
    c = fresh(client, "conflicts")
    c.create_index("u", unique=True, sparse=True)
    with client.start_session() as one, client.start_session() as two:
        one.start_transaction()
        two.start_transaction()
        c.update_one({"_id": 0}, {"$set": {"n": 1}}, session=one)
        fails(CONFLICT, True, c.update_one, {"_id": 0}, {"$set": {"n": 2}}, session=two)
        one.commit_transaction()
        two.abort_transaction()
        assert c.find_one({"_id": 0})["n"] == 1
        two.start_transaction()  # written since the snapshot, by nobody's transaction
        c.find_one(session=two)
        c.delete_one({"_id": 1})
        fails(CONFLICT, True, c.update_one, {"_id": 1}, {"$set": {"n": 2}}, session=two)
        two.abort_transaction()
        one.start_transaction()
        two.start_transaction()
        c.insert_one({"_id": 10, "u": 1}, session=one)
        fails(CONFLICT, True, c.insert_one, {"_id": 11, "u": 1}, session=two)
        one.commit_transaction()
        two.abort_transaction()
        fails(11000, False, c.insert_one, {"_id": 12, "u": 1})
    assert c.count_documents({}) == 3


def outsiders_wait(client, _):
    c = fresh(client, "waits")
    with client.start_session() as s:
        for end in s.commit_transaction, s.abort_transaction:
            s.start_transaction()
            c.update_one({"_id": 0}, {"$inc": {"n": 1}}, session=s)
            writes = [threading.Thread(target=c.update_one, args=({"_id": 0}, {"$inc": {"n": 10}})),
                      threading.Thread(target=c.find_one_and_update, args=({"_id": 0}, {"$inc": {"n": 100}}))]
            for write in writes:
                write.start()
            try:
                client[DB].command({"update": "waits", "maxTimeMS": 50, "updates": [
                    {"q": {"_id": 0}, "u": {"$inc": {"n": 1000}}}]})
                raise AssertionError("a write outside did not wait")
            except errors.ExecutionTimeout:
                pass
            end()
            for write in writes:
                write.join()
    assert c.find_one({"_id": 0})["n"] == 221


def ends(client, server):
    c = fresh(client, "ends")
    raw = raw_session(server)
    update = {"update": "ends", "updates": [{"q": {"_id": 0}, "u": {"$inc": {"n": 1}}}]}
    find = {"find": "ends"}
    assert raw.begin(update)["n"] == 1
    assert raw.end("commitTransaction")["ok"] == 1
    assert raw.end("commitTransaction")["ok"] == 1, "a commit that is sent again"
    assert raw.go_on(find)["code"] == COMMITTED
    assert raw.end("abortTransaction")["code"] == COMMITTED
    assert raw.begin(update)["n"] == 1
    assert raw.end("abortTransaction")["ok"] == 1
    for how in "abortTransaction", "commitTransaction":
        reply = raw.end(how)
        assert reply["code"] == NO_SUCH and reply["errorLabels"] == ["TransientTransactionError"], reply
    assert c.find_one({"_id": 0})["n"] == 1
    raw.begin(update)
    server.kill()
    server.start()
    raw.connection = Connection(server.port)
    assert raw.end("commitTransaction")["code"] == NO_SUCH, "what was open is gone"
    raw.begin(update)
    raw.end("commitTransaction")
    server.kill()
    server.start()
    raw.connection = Connection(server.port)
    assert raw.end("commitTransaction")["ok"] == 1, "what was committed is known"
    assert raw.begin(find)["cursor"]["firstBatch"][0]["n"] == 2
    raw.begin(find)  # ends the one before
    raw.number -= 1
    assert raw.go_on(find)["code"] == TOO_OLD


def refusals(client, server):
    fresh(client, "refusals")
    raw = raw_session(server)
    find, insert = {"find": "refusals"}, {"insert": "refusals", "documents": [{}]}
    cases = [
        (263, {"count": "refusals"}, {}), (263, {"listCollections": 1}, {}), (263, {"drop": "refusals"}, {}),
        (263, {"ping": 1}, {}), (263, {"explain": find}, {}), (263, {**find}, {"db": "admin"}),
        (263, find, {"db": "config"}), (263, insert, {"db": "local"}), (263, {"dropIndexes": "refusals", "index": "*"}, {}),
        (72, insert, {"writeConcern": {"w": 1}}), (72, find, {"readConcern": {"level": "linearizable"}}),
        (263, {"commitTransaction": 1}, {"db": "admin"}), (263, {"createIndexes": "refusals", "indexes": [
            {"key": {"n": 1}, "name": "n"}]}, {}),
    ]
    for code, command, fields in cases:
        reply = raw.begin(command, **fields)
        assert reply.get("code") == code, (code, command, reply)
    raw.begin(find)
    assert raw.go_on(find, readConcern={"level": "snapshot"})["code"] == 72
    raw.begin(find)
    raw.number += 5
    assert raw.go_on(find)["code"] == NO_SUCH
    raw.begin(find)
    assert raw.go_on(find, startTransaction=True)["code"] == 50911
    write = raw.connection.run({**insert, "$db": DB, "lsid": raw.lsid, "txnNumber": Int64(raw.number)})
    assert write["code"] == 72, write


def cursors(client, server):
    c = fresh(client, "cursors", 500)
    with client.start_session() as s, s.start_transaction():
        rest = c.find(session=s, batch_size=10)
        next(rest)
        c.delete_many({"_id": {"$gte": 100}})
        assert len(list(rest)) == 499
    raw = raw_session(server)
    cursor = raw.begin({"find": "cursors", "batchSize": 2})["cursor"]["id"]
    more = {"getMore": Int64(cursor), "collection": "cursors", "batchSize": 2}
    assert raw.connection.run({**more, "$db": DB, "lsid": raw.lsid})["code"] == 50741
    assert len(raw.go_on(more)["cursor"]["nextBatch"]) == 2
    raw.end("commitTransaction")
    assert raw.connection.run({**more, "$db": DB})["code"] == 43, "a cursor ends with its transaction"


def collections(client, _):
    db = client[DB]
    for name in "made", "made_twice", "gone":
        db.drop_collection(name)
    with client.start_session() as s, s.start_transaction():
        db.create_collection("made", session=s)
        db.made.create_index([("a", 1)], unique=True, session=s)
        db.made.insert_one({"a": [1, 2]}, session=s)
    assert db.made.index_information()["a_1"]["unique"]
    assert db.made.find_one({"a": 2}) is not None
    fails(11000, False, db.made.insert_one, {"a": 2})
    with client.start_session() as one, client.start_session() as two:
        one.start_transaction()
        two.start_transaction()
        db.made_twice.insert_one({}, session=one)
        fails(CONFLICT, True, db.made_twice.insert_one, {}, session=two)
        one.commit_transaction()
        two.abort_transaction()
        db.gone.insert_one({"_id": 0})
        one.start_transaction()
        db.gone.insert_one({"_id": 1}, session=one)
        db.drop_collection("gone")
        fails(CONFLICT, True, one.commit_transaction)


def large(client, _):
    """More than 16 MB, and more than an entry of the log has otherwise."""
    c = fresh(client, "large", 1)
    with client.start_session() as s, s.start_transaction():
        for i in range(5):
            c.insert_many([{"_id": 10 + 4 * i + k, "x": b"x" * (1 << 20)} for k in range(4)], session=s)
        c.update_many({"x": {"$exists": True}}, {"$set": {"n": 1}}, session=s)
    assert c.count_documents({"n": 1}) == 20
    with client.start_session() as s:
        s.start_transaction()
        chunk = [{"x": b"x" * (10 << 20)} for _ in range(4)]
        fails(257, False, lambda: [c.insert_many([dict(d) for d in chunk], session=s) for _ in range(4)])
        s.abort_transaction()
    assert c.count_documents({}) == 21


def killed(client, server):
    c = fresh(client, "killed")
    raw = raw_session(server)
    update = {"update": "killed", "updates": [{"q": {"_id": 0}, "u": {"$inc": {"n": 1}}}]}
    raw.begin(update)
    client.admin.command("killAllSessions", [])
    assert raw.end("commitTransaction")["code"] == NO_SUCH
    raw.begin(update)
    client.admin.command("killSessions", [raw.lsid])
    assert raw.end("commitTransaction")["code"] == NO_SUCH
    client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=1)
    raw.begin(update)
    c.update_one({"_id": 0}, {"$inc": {"n": 10}})  # waits until the transaction is too old
    reply = raw.end("commitTransaction")
    assert reply["code"] == NO_SUCH and c.find_one({"_id": 0})["n"] == 10
    client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=60)


def snapshots(client, server):
    """Reads of one moment outside of transactions."""
    c = fresh(client, "snapshots", 300)
    with Connection(server.port) as one:
        def run(command, level="snapshot", **concern):
            return one.run({**command, "$db": DB, "readConcern": {"level": level, **concern}})

        find = {"find": "snapshots", "batchSize": 100}
        first = run(find)["cursor"]
        when = first["atClusterTime"]
        c.update_many({}, {"$set": {"n": 1}})
        c.delete_many({"_id": {"$gte": 100}})
        c.insert_one({"_id": 1000})
        rest = one.run({"getMore": Int64(first["id"]), "collection": "snapshots", "$db": DB})["cursor"]
        assert len(rest["nextBatch"]) == 200 and {d["n"] for d in rest["nextBatch"]} == {0}
        again = run({**find, "batchSize": 1000}, atClusterTime=when)["cursor"]
        assert again["atClusterTime"] == when and len(again["firstBatch"]) == 300
        assert run({**find, "filter": {"_id": 5}}, atClusterTime=when)["cursor"]["firstBatch"][0]["n"] == 0
        count = [{"$group": {"_id": "$n", "count": {"$sum": 1}}}]
        aggregate = {"aggregate": "snapshots", "pipeline": count, "cursor": {}}
        assert run(aggregate, atClusterTime=when)["cursor"]["firstBatch"] == [{"_id": 0, "count": 300}]
        distinct = run({"distinct": "snapshots", "key": "n"}, atClusterTime=when)
        assert distinct["values"] == [0] and distinct["atClusterTime"] == when
        now = run(find)["cursor"]
        assert len(now["firstBatch"]) == 100 and now["atClusterTime"] > when
        assert run({"count": "snapshots"})["code"] == 72
        assert run(find, level="majority", atClusterTime=when)["code"] == 72
        early = bson.Timestamp(when.time - 1000, 1)
        assert run(find, atClusterTime=early)["code"] == 239
        assert run(find, atClusterTime=bson.Timestamp(when.time + 10000, 1))["code"] == 72
        c.drop()
        assert run(find, atClusterTime=when)["code"] == 246


def concerns(client, _):
    c = fresh(client, "concerns")
    from pymongo.read_concern import ReadConcern
    for level in "local", "majority", "snapshot":
        with client.start_session() as s, s.start_transaction(read_concern=ReadConcern(level)):
            c.insert_one({"_id": level}, session=s)  # the first command, which is no read
            assert c.find_one({"_id": level}, session=s)


def bank(client, _):
    """Money moves between accounts; every snapshot has all of it."""
    c = fresh(client, "bank", 10)
    c.update_many({}, {"$set": {"n": 100}})
    wrong, moved = [], []

    def move(session, a, b):
        left = c.find_one_and_update({"_id": a}, {"$inc": {"n": -1}}, session=session)["n"]
        c.update_one({"_id": b}, {"$set": {"n": c.find_one({"_id": b}, session=session)["n"] + 1}}, session=session)
        moved.append(left)

    def worker(seed):
        with client.start_session() as s:
            for i in range(30):
                a, b = (seed + i) % 10, (seed * 3 + i * 7 + 1) % 10
                if a != b:
                    s.with_transaction(lambda s: move(s, a, b))  # noqa: B023

    def reader():
        with client.start_session() as s:
            for _ in range(30):
                with s.start_transaction():
                    total = sum(d["n"] for d in c.find(session=s))
                if total != 1000:
                    wrong.append(total)

    threads = [threading.Thread(target=worker, args=(i,)) for i in range(6)] + [threading.Thread(target=reader)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and sum(d["n"] for d in c.find()) == 1000 and len(moved) > 100


def main():
    with Server(sys.argv[1]) as server:
        client = server.client(replicaSet="rs0", retryWrites=True)
        cases = (isolation, snapshots, concerns, several_collections, aborts, conflicts, outsiders_wait, refusals, cursors,
                 collections, large, killed, bank, ends)
        for case in cases:
            case(client, server)
            print("ok", case.__name__, flush=True)
        client.close()


main()
