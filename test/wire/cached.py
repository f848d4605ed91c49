"""cached.py EXE - how collections are cached: rules, what they refuse, what cacheStats tells of them."""

import pathlib
import random
import sys

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import refusal  # noqa: E402
from server import Server  # noqa: E402

CACHE_MB = 128  # half of it is the cache's: quotas may take 32 MB


def stats(db, name):
    rows = db.command("cacheStats", name)["collections"]
    assert [row["ns"] for row in rows] == [f"{db.name}.{name}"], rows
    return rows[0]


def refused(code, words, run):
    said = refusal.refused(code, run)["errmsg"]
    assert words in said, said


def rules(db):
    db.command("create", "plain")
    db.command("create", "own", cache={"policy": "lru", "quotaMB": 16})
    db.plain.insert_many({"_id": i, "pad": "x" * 100} for i in range(100))
    db.own.insert_many({"_id": i, "pad": "x" * 100} for i in range(100))
    row = stats(db, "own")
    assert (row["policy"], row["ownSpace"], row["maxBytes"]) == ("lru", True, 16 << 20), row
    row = stats(db, "plain")
    assert (row["policy"], row["ownSpace"], row["ttlSecs"]) == ("adaptive", False, 0), row
    remembered = db.client.admin.command("cacheStats")["prefetch"]["memoryBytes"]
    assert row["maxBytes"] == ((CACHE_MB // 2 - 16) << 20) - remembered
    for name in "plain", "own":
        for _ in range(3):
            for i in range(100):
                assert db[name].find_one({"_id": i})["pad"] == "x" * 100
        row = stats(db, name)
        assert row["entries"] == 100 and row["hits"] >= 200 and row["misses"] >= 100, row
    db.command("collMod", "plain", cache={"pin": True, "quotaMB": 16, "ttlSecs": 60})
    row = stats(db, "plain")
    assert (row["policy"], row["ownSpace"], row["ttlSecs"], row["entries"]) == ("pin", True, 60, 0)
    (info,) = db.list_collections(filter={"name": "plain"})
    assert info["options"]["cache"] == {"pin": True, "quotaMB": 16, "ttlSecs": 60}, info
    db.command("create", "own", cache={"policy": "lru", "quotaMB": 16})  # the same again
    refused(48, "already exists", lambda: db.command("create", "own"))


def absent(db):
    for _ in range(5):
        assert db.plain.find_one({"_id": "nowhere"}) is None
    before = stats(db, "plain")["hitsAbsent"]
    assert before >= 3
    db.plain.insert_one({"_id": "nowhere"})
    assert db.plain.find_one({"_id": "nowhere"}) is not None
    assert stats(db, "plain")["hitsAbsent"] == before


def unique(db):
    db.plain.create_index("email", unique=True, sparse=True)
    db.plain.update_one({"_id": 7}, {"$set": {"email": "seven"}})
    db.plain.delete_one({"_id": "nowhere"})
    for _ in range(2):
        assert db.plain.find_one({"email": "seven"})["_id"] == 7
    before = stats(db, "plain")
    assert db.plain.find_one({"email": "seven"})["_id"] == 7
    after = stats(db, "plain")
    assert (after["hits"] - before["hits"], after["misses"] - before["misses"]) == (2, 0), (before, after)
    db.plain.update_one({"_id": 7}, {"$set": {"email": "nine"}})
    assert db.plain.find_one({"email": "seven"}) is None
    assert db.plain.find_one({"email": "nine"})["_id"] == 7
    db.plain.drop_index("email_1")


def pages(db):
    """Finds by an index that is not unique, against what a dict says, while writes go on."""
    pick, model = random.Random(1), {}
    db.pages.create_index("tags")
    db.pages.create_index([("a", 1), ("b", -1)])

    def ask(query, wanted, **options):
        found = [doc["_id"] for doc in db.pages.find(query, **options)]
        assert sorted(found) == sorted(i for i, doc in model.items() if wanted(doc)), query
        return found

    for step in range(600):
        i = pick.randrange(40)
        doc = {"tags": pick.sample(range(6), 2), "a": pick.randrange(3), "b": pick.choice([None, 1, "x"])}
        if pick.random() < 0.3:
            db.pages.delete_one({"_id": i})
            model.pop(i, None)
        else:
            db.pages.replace_one({"_id": i}, doc, upsert=True)
            model[i] = doc
        tag, a, b = pick.randrange(6), pick.randrange(3), pick.choice([1, "x"])
        ask({"tags": tag}, lambda doc: tag in doc["tags"], batch_size=pick.choice([0, 2]))
        ask({"a": a, "b": b}, lambda doc: doc["a"] == a and doc["b"] == b)
        ask({"a": a, "b": b, "tags": tag}, lambda doc: doc["a"] == a and doc["b"] == b and tag in doc["tags"])
    for query in {"tags": 3}, {"a": 1, "b": "x"}:
        found = [list(db.pages.find(query)) for _ in range(3)]
        assert found[0] == found[1] == found[2] == list(db.pages.find(query).sort("_id", 1)), found
        before = stats(db, "pages")
        assert list(db.pages.find(query)) == found[0]
        after = stats(db, "pages")
        assert after["hits"] - before["hits"] == len(found[0]) + 1, (before, after)
        assert after["misses"] == before["misses"]
        ran = db.pages.find(query).explain()["executionStats"]
        assert ran["totalKeysExamined"] == ran["totalDocsExamined"] == len(found[0]), ran
    backward = list(db.pages.find({"a": 1, "b": "x"}).sort([("a", -1), ("b", 1)]))
    assert sorted(doc["_id"] for doc in backward) == sorted(doc["_id"] for doc in found[0])
    db.pages.insert_many({"_id": 1000 + i, "a": 9, "b": 9} for i in range(200))  # too many for a page
    for _ in range(3):
        assert db.pages.count_documents({"a": 9, "b": 9}) == 200


def results(client):
    db = client.results
    db.orders.insert_many({"_id": i, "k": i % 7, "n": i} for i in range(500))
    db.parts.insert_many({"_id": i, "name": f"part {i}"} for i in range(7))
    group = [{"$group": {"_id": "$k", "n": {"$sum": "$n"}}}, {"$sort": {"_id": 1}}]
    joined = group + [{"$lookup": {"from": "parts", "localField": "_id", "foreignField": "_id", "as": "part"}}]

    def counts():
        return client.admin.command("serverStatus")["cache"]["results"]

    def ask(pipeline, hits, collection="orders", **options):
        before = counts()["hits"]
        reply = db.command("aggregate", collection, pipeline=pipeline, cursor=options.pop("cursor", {}), **options)
        assert counts()["hits"] - before == hits, (pipeline, before, counts())
        return reply["cursor"]

    fresh = ask(group, 0)
    assert ask(group, 0) == fresh  # nobody wants it kept
    assert ask(group, 0, cacheResults=True) == fresh
    assert ask(group, 1, cacheResults=True) == fresh
    db.command("collMod", "orders", cache={"results": True})
    assert ask(group, 0) == fresh  # another command: cacheResults is not in it
    assert ask(group, 1) == fresh
    assert ask(group, 1, comment="told apart by nothing", maxTimeMS=10000) == fresh
    db.orders.update_one({"_id": 7}, {"$inc": {"n": 1000}})
    changed = ask(group, 0)
    assert changed["firstBatch"][0]["n"] == fresh["firstBatch"][0]["n"] + 1000
    assert ask(group, 1) == changed
    db.parts.update_one({"_id": 1}, {"$set": {"seen": 1}})
    assert ask(group, 1) == changed  # another collection
    first = ask(joined, 0)
    assert ask(joined, 1) == first
    db.parts.update_one({"_id": 1}, {"$set": {"name": "other"}})
    assert ask(joined, 0)["firstBatch"][1]["part"][0]["name"] == "other"
    for impure in ([{"$sample": {"size": 3}}], group + [{"$set": {"t": "$$NOW"}}], group + [{"$set": {"r": {"$rand": {}}}}]):
        ask(impure, 0)
        ask(impure, 0)
    ask([{"$match": {}}], 0, cursor={"batchSize": 5})
    ask([{"$match": {}}], 0, cursor={"batchSize": 5})  # a part of a result is not kept
    ask([{"$match": {"k": 1}}], 0, let={"a": 1})
    ask([{"$match": {"k": 1}}], 0, let={"a": 2})
    ask([{"$match": {"k": 1}}], 1, let={"a": 1})
    refused(51144, "$$NOW", lambda: ask([{"$match": {"k": 1}}], 0, let={"a": "$$NOW"}))
    assert ask(group, 0, collection="none")["firstBatch"] == []
    refused(14, "cacheResults", lambda: db.command("aggregate", "orders", pipeline=[], cursor={}, cacheResults="yes"))
    db.drop_collection("orders")
    assert ask(group, 0, cacheResults=True)["firstBatch"] == []
    client.drop_database("results")


def warm(client):
    db = client.warm
    db.items.insert_many({"_id": i, "k": i % 10, "pad": "x" * 200} for i in range(3000))

    def entries():
        return stats(db, "items")["entries"]

    reply = db.command("warmCache", "items", keys=[5, 6, 7, "none"])
    assert (reply["documents"], reply["full"], entries()) == (3, False, 3), reply
    reply = db.command("warmCache", "items", filter={"k": 3})
    assert (reply["documents"], entries()) == (300, 303), reply
    reply = db.command("warmCache", "items", limit=10)
    assert reply["documents"] == 10
    reply = db.command("warmCache", "items", documentsPerSecond=1000000)
    assert (reply["documents"], entries()) == (3000, 3000), reply
    assert reply["bytes"] > 3000 * 200
    hits = stats(db, "items")["hits"]
    for i in range(0, 3000, 100):
        assert db.items.find_one({"_id": i})["k"] == i % 10
    assert stats(db, "items")["hits"] == hits + 30
    db.command("create", "small", cache={"quotaMB": 16})
    db.small.insert_many({"_id": i, "pad": "x" * 100000} for i in range(250))
    reply = db.command("warmCache", "small")
    assert reply["full"] and 50 < reply["documents"] < 200, reply
    refused(26, "does not exist", lambda: db.command("warmCache", "none"))
    refused(72, "not both", lambda: db.command("warmCache", "items", keys=[1], filter={}))
    refused(2, "1 at least", lambda: db.command("warmCache", "items", documentsPerSecond=0))
    client.drop_database("warm")


def refusals(db):
    def mod(**cache):
        return lambda: db.command("collMod", "third", cache=cache)

    db.command("create", "third")
    refused(2, "is none of adaptive", mod(policy="best", quotaMB=16))
    refused(2, "needs cache.quotaMB", mod(policy="lru"))
    refused(2, "needs cache.quotaMB", mod(pin=True))
    refused(2, "exclude each other", mod(pin=True, policy="lru", quotaMB=16))
    refused(2, "needs cache.ttlSecs", mod(policy="ttl", quotaMB=16))
    refused(2, "must be 16 at least", mod(quotaMB=1))
    refused(2, "0 MB are left", mod(quotaMB=16))
    refused(2, "--cacheSizeMB", mod(quotaMB=1 << 40))
    refused(2, "2592000 at most", mod(ttlSecs=1 << 40))
    refused(40415, "quota", mod(quota=16))
    refused(14, "wrong type", lambda: db.command("collMod", "third", cache=1))
    refused(26, "does not exist", lambda: db.command("collMod", "none", cache={}))
    refused(72, "must be capped", lambda: db.command("collMod", "third", cappedSize=4096))
    assert stats(db, "third")["ownSpace"] is False
    db.command("collMod", "plain", cache=None)
    assert "cache" not in next(db.list_collections(filter={"name": "plain"}))["options"]
    db.command("collMod", "third", cache={"quotaMB": 16})  # now there is room
    db.drop_collection("third")


def hiding(db):
    db.plain.create_index("k")
    plan = lambda: str(db.plain.find({"k": 1}).explain()["queryPlanner"]["winningPlan"])  # noqa: E731
    assert "IXSCAN" in plan()
    reply = db.command("collMod", "plain", index={"keyPattern": {"k": 1}, "hidden": True})
    assert (reply["hidden_old"], reply["hidden_new"]) == (False, True)
    assert "IXSCAN" not in plan()
    assert db.plain.index_information()["k_1"]["hidden"] is True
    db.command("collMod", "plain", index={"name": "k_1", "hidden": False})
    assert "IXSCAN" in plan() and "hidden" not in db.plain.index_information()["k_1"]
    refused(27, "cannot find index", lambda: db.command("collMod", "plain", index={"name": "x", "hidden": True}))
    refused(2, "_id", lambda: db.command("collMod", "plain", index={"name": "_id_", "hidden": True}))
    refused(72, "index name or key pattern", lambda: db.command("collMod", "plain", index={"hidden": True}))


def whole(client):
    reply = client.admin.command("cacheStats")
    assert {"rules.plain", "rules.own"} <= {row["ns"] for row in reply["collections"]}
    assert len(reply["missRatioCurve"]["sizes"]) == 7
    ratios = [size["missRatio"] for size in reply["missRatioCurve"]["sizes"]]
    assert ratios == sorted(ratios, reverse=True), ratios
    status = client.admin.command("serverStatus")["cache"]
    assert status["hits"] >= sum(row["hits"] for row in reply["collections"]) > 0


with Server(sys.argv[1], "--cacheSizeMB", str(CACHE_MB)) as server:
    client = pymongo.MongoClient(server.uri)
    for check in rules, absent, unique, pages, refusals, hiding:
        check(client.rules)
    warm(client)
    results(client)
    whole(client)
    client.close()
    server.stop()
    server.start()
    client = pymongo.MongoClient(server.uri)
    assert stats(client.rules, "own")["policy"] == "lru"
    assert stats(client.rules, "plain")["ownSpace"] is False
