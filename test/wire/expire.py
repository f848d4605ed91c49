"""expire.py EXE - documents expire by TTL indexes and in clustered collections; nothing else goes."""

import datetime
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "lib")]
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

now = datetime.datetime.now(datetime.timezone.utc)
old = now - datetime.timedelta(hours=2)
older = now - datetime.timedelta(days=2)
future = now + datetime.timedelta(hours=2)


def fill(db):
    """The collections, and of each the _ids of those that will go."""
    plain = db.plain
    plain.create_index("at", expireAfterSeconds=3600)
    plain.insert_many([{"_id": 1, "at": old}, {"_id": 2, "at": now}, {"_id": 3, "at": future},
                       {"_id": 4, "at": "yesterday"}, {"_id": 5}, {"_id": 6, "at": [future, old]},
                       {"_id": 7, "at": None}, {"_id": 8, "at": old.timestamp()}, {"_id": 9, "at": []}])
    partial = db.partial
    partial.create_index([("at", -1)], expireAfterSeconds=0, partialFilterExpression={"done": True})
    partial.insert_many([{"_id": 1, "at": old, "done": True}, {"_id": 2, "at": old, "done": False},
                         {"_id": 3, "at": future, "done": True}])
    hidden = db.hidden
    hidden.create_index("a.b", expireAfterSeconds=3600, hidden=True)
    hidden.insert_many([{"_id": 1, "a": {"b": old}}, {"_id": 2, "a": {"b": now}}, {"_id": 3, "a": [{"b": old}]}])
    both = db.both
    both.create_index("x", expireAfterSeconds=86400)
    both.create_index("y", expireAfterSeconds=3600)
    both.insert_many([{"_id": 1, "x": old}, {"_id": 2, "x": older}, {"_id": 3, "y": old},
                      {"_id": 4, "x": now, "y": older}])
    sphere = db.sphere
    sphere.create_index([("at", "2dsphere")], expireAfterSeconds=1)
    sphere.insert_one({"_id": 1})
    db.create_collection("clustered", clusteredIndex={"key": {"_id": 1}, "unique": True},
                         expireAfterSeconds=3600)
    db.clustered.insert_many([{"_id": older, "n": 1}, {"_id": now, "n": 2}, {"_id": "x", "n": 3}])
    many = db.many
    many.create_index("at", expireAfterSeconds=60)
    many.insert_many([{"_id": i, "at": old, "data": "x" * 500} for i in range(5000)] + [{"_id": -1, "at": now}])
    return {"plain": {1, 6}, "partial": {1}, "hidden": {1, 3}, "both": {2, 3, 4}, "sphere": set(),
            "clustered": {older.replace(microsecond=older.microsecond // 1000 * 1000, tzinfo=None)},
            "many": set(range(5000))}


def check_pass(client):
    """Every deletion is told to who follows the log; what stays is all the rest."""
    db = client.ttl
    expected = fill(db)
    before = {name: {doc["_id"] for doc in db[name].find()} for name in expected}
    wanted = {(name, each) for name, ids in expected.items() for each in ids}
    gone = set()
    with db.watch([{"$match": {"operationType": "delete"}}]) as stream:
        client.admin.command("setParameter", 1, ttlMonitorSleepSecs=1)
        for event in stream:
            gone.add((event["ns"]["coll"], event["documentKey"]["_id"]))
            if len(gone) >= len(wanted):
                break
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
        assert gone == wanted, gone ^ wanted
        db.end.insert_one({"_id": 1})
        db.end.delete_one({"_id": 1})
        assert next(stream)["ns"]["coll"] == "end"  # nothing else has gone meanwhile
    for name, ids in expected.items():
        assert {doc["_id"] for doc in db[name].find()} == before[name] - ids, name
    ttl = client.admin.command("serverStatus")["metrics"]["ttl"]
    assert ttl["deletedDocuments"] >= len(wanted) and ttl["passes"] >= 0, ttl


def check_options(client):
    db = client.options
    refused(67, lambda: db.c.create_index("a", expireAfterSeconds=-1))
    refused(67, lambda: db.c.create_index("a", expireAfterSeconds=float("nan")))
    refused(67, lambda: db.c.create_index("a", expireAfterSeconds=2**31))
    refused(67, lambda: db.c.create_index([("a", 1), ("b", 1)], expireAfterSeconds=1))
    refused(197, lambda: db.c.create_index("_id", expireAfterSeconds=1))
    db.c.create_index("a", expireAfterSeconds=100)
    refused(85, lambda: db.c.create_index("a", expireAfterSeconds=200))
    refused(86, lambda: db.c.create_index("a", unique=True))
    reply = db.command("collMod", "c", index={"name": "a_1", "expireAfterSeconds": 5, "hidden": True})
    assert (reply["expireAfterSeconds_old"], reply["expireAfterSeconds_new"]) == (100, 5), reply
    assert (reply["hidden_old"], reply["hidden_new"]) == (False, True), reply
    assert db.c.index_information()["a_1"]["expireAfterSeconds"] == 5
    refused(72, lambda: db.command("collMod", "c", index={"name": "_id_", "expireAfterSeconds": 5}))
    refused(72, lambda: db.command("collMod", "c", index={"name": "a_1", "expireAfterSeconds": -5}))
    refused(72, lambda: db.command("collMod", "c", expireAfterSeconds=5))
    refused(72, lambda: db.create_collection("d", expireAfterSeconds=5))
    db.create_collection("k", clusteredIndex={"key": {"_id": 1}, "unique": True}, expireAfterSeconds=7)
    assert next(db.list_collections(filter={"name": "k"}))["options"]["expireAfterSeconds"] == 7
    db.command("collMod", "k", expireAfterSeconds="off")
    assert "expireAfterSeconds" not in next(db.list_collections(filter={"name": "k"}))["options"]
    refused(72, lambda: db.command("collMod", "k", expireAfterSeconds="on"))


def main():
    with Server(sys.argv[1]) as server:
        client = server.client()
        check_pass(client)
        check_options(client)


main()
