"""oplog.py EXE - local.oplog.rs: what it tells, played into another server; tailed; trimmed."""

import pathlib
import random
import sys
import threading

from bson.int64 import Int64
from bson.timestamp import Timestamp
from pymongo import CursorType, ReplaceOne, errors

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from server import Server  # noqa: E402


def log_of(client):
    return client.local["oplog.rs"]


def last_of(client):
    return log_of(client).find_one(sort=[("$natural", -1)])


def fails(code, call, *args, **keywords):
    try:
        call(*args, **keywords)
    except errors.OperationFailure as error:
        assert error.code == code, (error.code, code, error)
    except errors.BulkWriteError as error:
        assert error.details["writeErrors"][0]["code"] == code, error.details
    else:
        raise AssertionError("it should fail")


# ---- playing the log into another server ----

def apply_diff(document, diff):
    """{$v: 2, diff: ...}, as MongoDB's secondaries would."""
    if isinstance(document, list):
        if "l" in diff:
            del document[diff["l"]:]
        for name, value in diff.items():
            if name in ("a", "l"):
                continue
            at = int(name[1:])
            document.extend([None] * (at + 1 - len(document)))
            if name[0] == "u":
                document[at] = value
            else:
                apply_diff(document[at], value)
        return
    for name, value in diff.items():
        if name == "d":
            for gone in value:
                del document[gone]
        elif name in ("u", "i"):
            document.update(value)
        else:
            assert name[0] == "s", name
            apply_diff(document[name[1:]], value)


def play_update(collection, entry):
    if "$v" not in entry["o"]:
        collection.replace_one(entry["o2"], entry["o"])
        return
    document = collection.find_one(entry["o2"])
    apply_diff(document, entry["o"]["diff"])
    collection.replace_one(entry["o2"], document)


def play_command(client, db, command):
    verb, name = next(iter(command.items()))
    if verb == "applyOps":
        for entry in name:
            play(client, entry)
    elif verb == "create":
        db.create_collection(name)
    elif verb == "drop":
        db.drop_collection(name)
    elif verb == "dropDatabase":
        client.drop_database(db)
    elif verb == "renameCollection":
        client.admin.command("renameCollection", name, to=command["to"], dropTarget=True)
    elif verb == "createIndexes":
        index = {field: command[field] for field in command if field not in ("createIndexes", "v")}
        db.command("createIndexes", name, indexes=[index])
    elif verb == "commitIndexBuild":
        db.command("createIndexes", name, indexes=command["indexes"])
    elif verb == "dropIndexes":
        db.command("dropIndexes", name, index=command["index"])
    elif verb == "collMod":
        assert command["index"]["name"], command
    else:
        raise AssertionError(command)


def play(client, entry):
    db, _, name = entry["ns"].partition(".")
    if entry["op"] == "n":
        return
    assert entry["op"] in "iudc", entry
    if entry["op"] == "i":
        assert entry["o2"] == {"_id": entry["o"]["_id"]}, entry
        client[db][name].insert_one(entry["o"])
    elif entry["op"] == "u":
        play_update(client[db][name], entry)
    elif entry["op"] == "d":
        client[db][name].delete_one(entry["o"])
    else:
        play_command(client, client[db], entry["o"])


def contents(client):
    """All collections, their documents and indexes."""
    found = {}
    for db in client.list_database_names():
        if db in ("admin", "config", "local"):
            continue
        for name in client[db].list_collection_names():
            documents = sorted(client[db][name].find(), key=lambda document: str(document["_id"]))
            found[db, name] = documents, sorted(client[db][name].index_information())
    return found


# ---- work ----

def work(client):
    """Every kind of write."""
    db = client.shop
    db.a.insert_many([{"_id": i, "x": [1, 2, 3], "d": {"e": i, "f": {"g": i}}} for i in range(50)])
    db.a.update_one({"_id": 0}, {"$set": {"d.e": 9, "n.m": 1}, "$push": {"x": 4}})
    db.a.update_one({"_id": 1}, {"$unset": {"d.e": 1, "d.f.g": 1}, "$pop": {"x": 1}})
    db.a.update_one({"_id": 2}, [{"$set": {"list": [{"k": 1}, {"k": 2}], "0": {"1": "a"}}}])
    db.a.update_one({"_id": 2}, {"$set": {"list.1.k": 3, "0.1": "b"}})
    db.a.update_many({"_id": {"$gte": 10}}, {"$inc": {"d.f.g": 1}, "$set": {"new": "yes"}})
    db.a.replace_one({"_id": 3}, {"whole": True})
    db.a.find_one_and_update({"_id": 4}, {"$set": {"x.1": None}})
    db.a.find_one_and_delete({"_id": 5})
    db.a.delete_many({"_id": {"$gte": 40}})
    db.a.update_one({"_id": "new"}, {"$set": {"y": 1}}, upsert=True)
    db.a.bulk_write([ReplaceOne({"_id": 7}, {"z": 1}), ReplaceOne({"_id": 8}, {"z": 2})])
    db.a.create_index("x", name="by_x")
    db.command("createIndexes", "a", indexes=[{"key": {"y": 1}, "name": "y"}, {"key": {"z": 1}, "name": "z"}])
    db.command("collMod", "a", index={"name": "y", "hidden": True})
    db.a.drop_index("by_x")
    with client.start_session() as session, session.start_transaction():
        db.a.insert_one({"_id": "in a transaction"}, session=session)
        db.made.insert_one({"_id": 1}, session=session)
        db.a.update_one({"_id": 9}, {"$set": {"d.e": "too"}}, session=session)
    db.made.rename("renamed")
    client.other.c.insert_one({"_id": 1})
    client.gone.c.insert_one({"_id": 1})
    client.drop_database("gone")
    db.dropped.insert_one({"_id": 1})
    db.dropped.drop()


def big_transaction(client):
    """More than one document of the log can hold."""
    with client.start_session() as session, session.start_transaction():
        for i in range(4):
            client.shop.big.insert_one({"_id": i, "data": "x" * (6 << 20)}, session=session)
    last = last_of(client)
    assert last["o"]["count"] == 5 and last["prevOpTime"]["ts"] < last["ts"], last["prevOpTime"]
    chain = [last]
    while chain[-1]["prevOpTime"]["t"] != -1:
        chain.append(log_of(client).find_one({"ts": chain[-1]["prevOpTime"]["ts"]}))
        assert chain[-1]["o"]["partialTxn"] and chain[-1]["lsid"] == last["lsid"], chain[-1]["ts"]
    assert sum(len(entry["o"]["applyOps"]) for entry in chain) == 5  # the collection too
    client.shop.big.drop()


def check_replay(exe, client):
    with Server(exe) as copy:
        target = copy.client()
        for entry in log_of(client).find():
            play(target, entry)
        assert contents(target) == contents(client)
    assert contents(client)["shop", "renamed"][0] == [{"_id": 1}]


def check_order(client):
    """Times differ and rise; a range of them is what it says; backward is forward, turned round."""
    log = log_of(client)
    entries = list(log.find(projection={"o": 0}))
    times = [entry["ts"] for entry in entries]
    assert times == sorted(set(times)) and len(times) > 60
    assert all(entry["v"] == 2 and entry["t"] >= 1 and entry["wall"] for entry in entries)
    backward = [entry["ts"] for entry in log.find(projection={"ts": 1}).sort("$natural", -1)]
    assert backward == times[::-1]
    assert log.count_documents({}) == len(times) == log.estimated_document_count()
    for _ in range(20):
        low, high = sorted(random.sample(range(len(times)), 2))
        between = {"ts": {"$gte": times[low], "$lt": times[high]}}
        for way in (1, -1):
            found = [entry["ts"] for entry in log.find(between).sort("$natural", way)]
            assert found == times[low:high][::way], (low, high, way)
    assert log.find_one({"ts": times[7]})["ts"] == times[7]
    assert [entry["ts"] for entry in log.find().sort("ts", -1).limit(2)] == backward[:2]
    counted = list(log.aggregate([{"$match": {"ns": "shop.a", "op": "i"}}, {"$count": "n"}]))
    assert counted == [{"n": 50 + 1}], counted


def check_shown(client):
    """As a collection it is like MongoDB's."""
    [listed] = list(client.local.list_collections(filter={"name": "oplog.rs"}))
    assert listed["options"]["capped"] and listed["options"]["size"] > 0, listed
    assert "local" in client.list_database_names()
    stats = client.local.command("collStats", "oplog.rs")
    assert stats["capped"] and stats["maxSize"] == listed["options"]["size"], stats
    [stats] = log_of(client).aggregate([{"$collStats": {"storageStats": {}}}])
    assert stats["storageStats"]["capped"], stats
    assert list(log_of(client).list_indexes()) == []


def check_refused(client):
    log = log_of(client)
    for call in (lambda: log.insert_one({}), lambda: log.delete_many({}), lambda: log.create_index("a"),
                 lambda: log.update_many({}, {"$set": {"a": 1}}), lambda: log.find_one_and_delete({})):
        fails(73, call)
    fails(20, log.drop)
    fails(20, log.rename, "mine")
    fails(20, client.drop_database, "local")
    fails(2, client.shop.command, "find", "a", tailable=True)
    fails(2, client.local.command, "find", "oplog.rs", tailable=True, sort={"ts": 1})
    fails(9, client.local.command, "find", "oplog.rs", awaitData=True)


def check_tail(server, client):
    """A tool follows: it has all there was, then what comes, once, and is woken."""
    start = last_of(client)["ts"]
    seen, ready = [], threading.Event()

    def tail():
        cursor = log_of(server.client()).find({"ts": {"$gt": start}, "ns": "tail.c"},
                                              cursor_type=CursorType.TAILABLE_AWAIT,
                                              oplog_replay=True)
        while len(seen) < 300:
            assert cursor.alive
            for entry in cursor:
                seen.append(entry["o"]["_id"])
            ready.set()

    client.tail.c.insert_many([{"_id": i} for i in range(100)])
    follower = threading.Thread(target=tail)
    follower.start()
    ready.wait(30)
    for i in range(100, 300):
        client.tail.c.insert_one({"_id": i})
        client.tail.other.insert_one({"_id": i})
    follower.join(60)
    assert seen == list(range(300)), seen
    plain = log_of(client).find(cursor_type=CursorType.TAILABLE)
    count = len(list(plain))
    assert plain.alive and count > 500
    client.tail.c.insert_one({"_id": 300})
    assert "tail.c" in [entry["ns"] for entry in plain]


def check_sessions(client):
    """What is known of sessions, beside the log."""
    with client.start_session() as session:
        client.shop.sessions.insert_one({"_id": 1}, session=session)
        wanted = {"_id.id": session.session_id["id"]}
        [known] = client.config.transactions.find(wanted)
        first = known["txnNum"]
        assert first > 0 and known["lastWriteDate"] and "state" not in known, known
        with session.start_transaction():
            client.shop.sessions.insert_one({"_id": 2}, session=session)
        [known] = client.config.transactions.find(wanted)
        assert (known["txnNum"], known["state"]) == (first + 1, "committed"), known
        [known] = client.config["system.sessions"].find(wanted)
        assert known["lastUse"], known
    names = set(client.config.list_collection_names())
    assert {"transactions", "system.sessions"} <= names, names
    fails(73, client.config.transactions.delete_many, {})
    fails(20, client.config.transactions.drop)
    client.config.mine.insert_one({"_id": 1})
    client.drop_database("config")
    assert set(client.config.list_collection_names()) == {"transactions", "system.sessions"}


def times_of(client, direction):
    """All that is kept; once more when the oldest part of it goes meanwhile."""
    for _ in range(100):
        try:
            return [entry["ts"] for entry in log_of(client).find({}, {"ts": 1}).sort("$natural", direction)]
        except errors.OperationFailure as error:
            assert error.code == 136, error.details
    raise AssertionError("the log does not come to rest")


def check_trimmed(exe):
    """The oldest part goes; who was there has lost its place."""
    options = ["--oplogSize", "4", "--journalSegmentMB", "1", "--writeBufferMB", "1"]
    with Server(exe, *options) as server:
        client = server.client()
        client.s.c.insert_one({"_id": "first"})
        first = log_of(client).find_one()["ts"]
        behind = client.local.command("find", "oplog.rs", batchSize=2, tailable=True)["cursor"]
        slow = log_of(client).find(batch_size=2)
        next(slow)
        for i in range(90):  # more than is kept in memory for who follows
            client.s.c.insert_many([{"_id": i * 100 + k, "data": "x" * 10000} for k in range(100)])
        wait = 0
        while log_of(client).find_one()["ts"] == first and wait < 200:
            client.s.c.insert_one({"_id": f"wait {wait}", "data": "x" * 100000})
            wait += 1
        assert log_of(client).find_one({"ts": first}) is None
        oldest = log_of(client).find_one()["ts"]
        assert oldest > first
        entries = times_of(client, 1)
        backward = times_of(client, -1)
        both = min(len(entries), len(backward))  # more may have gone meanwhile: 4 MB are kept
        assert both > 20 and entries[-both:] == backward[:both][::-1], (len(entries), len(backward))
        fails(136, lambda: list(slow))
        fails(136, client.local.command, "getMore", Int64(behind["id"]), collection="oplog.rs")


def check_restart(server, client):
    before = [entry["ts"] for entry in log_of(client).find()]
    server.kill()
    server.start()
    client = server.client()
    assert [entry["ts"] for entry in log_of(client).find()][:len(before)] == before
    client.shop.after.insert_one({"_id": 1})
    assert last_of(client)["ts"] > before[-1] and last_of(client)["o"] == {"_id": 1}
    check_order(client)
    return client


def main():
    exe = sys.argv[1]
    with Server(exe) as server:
        client = server.client()
        work(client)
        check_shown(client)
        check_order(client)
        check_replay(exe, client)
        check_refused(client)
        big_transaction(client)
        check_tail(server, client)
        client = check_restart(server, client)
        check_sessions(client)
        assert log_of(client).find_one({"ts": {"$gt": Timestamp(2**32 - 1, 1)}}) is None
    check_trimmed(exe)


main()
