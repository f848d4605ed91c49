"""streams.py EXE - change streams: every kind of event, resuming, images, scopes, ends, refusals."""

import pathlib
import random
import sys
import threading

import bson
from bson.int64 import Int64
from pymongo import errors

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection  # noqa: E402
from server import Server  # noqa: E402


class Stream:
    """A change stream by commands, so that nothing is resumed behind the test's back."""

    def __init__(self, server, target, pipeline=(), db="s", **options):
        self.connection = Connection(server.port)
        self.db = db
        self.name = target if isinstance(target, str) else "$cmd.aggregate"
        reply = self.connection.run({"aggregate": target, "$db": db, "cursor": {},
                                     "pipeline": [{"$changeStream": options}, *pipeline]})
        if reply["ok"] != 1:
            raise errors.OperationFailure(reply["errmsg"], reply["code"], reply)
        self.take(reply["cursor"], "firstBatch")

    def take(self, cursor, batch):
        self.id, self.token = cursor["id"], cursor["postBatchResumeToken"]
        self.ready = getattr(self, "ready", []) + cursor[batch]

    def more(self, wait_ms=100, **fields):
        reply = self.connection.run({"getMore": Int64(self.id), "collection": self.name, "$db": self.db,
                                     "maxTimeMS": wait_ms, **fields})
        assert reply["ok"] == 1, reply
        self.take(reply["cursor"], "nextBatch")

    def read(self, count):
        """So many events; it waits for them."""
        while len(self.ready) < count:
            assert self.id != 0, ("the stream has ended", self.ready)
            self.more(10000)
        events, self.ready = self.ready[:count], self.ready[count:]
        return events

    def kinds(self, count):
        return [event["operationType"] for event in self.read(count)]

    def close(self):
        self.connection.socket.close()


def fails(code, call, *args, **keywords):
    try:
        call(*args, **keywords)
    except errors.OperationFailure as error:
        assert error.code == code, (error.code, code, error)
        return error.details
    raise AssertionError(f"{args} {keywords} did not fail with {code}")


def events(client, server):
    c = client.s.events
    stream = Stream(server, "events")
    c.insert_one({"_id": 1, "a": 1, "l": [1, 2, 3], "o": {"x": 1}})
    c.update_one({"_id": 1}, {"$set": {"a": 2, "o.x": 2}, "$unset": {"none": 1}})
    c.update_one({"_id": 1}, {"$unset": {"a": 1}, "$push": {"l": 4}})
    c.update_one({"_id": 1}, [{"$set": {"l": {"$slice": ["$l", 2]}}}])
    c.update_one({"_id": 1}, {"$set": {"o.x": 2}})  # changes nothing
    c.replace_one({"_id": 1}, {"b": 1})
    c.find_one_and_update({"_id": 1}, {"$inc": {"b": 1}})
    c.delete_one({"_id": 1})
    insert, first, second, third, replace, inc, delete = stream.read(7)
    assert insert["operationType"] == "insert" and insert["ns"] == {"db": "s", "coll": "events"}
    assert insert["fullDocument"] == {"_id": 1, "a": 1, "l": [1, 2, 3], "o": {"x": 1}}
    assert insert["documentKey"] == {"_id": 1} and insert["wallTime"] and insert["clusterTime"].time > 0
    description = first["updateDescription"]
    assert description == {"updatedFields": {"a": 2, "o.x": 2}, "removedFields": [], "truncatedArrays": []}
    assert "fullDocument" not in first and first["documentKey"] == {"_id": 1}
    assert second["updateDescription"]["updatedFields"] == {"l.3": 4}
    assert second["updateDescription"]["removedFields"] == ["a"]
    assert third["updateDescription"]["truncatedArrays"] == [{"field": "l", "newSize": 2}]
    assert replace["operationType"] == "replace" and replace["fullDocument"] == {"_id": 1, "b": 1}
    assert inc["updateDescription"]["updatedFields"] == {"b": 2}
    assert delete["operationType"] == "delete" and delete["documentKey"] == {"_id": 1}
    assert "fullDocument" not in delete
    tokens = [event["_id"]["_data"] for event in (insert, first, second, third, replace, inc, delete)]
    assert tokens == sorted(tokens) and len(set(tokens)) == 7
    c.insert_one({"_id": 2})
    c.update_one({"_id": 2}, {"$set": {"n": 1}})
    c.update_one({"_id": 2}, {"$set": {"n": 2}})
    for event in Stream(server, "events", fullDocument="updateLookup", resumeAfter=delete["_id"]).read(3)[1:]:
        assert event["fullDocument"] == {"_id": 2, "n": 2}, event
    c.delete_one({"_id": 2})
    gone = Stream(server, "events", fullDocument="updateLookup", resumeAfter=delete["_id"]).read(4)
    assert gone[1]["fullDocument"] is None


def images(client, server):
    db = client.s
    db.create_collection("images", changeStreamPreAndPostImages={"enabled": True})
    stream = Stream(server, "images", fullDocument="required", fullDocumentBeforeChange="required")
    db.images.insert_one({"_id": 1, "n": 1})
    db.images.update_one({"_id": 1}, {"$inc": {"n": 1}})
    db.images.update_one({"_id": 1}, {"$inc": {"n": 1}})
    db.images.replace_one({"_id": 1}, {"r": 1})
    db.images.delete_one({"_id": 1})
    insert, one, two, replace, delete = stream.read(5)
    assert "fullDocumentBeforeChange" not in insert
    assert one["fullDocumentBeforeChange"] == {"_id": 1, "n": 1} and one["fullDocument"] == {"_id": 1, "n": 2}
    assert two["fullDocumentBeforeChange"] == {"_id": 1, "n": 2} and two["fullDocument"] == {"_id": 1, "n": 3}
    assert replace["fullDocumentBeforeChange"] == {"_id": 1, "n": 3}
    assert delete["fullDocumentBeforeChange"] == {"_id": 1, "r": 1}
    db.command("collMod", "images", changeStreamPreAndPostImages={"enabled": False})
    may = Stream(server, "images", fullDocumentBeforeChange="whenAvailable", fullDocument="whenAvailable")
    must = Stream(server, "images", fullDocumentBeforeChange="required")
    db.images.insert_one({"_id": 2})
    db.images.update_one({"_id": 2}, {"$set": {"n": 1}})
    event = may.read(2)[1]
    assert event["fullDocument"] is None and event["fullDocumentBeforeChange"] is None
    reply = must.connection.run({"getMore": Int64(must.id), "collection": "images", "$db": "s", "maxTimeMS": 5000})
    if reply["ok"] == 1:  # the insert came first
        reply = must.connection.run({"getMore": Int64(must.id), "collection": "images", "$db": "s"})
    assert reply["code"] == 47, reply


def transactions(client, server):
    a, b = client.s.txn_a, client.s.txn_b
    a.insert_one({"_id": 0})
    stream = Stream(server, 1)
    with client.start_session() as session:
        session.start_transaction()
        a.insert_one({"_id": 1}, session=session)
        session.abort_transaction()
        session.start_transaction()
        a.insert_one({"_id": 2}, session=session)
        b.insert_one({"_id": 3}, session=session)
        a.update_one({"_id": 0}, {"$set": {"n": 1}}, session=session)
        session.commit_transaction()
        lsid = session.session_id["id"].as_uuid()
    a.insert_one({"_id": 4})
    found = stream.read(4)
    assert [event["documentKey"]["_id"] for event in found] == [2, 3, 0, 4]
    assert {event["lsid"]["id"] for event in found[:3]} == {lsid}, found
    assert len({event["txnNumber"] for event in found[:3]}) == 1
    assert len({str(event["clusterTime"]) for event in found[:3]}) == 1
    assert "lsid" not in found[3]


def scopes(client, server):
    client.s.scope.drop()
    streams = [Stream(server, "scope"), Stream(server, 1), Stream(server, 1, db="admin", allChangesForCluster=True)]
    client.other.scope.insert_one({"_id": 1})
    client.s.other.insert_one({"_id": 2})
    client.s.scope.insert_one({"_id": 3})
    for stream, expected in zip(streams, ([3], [2, 3], [1, 2, 3])):
        assert [event["documentKey"]["_id"] for event in stream.read(len(expected))] == expected
    filtered = Stream(server, "scope", [{"$match": {"fullDocument.n": 2}}, {"$project": {"fullDocument.n": 1}}])
    client.s.scope.insert_many([{"n": i} for i in range(5)])
    event = filtered.read(1)[0]
    assert event["fullDocument"] == {"n": 2} and list(event) == ["_id", "fullDocument"], event


def collections(client, server):
    db = client.s
    db.ddl.drop()
    stream = Stream(server, 1, showExpandedEvents=True)
    plain = Stream(server, 1)
    db.create_collection("ddl")
    db.ddl.create_index("a")
    db.command("collMod", "ddl", index={"name": "a_1", "hidden": True})
    db.ddl.drop_index("a_1")
    db.ddl.rename("ddl_new")
    db.ddl_new.drop()
    create, indexes, modify, drop_indexes, rename, drop = stream.read(6)
    assert create["operationType"] == "create" and create["collectionUUID"]
    assert indexes["operationType"] == "createIndexes"
    assert indexes["operationDescription"]["indexes"][0]["name"] == "a_1"
    assert modify["operationType"] == "modify"
    assert drop_indexes["operationType"] == "dropIndexes"
    assert rename["to"] == {"db": "s", "coll": "ddl_new"} and rename["ns"]["coll"] == "ddl"
    assert rename["operationDescription"]["to"] == {"db": "s", "coll": "ddl_new"}
    assert drop["ns"]["coll"] == "ddl_new" and drop["collectionUUID"] == create["collectionUUID"]
    assert plain.kinds(2) == ["rename", "drop"]


def ends(client, server):
    for end in "drop", "rename", "target":
        client.s.ends.insert_one({"_id": 1})
        client.s.ends_from.insert_one({"_id": 1})
        stream = Stream(server, "ends")
        if end == "target":
            client.s.ends_from.rename("ends", dropTarget=True)
        else:
            getattr(client.s.ends, end)(*(["ends_new"] if end == "rename" else []))
        last = stream.read(2)
        assert [event["operationType"] for event in last] == ["rename" if end == "target" else end, "invalidate"]
        if stream.id != 0:
            stream.more()
        assert stream.id == 0 and stream.ready == []
        fails(260, Stream, server, "ends", resumeAfter=last[1]["_id"])
        again = Stream(server, "ends", startAfter=last[1]["_id"])
        client.s.ends.insert_one({"_id": 99})
        assert again.read(1)[0]["documentKey"] == {"_id": 99}
        for name in "ends", "ends_from", "ends_new":
            client.s[name].drop()
    client.gone.c.insert_one({})
    stream, watched = Stream(server, 1, db="gone"), Stream(server, "c", db="gone")
    client.drop_database("gone")
    assert stream.kinds(3) == ["drop", "dropDatabase", "invalidate"]
    assert watched.kinds(2) == ["drop", "invalidate"]


def resuming(client, server):
    """From each event of a random history, and from each time, exactly the rest."""
    c = client.s.resume
    rng = random.Random(7)
    stream = Stream(server, "resume")
    for step in range(120):
        key = rng.randrange(6)
        rng.choice([
            lambda: c.replace_one({"_id": key}, {"v": step}, upsert=True),
            lambda: c.update_one({"_id": key}, {"$set": {f"f{rng.randrange(3)}": step}}, upsert=True),
            lambda: c.delete_one({"_id": key}),
            lambda: c.insert_many([{"_id": f"{step}.{i}"} for i in range(3)]),
            lambda: c.delete_many({"_id": {"$regex": "^"}}),
        ])()
    c.insert_one({"_id": "last"})
    history = []
    while not history or history[-1]["documentKey"] != {"_id": "last"}:
        history += stream.read(1)
    assert len(history) > 100
    for _ in range(2):
        for at in range(0, len(history), 5):
            rest = Stream(server, "resume", resumeAfter=history[at]["_id"])
            assert rest.read(len(history) - at - 1) == history[at + 1:], at
            assert rest.ready == []
            rest.close()
        when = history[50]["clusterTime"]
        later = [event for event in history if event["clusterTime"] >= when]
        assert Stream(server, "resume", startAtOperationTime=when).read(len(later)) == later
        server.kill()
        server.start()
        client.admin.command("ping")


def waiting(client, server):
    c = client.s.waiting
    stream = Stream(server, "waiting")
    before = stream.token["_data"]
    client.s.elsewhere.insert_one({})
    stream.more(50)
    assert stream.ready == [] and stream.token["_data"] > before, "a quiet stream moves on"
    thread = threading.Thread(target=c.insert_one, args=({"_id": 1},))
    thread.start()
    stream.more(20000)  # woken by the insert, not by the time
    thread.join()
    assert len(stream.ready) == 1
    resumed = Stream(server, "waiting", resumeAfter=stream.token)
    c.insert_one({"_id": 2})
    assert resumed.read(1)[0]["documentKey"] == {"_id": 2}
    c.insert_many([{"_id": i} for i in range(10, 20)])
    part = Stream(server, "waiting", resumeAfter=stream.token)
    part.ready = []
    reply = part.connection.run({"aggregate": "waiting", "$db": "s", "cursor": {"batchSize": 4}, "pipeline": [
        {"$changeStream": {"resumeAfter": stream.token}}]})["cursor"]
    assert len(reply["firstBatch"]) == 4
    assert reply["postBatchResumeToken"] == reply["firstBatch"][3]["_id"]


def sieved(client, server):
    """Streams with an equality in front get what all get and the filter lets through."""
    filters = [({"fullDocument.g": 1}, lambda e: has(e.get("fullDocument", {}).get("g"), 1)),
               ({"fullDocument.g": 1.0, "operationType": "insert"},
                lambda e: e["operationType"] == "insert" and has(e["fullDocument"].get("g"), 1)),
               ({"documentKey._id": 2}, lambda e: e.get("documentKey") == {"_id": 2}),
               ({"fullDocument.g": None}, lambda e: e.get("fullDocument", {}).get("g") is None)]
    modes = [{}, {"fullDocument": "whenAvailable"}]
    client.s.create_collection("sieved", changeStreamPreAndPostImages={"enabled": True})
    c, rng = client.s.sieved, random.Random(11)
    plain = [Stream(server, "sieved", **mode) for mode in modes]
    streams = [[(Stream(server, "sieved", [{"$match": match}], **mode), wants) for match, wants in filters]
               for mode in modes]
    for step in range(200):
        key, g = rng.randrange(6), rng.choice([1, 1.0, "1", [0, 1], [], None, 2, {"x": 1}])
        rng.choice([
            lambda: c.replace_one({"_id": key}, {"g": g, "v": step}, upsert=True),
            lambda: c.replace_one({"_id": key}, {"v": step}, upsert=True),
            lambda: c.update_one({"_id": key}, {"$set": {"g": g}}, upsert=True),
            lambda: c.delete_one({"_id": key}),
            lambda: c.insert_many([{"_id": f"{step}.{i}", "g": i} for i in range(3)]),
        ])()
    c.drop()
    for everything, filtered in zip(plain, streams):
        history = everything.read(1)
        while history[-1]["operationType"] != "invalidate":
            history += everything.read(1)
        for stream, wants in filtered:
            wanted = [event for event in history if wants(event)]
            assert len(wanted) > 5 and stream.read(len(wanted)) == wanted
            while stream.id != 0:
                stream.more(10000)
            assert stream.ready == []


def has(value, one):
    return value == one or isinstance(value, list) and one in value


def large(client, server):
    client.s.create_collection("large", changeStreamPreAndPostImages={"enabled": True})
    c = client.s.large
    split = {"pipeline": [{"$changeStreamSplitLargeEvent": {}}], "fullDocument": "required",
             "fullDocumentBeforeChange": "required"}
    stream = Stream(server, "large", **split)
    c.insert_one({"_id": 1, "a": "x" * (10 << 20)})
    c.update_one({"_id": 1}, {"$set": {"b": 1}})
    found = stream.read(1)
    while len(found) < 2 or found[-1]["splitEvent"]["fragment"] < found[-1]["splitEvent"]["of"]:
        found += stream.read(1)
    fragments = found[1:]
    merged = {}
    for number, fragment in enumerate(fragments):
        assert fragment["_id"]["fragmentNum"] == number
        assert fragment["splitEvent"] == {"fragment": number + 1, "of": len(fragments)}
        merged |= fragment
    assert len(fragments) > 1 and len(merged["fullDocument"]["a"]) == 10 << 20
    assert merged["fullDocumentBeforeChange"]["_id"] == 1 and merged["operationType"] == "update"


def refused(client, server):
    cases = [
        (72, {"allChangesForCluster": True}, "c", "s"), (73, {}, 1, "admin"), (73, {}, "c", "local"),
        (73, {}, "system.views", "s"), (2, {"fullDocument": "no"}, "c", "s"), (40415, {"nothing": 1}, "c", "s"),
        (2, {"fullDocumentBeforeChange": "updateLookup"}, "c", "s"), (14, {"resumeAfter": 1}, "c", "s"),
        (40647, {"resumeAfter": {}}, "c", "s"), (260, {"resumeAfter": {"_data": "zz"}}, "c", "s"),
        (14, {"startAtOperationTime": 1}, "c", "s"),
        (40674, {"startAtOperationTime": bson.Timestamp(1, 1), "resumeAfter": {"_data": "0" * 26}}, "c", "s"),
    ]
    for code, options, target, db in cases:
        fails(code, Stream, server, target, db=db, **options)
    for stage in {"$group": {"_id": 1}}, {"$sort": {"a": 1}}, {"$limit": 1}, {"$lookup": {
            "from": "c", "localField": "a", "foreignField": "a", "as": "a"}}:
        fails(20, Stream, server, "c", [stage])
    fails(40602, client.s.c.aggregate, [{"$match": {}}, {"$changeStream": {}}])
    stream = Stream(server, "c", [{"$project": {"_id": 0}}])
    client.s.c.insert_one({})
    reply = stream.connection.run({"getMore": Int64(stream.id), "collection": "c", "$db": "s", "maxTimeMS": 9000})
    assert reply["code"] == 280 and reply["errorLabels"] == ["NonResumableChangeStreamError"], reply


def lost(client, server):
    """What the journal has no more is said to be lost, not passed over."""
    c = client.s.lost
    stream = Stream(server, "lost")
    c.insert_one({"_id": 0})
    first = stream.read(1)[0]
    stream.close()
    payload = bson.Binary(bytes(random.Random(1).randbytes(1 << 20)))
    for i in range(1, 20):
        c.insert_one({"_id": i, "payload": payload})
    for _ in range(200):
        try:
            Stream(server, "lost", resumeAfter=first["_id"]).close()
        except errors.OperationFailure as error:
            assert error.code == 286, error
            assert error.details["errorLabels"] == ["NonResumableChangeStreamError"], error.details
            return
        c.insert_one({"payload": payload})
    raise AssertionError("the journal keeps everything")


def main():
    options = ["--oplogSize", "4", "--journalSegmentMB", "1", "--writeBufferMB", "1"]
    with Server(sys.argv[1], *options) as server:
        client = server.client()
        for case in events, images, transactions, scopes, collections, ends, resuming, waiting, sieved, large, refused, lost:
            case(client, server)
            print("ok", case.__name__, flush=True)
        client.close()


main()
