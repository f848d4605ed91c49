"""sinks.py EXE - $out and $merge write as a command of their own would: whole or not at all, of one
moment, durable, told to who follows, and kept from nobody's way."""

import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from pymongo.errors import OperationFailure  # noqa: E402
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

MANY = 20000


def temporary(database):
    return [name for name in database.list_collection_names() if name.startswith("tmp.agg_out.")]


def fill(database):
    database.source.insert_many([{"_id": i, "group": i % 100, "pad": "x" * 100} for i in range(MANY)])


def test_out_is_one_moment(database):
    """A reader sees the old documents or the new ones, all of them, or is told that they are gone."""
    database.one.insert_many([{"_id": i, "round": -1} for i in range(MANY)])
    database.one.create_index("round")
    seen, wrong, done = set(), [], threading.Event()

    def read():
        while not done.is_set():
            try:
                found = list(database.one.aggregate([{"$group": {"_id": "$round", "n": {"$sum": 1}}}]))
            except OperationFailure as error:
                wrong.extend([] if error.code == 175 else [error])
                continue
            wrong.extend([] if len(found) == 1 and found[0]["n"] == MANY else [found])
            seen.add(found[0]["_id"])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(5):
        assert list(database.source.aggregate([{"$project": {"round": {"$literal": number}}}, {"$out": "one"}])) == []
    done.set()
    reader.join()
    assert len(seen) > 1 and not wrong, (seen, wrong)
    assert sorted(database.one.index_information()) == ["_id_", "round_1"]
    assert "temp" not in database.command("listCollections", filter={"name": "one"})["cursor"]["firstBatch"][0]["options"]
    assert temporary(database) == []


def test_out_fails(database):
    """The target is as it was, and nothing else is left."""
    database.kept.insert_one({"_id": 1, "a": 1})
    database.kept.create_index("group", unique=True)
    refused(11000, lambda: database.source.aggregate([{"$out": "kept"}]))
    refused(2, lambda: database.source.aggregate([{"$project": {"group": "$_id", "x": {"$divide": [1, {"$subtract": ["$_id", 7000]}]}}},
                                                  {"$out": "kept"}]))
    refused(50, lambda: database.source.aggregate([{"$unionWith": "source"}, {"$unionWith": "source"},
                                                   {"$project": {"_id": 0}}, {"$out": "new"}], maxTimeMS=3))
    database.command("create", "strict", validator={"group": {"$lt": 5}})
    refused(121, lambda: database.source.aggregate([{"$out": "strict"}]))
    database.source.aggregate([{"$out": "strict"}], bypassDocumentValidation=True)
    assert database.strict.count_documents({}) == MANY
    assert database.command("listCollections", filter={"name": "strict"})["cursor"]["firstBatch"][0]["options"][
        "validator"] == {"group": {"$lt": 5}}
    database.command("create", "view", viewOn="source", pipeline=[{"$match": {"_id": {"$lt": 3}}}])
    refused(166, lambda: database.source.aggregate([{"$out": "view"}]))
    refused(166, lambda: database.source.aggregate([{"$merge": "view"}]))
    database.view.aggregate([{"$out": {"db": "elsewhere", "coll": "few"}}])
    assert database.client.elsewhere.few.count_documents({}) == 3
    assert list(database.kept.find()) == [{"_id": 1, "a": 1}] and database.new.count_documents({}) == 0
    assert temporary(database) == []


def test_merge(database):
    """Into its own source: every document once. Modes, and a batch of which one fails."""
    database.source.aggregate([{"$set": {"n": {"$add": [{"$ifNull": ["$n", 0]}, 1]}, "_id": {"$add": ["$_id", 10]}}},
                               {"$merge": {"into": "source", "whenMatched": [{"$set": {"n": "$$new.n"}}]}}])
    assert database.source.count_documents({}) == MANY + 10
    assert database.source.count_documents({"n": 1}) == MANY and database.source.count_documents({"n": {"$gt": 1}}) == 0
    database.source.delete_many({"_id": {"$gte": MANY}})
    database.some.insert_many([{"_id": i, "old": i} for i in range(0, 20, 2)])
    refused(13113, lambda: database.source.aggregate([{"$match": {"_id": {"$lt": 4}}}, {"$merge": {
        "into": "some", "whenMatched": "replace", "whenNotMatched": "fail"}}]))
    assert [doc.get("group") for doc in database.some.find({"_id": {"$lt": 4}})] == [0, 2]
    refused(51183, lambda: database.source.aggregate([{"$merge": {"into": "some", "on": "group"}}]))
    database.some.create_index([("b", 1), ("a", 1)], unique=True, sparse=True)
    database.source.aggregate([{"$limit": 3}, {"$project": {"_id": 0, "a": "$group", "b": "$_id"}},
                               {"$merge": {"into": "some", "on": ["a", "b"]}}])
    assert database.some.count_documents({"a": {"$exists": True}}) == 3
    refused(51132, lambda: database.source.aggregate([{"$merge": {"into": "some", "on": ["a", "b"]}}]))
    with database.client.start_session() as session, session.start_transaction():
        refused(263, lambda: database.source.aggregate([{"$merge": "some"}], session=session))
        session.abort_transaction()


def test_others_go_on(database):
    """While a merge writes, other writes take their turns; it can be killed."""
    slowest, done = [0.0], threading.Event()

    def write():
        while not done.is_set():
            start = time.monotonic()
            database.beside.insert_one({})
            slowest[0] = max(slowest[0], time.monotonic() - start)

    writer = threading.Thread(target=write)
    writer.start()
    database.source.aggregate([{"$merge": "copy"}])
    done.set()
    writer.join()
    assert database.copy.count_documents({}) == MANY and slowest[0] < 5, slowest
    failures = []

    def long_merge():
        try:
            database.source.aggregate([{"$unionWith": "source"}] * 8 + [{"$project": {"_id": 0}}, {"$out": "killed"}])
        except OperationFailure as error:
            failures.append(error.code)

    merging = threading.Thread(target=long_merge)
    merging.start()
    while merging.is_alive() and not failures:
        for op in database.client.admin.command("currentOp")["inprog"]:
            if "killed" in str(op.get("command", {}).get("pipeline")):
                database.client.admin.command("killOp", op=op["opid"])
    merging.join()
    assert failures == [11601], failures
    assert "killed" not in database.list_collection_names() and temporary(database) == []


def test_events(database):
    """What streams and the oplog tell is what was done: the making of a collection, its name."""
    database.told.insert_one({"_id": 0})
    with database.watch() as stream:
        database.source.aggregate([{"$match": {"_id": {"$lt": 2}}}, {"$out": "told"}])
        database.source.aggregate([{"$match": {"_id": 5}}, {"$project": {"n": 1}}, {"$merge": "told"}])
        database.source.aggregate([{"$match": {"_id": 5}}, {"$set": {"n": 2}}, {"$project": {"n": 1}},
                                   {"$merge": "told"}])
        events = [next(stream) for _ in range(5)]
    kinds = [event["operationType"] for event in events]
    assert kinds == ["insert", "insert", "rename", "insert", "update"], kinds
    assert events[0]["ns"]["coll"].startswith("tmp.agg_out."), events[0]
    assert events[2]["to"] == {"db": database.name, "coll": "told"}, events[2]
    assert events[4]["updateDescription"]["updatedFields"] == {"n": 2}, events[4]
    made = {"op": "c", "o.create": events[0]["ns"]["coll"]}
    assert database.client.local.oplog.rs.count_documents(made) == 1


def test_growth(database):
    """Four times the documents take about four times as long."""
    def took(count):
        database.grown.drop()
        start = time.monotonic()
        database.source.aggregate([{"$limit": count}, {"$merge": "grown"}])
        database.source.aggregate([{"$limit": count}, {"$merge": {"into": "grown", "whenMatched": "replace"}}])
        assert database.grown.count_documents({}) == count
        return time.monotonic() - start

    took(1000)
    small, large = took(MANY // 4), took(MANY)
    assert large < 4 * small * 3 + 1, (small, large)


def test_killed_server(server):
    """kill -9 in the middle: the target is as it was, the temporary collection goes."""
    database = server.client().sinks
    database.target.insert_one({"_id": "old"})

    def run():
        try:
            database.source.aggregate([{"$unionWith": "source"}] * 8 + [{"$project": {"_id": 0}}, {"$out": "target"}])
        except Exception:  # the server is gone
            pass

    thread = threading.Thread(target=run)
    thread.start()
    while not (temporary(database) and database[temporary(database)[0]].estimated_document_count() > 1000):
        assert thread.is_alive()
    server.kill()
    thread.join()
    server.start()
    database = server.client().sinks
    while temporary(database):
        pass
    assert list(database.target.find()) == [{"_id": "old"}]


def main():
    with Server(sys.argv[1]) as server:
        database = server.client().sinks
        fill(database)
        test_out_is_one_moment(database)
        test_out_fails(database)
        test_merge(database)
        test_others_go_on(database)
        test_events(database)
        test_growth(database)
        test_killed_server(server)


if __name__ == "__main__":
    main()
