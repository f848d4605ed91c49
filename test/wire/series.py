"""series.py EXE - time series collections: measurements go into buckets, and are read, changed and deleted one by one."""

import datetime
import pathlib
import random
import sys
import threading
import time

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from bson import Binary, Int64, ObjectId  # noqa: E402
from pymongo import InsertOne  # noqa: E402
from pymongo.errors import BulkWriteError  # noqa: E402
from raw import Connection  # noqa: E402
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

START = datetime.datetime(2026, 3, 1)


def at(seconds):
    return START + datetime.timedelta(seconds=seconds)


def by_id(documents):
    return sorted(documents, key=lambda document: document["_id"])


def test_create(database):
    database.command("create", "made", timeseries={"timeField": "t", "metaField": "m"}, expireAfterSeconds=3600)
    listed = {entry["name"]: entry for entry in database.list_collections()}
    series, buckets = listed["made"], listed["system.buckets.made"]
    shape = {"timeField": "t", "metaField": "m", "granularity": "seconds", "bucketMaxSpanSeconds": 3600}
    assert series["type"] == "timeseries" and series["info"] == {"readOnly": False}, series
    assert series["options"] == {"expireAfterSeconds": 3600, "timeseries": shape}, series
    assert buckets["type"] == "collection" and buckets["options"]["timeseries"] == shape, buckets
    assert buckets["options"]["clusteredIndex"] is True and "uuid" in buckets["info"], buckets
    database.command("create", "made", timeseries={"timeField": "t", "metaField": "m"}, expireAfterSeconds=3600)
    refused(48, lambda: database.command("create", "made", timeseries={"timeField": "t"}))
    refused(48, lambda: database.command("create", "made"))
    refused(20, lambda: database.command("create", "system.buckets.other"))
    database.command("collMod", "made", timeseries={"granularity": "hours"}, expireAfterSeconds="off")
    listed = {entry["name"]: entry for entry in database.list_collections()}
    shape.update(granularity="hours", bucketMaxSpanSeconds=2592000)
    assert listed["made"]["options"] == {"timeseries": shape}, listed["made"]
    assert listed["system.buckets.made"]["options"]["timeseries"] == shape
    refused(72, lambda: database.command("collMod", "made", timeseries={"granularity": "minutes"}))
    refused(166, lambda: database.made.rename("other"))
    refused(72, lambda: database.command("collMod", "made", validator={}))
    assert database.drop_collection("made")["ns"].endswith(".made")
    assert database.list_collection_names() == []
    refused(72, lambda: database.command("collMod", database.create_collection("plain").name,
                                         timeseries={"granularity": "hours"}))
    database.plain.drop()


def test_buckets(database):
    """One bucket for each meta value and window, in the documented layout."""
    database.create_collection("layout", timeseries={"timeField": "t", "metaField": "m"})
    database.layout.insert_many([{"_id": 3, "t": at(130), "m": {"a": 1}, "v": {"x": 5}},
                                 {"_id": 1, "t": at(70), "m": {"a": 1}, "v": {"x": 9, "y": 1}, "w": [1]},
                                 {"_id": 2, "t": at(70), "m": {"a": 1}, "v": {"x": 1}}])
    bucket = database["system.buckets.layout"].find_one()
    assert list(bucket) == ["_id", "control", "meta", "data"] and bucket["meta"] == {"a": 1}
    assert bucket["control"] == {"version": 1, "min": {"_id": 1, "t": at(60), "v": {"x": 1, "y": 1}, "w": [1]},
                                 "max": {"_id": 3, "t": at(130), "v": {"x": 9, "y": 1}, "w": [1]}}, bucket
    assert bucket["data"] == {"_id": {"0": 1, "1": 2, "2": 3}, "t": {"0": at(70), "1": at(70), "2": at(130)},
                              "v": {"0": {"x": 9, "y": 1}, "1": {"x": 1}, "2": {"x": 5}}, "w": {"0": [1]}}, bucket
    assert isinstance(bucket["_id"], ObjectId) and bucket["_id"].generation_time.replace(tzinfo=None) == START
    found = list(database.layout.find())
    assert [list(document) for document in found] == [["t", "m", "_id", "v", "w"], ["t", "m", "_id", "v"],
                                                      ["t", "m", "_id", "v"]], found
    refused(73, lambda: database["system.buckets.layout"].insert_one({}))
    database.layout.insert_many([{"t": at(i), "m": 1} for i in range(2500)])
    database.layout.insert_one({"t": at(3), "m": 1})
    sizes = sorted(len(bucket["data"]["t"]) for bucket in database["system.buckets.layout"].find({"meta": 1}))
    assert sizes == [501, 1000, 1000], sizes
    database.layout.insert_many([{"t": at(i), "m": 2, "s": "x" * 40000} for i in range(10)])
    sizes = sorted(len(bucket["data"]["t"]) for bucket in database["system.buckets.layout"].find({"meta": 2}))
    assert sizes == [1, 3, 3, 3], sizes
    database.layout.drop()


def measurements(dice, count, first):
    metas = [None, 1, 1.0, "a", {"k": 1}, {"k": 2}, [1, 2]]
    result = []
    for i in range(count):
        document = {"_id": first + i, "t": at(dice.randrange(-20000, 20000)), "v": dice.randrange(100)}
        if dice.random() < 0.9:
            document["m"] = dice.choice(metas)
        if dice.random() < 0.3:
            document["w"] = {"x": dice.choice([1, "one", None]), "y": [dice.randrange(3)]}
        result.append(document)
    return result


FILTERS = [
    {}, {"t": at(100)}, {"t": {"$gte": at(0)}}, {"t": {"$lt": at(-5000)}}, {"t": {"$gt": at(50), "$lte": at(3700)}},
    {"t": {"$gte": at(-1), "$lt": at(1)}, "m": 1}, {"m": None}, {"m": {"$exists": False}}, {"m.k": 1}, {"m": [1, 2]},
    {"m": 2}, {"m": {"$in": ["a", {"k": 1}]}}, {"$and": [{"t": {"$gt": at(9)}}, {"m.k": {"$gte": 2}}]},
    {"$or": [{"m": "a"}, {"m.k": 1}]}, {"$or": [{"m": "a"}, {"t": {"$lt": at(0)}}]}, {"$nor": [{"m": 1}, {"m": None}]},
    {"t": {"$not": {"$gt": at(0)}}}, {"t": {"$ne": at(0)}}, {"t": {"$type": "date"}}, {"t": {"$gt": 5}}, {"v": {"$lt": 10}},
    {"w.x": "one"}, {"w.y": 2}, {"_id": 17}, {"t": {"$in": [at(i) for i in range(500)]}}, {"m": {"$not": {"$eq": 1}}},
    {"$expr": {"$gt": ["$t", at(12000)]}}, {"t": {"$gt": at(-10 ** 10)}}, {"t": {"$lt": datetime.datetime(1600, 1, 1)}},
]


def compare(plain, series):
    for query in FILTERS:
        expected, found = by_id(plain.find(query)), by_id(series.find(query))
        assert expected == found, (query, len(expected), len(found))
        assert plain.count_documents(query) == series.count_documents(query), query
    order = list(series.find({"t": {"$exists": True}}).sort([("t", 1), ("_id", 1)]))
    assert order == list(plain.find().sort([("t", 1), ("_id", 1)]))


def test_reads(database, dice):
    """All reads are those of an ordinary collection with the same documents."""
    database.create_collection("series", timeseries={"timeField": "t", "metaField": "m"})
    series, plain = database.series, database.plain
    for i in range(6):
        documents = measurements(dice, 300, 300 * i)
        plain.insert_many(documents)
        series.insert_many(documents, ordered=i % 2 == 0)
    for document in measurements(dice, 60, 1800):
        plain.insert_one(document)
        series.insert_one(document)
    documents = measurements(dice, 60, 1860)
    plain.insert_many(documents)
    series.bulk_write([InsertOne(document) for document in documents])
    compare(plain, series)
    assert sorted(series.distinct("v")) == sorted(plain.distinct("v"))
    assert database.command("count", "series")["n"] == 1920
    pipeline = [{"$match": {"t": {"$lt": at(500)}}}, {"$group": {"_id": "$v", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}]
    assert list(series.aggregate(pipeline)) == list(plain.aggregate(pipeline))
    join = [{"$match": {"_id": {"$lt": 5}}}, {"$sort": {"_id": 1}}, {"$lookup": {
        "from": None, "localField": "v", "foreignField": "v", "as": "same",
        "pipeline": [{"$sort": {"_id": 1}}, {"$project": {"v": 1}}]}}]
    joined = []
    for name in ("series", "plain"):
        join[2]["$lookup"]["from"] = name
        joined.append(list(plain.aggregate(join)))
    assert joined[0] == joined[1]
    database.command("create", "late", viewOn="series", pipeline=[{"$match": {"t": {"$gte": at(100)}}}])
    assert by_id(database.late.find({"m": 1})) == by_id(plain.find({"t": {"$gte": at(100)}, "m": 1}))
    cursor = series.find(batch_size=10)
    assert len(list(cursor)) == 1920
    refused(168, lambda: database.command("find", "series", tailable=True))


def test_deletes(database, dice):
    """What is left is what is left of an ordinary collection."""
    series, plain = database.series, database.plain
    for query in ({"t": {"$gte": at(500), "$lt": at(3000)}}, {"m": "a", "v": {"$lt": 50}}, {"m.k": 1}, {"w.y": 1},
                  {"_id": {"$lt": 40}}, {"v": 1000}):
        assert series.delete_many(query).deleted_count == plain.delete_many(query).deleted_count, query
        compare(plain, series)
    for _ in range(20):
        document = dice.choice(list(plain.find()))
        query = {"_id": document["_id"]}
        if dice.random() < 0.5:
            assert series.delete_one({**query, "t": document["t"]}).deleted_count == 1
        else:
            assert series.find_one_and_delete(query, {"t": 0, "m": 0}).keys() == document.keys() - {"t", "m"}
        plain.delete_one(query)
    compare(plain, series)
    assert series.delete_one({"m": 1}).deleted_count == 1
    assert plain.count_documents({"m": 1}) == series.count_documents({"m": 1}) + 1
    gone = plain.find_one({"_id": {"$nin": [document["_id"] for document in series.find()]}})
    plain.delete_one(gone)
    assert series.find_one_and_delete({"v": -1}) is None
    refused(72, lambda: series.find_one_and_delete({}, sort=[("t", 1)]))
    compare(plain, series)


def test_updates(database):
    """The meta field of whole buckets changes, nothing else."""
    series, plain = database.series, database.plain
    for query, change in (({"m.k": 2}, {"$set": {"m.l": 5}}), ({"m": "a"}, {"$set": {"m": "b"}}), ({"m": None}, {"$set": {"m": 8}}),
                          ({"$or": [{"m": 8}, {"m": "b"}]}, {"$unset": {"m": ""}}), ({"m.l": 5}, {"$rename": {"m.l": "m.n"}})):
        first, second = (collection.update_many(query, change) for collection in (plain, series))
        assert first.raw_result["n"] == second.raw_result["n"], query
        assert first.modified_count == second.modified_count, query
        compare(plain, series)
    series.insert_one({"_id": 5000, "t": at(5), "m": "a"})
    plain.insert_one({"_id": 5000, "t": at(5), "m": "a"})
    compare(plain, series)
    for query, change in (({}, {"$set": {"v": 1}}), ({"v": 1}, {"$set": {"m": 1}}), ({}, {"$set": {"m": 1, "t": 2}}),
                          ({}, {"$rename": {"m.k": "v"}}), ({}, [{"$set": {"m": 1}}])):
        refused(72, lambda: series.update_many(query, change))
    refused(72, lambda: series.update_one({"m": 1}, {"$set": {"m": 2}}))
    refused(72, lambda: series.update_many({"m": 9}, {"$set": {"m": 2}}, upsert=True))
    refused(72, lambda: series.replace_one({"m": 1}, {"m": 2}))
    refused(72, lambda: series.find_one_and_update({"m": 1}, {"$set": {"m": 2}}))
    compare(plain, series)


def test_a_restart(server, database):
    """What was inserted is there, and what comes goes into the same buckets."""
    series, plain = database.series, database.plain
    buckets = database["system.buckets.series"]
    before = buckets.count_documents({})
    server.kill()
    server.start()
    compare(plain, series)
    series.insert_one({"_id": 6000, "t": at(5), "m": "a"})
    plain.insert_one({"_id": 6000, "t": at(5), "m": "a"})
    assert buckets.count_documents({}) == before
    compare(plain, series)
    assert database.command("validate", "system.buckets.series")["valid"]


def test_indexes(database):
    series = database.series
    first = {"v": 2, "key": {"m": 1, "t": 1}, "name": "m_1_t_1"}
    assert [dict(index, key=dict(index["key"])) for index in series.list_indexes()] == [first]
    series.create_index([("t", -1)])
    series.create_index([("m.k", 1), ("v", -1)], name="both", partialFilterExpression={"v": {"$gt": 3}})
    reply = database.command("createIndexes", "series", indexes=[{"key": {"v": 1}, "name": "v_1"}])
    assert (reply["numIndexesBefore"], reply["numIndexesAfter"]) == (3, 4)
    listed = {index["name"]: index for index in series.list_indexes()}
    assert dict(listed["t_-1"]["key"]) == {"t": -1} and dict(listed["both"]["key"]) == {"m.k": 1, "v": -1}
    assert listed["both"]["partialFilterExpression"] == {"v": {"$gt": 3}}, listed
    keys = {index["name"]: list(index["key"].items()) for index in database["system.buckets.series"].list_indexes()}
    assert keys["t_-1"] == [("control.max.t", -1), ("control.min.t", -1)], keys
    assert keys["both"] == [("meta.k", 1), ("control.max.v", -1), ("control.min.v", -1)], keys
    compare(database.plain, series)
    assert len(list(series.find({"t": {"$gt": at(0)}}).hint([("t", -1)]))) == database.plain.count_documents({"t": {"$gt": at(0)}})
    database.command("collMod", "series", index={"keyPattern": {"v": 1}, "hidden": True})
    assert {index["name"]: index for index in series.list_indexes()}["v_1"]["hidden"] is True
    series.drop_index([("v", 1)])
    series.drop_index("both")
    for key, options, code in (({"v": 1}, {"unique": True}, 72), ({"v": "text"}, {}, 72), ({"v": 1}, {"sparse": True}, 72),
                               ({"v": "2d"}, {}, 67), ({"$**": 1}, {}, 7246201), ({"t": 1}, {"expireAfterSeconds": 1}, 72)):
        index = {"key": key, "name": "wrong", **options}
        refused(code, lambda: database.command("createIndexes", "series", indexes=[index]))
    assert database.command("dropIndexes", "series", index="*")["nIndexesWas"] == 2
    compare(database.plain, series)


def test_many_at_once(server, database):
    """Clients that insert side by side, some one by one, fill the same buckets."""
    database.create_collection("busy", timeseries={"timeField": "t", "metaField": "m"})

    def insert(number):
        busy = server.client().series.busy
        for i in range(60):
            documents = [{"_id": (number * 60 + i) * 10 + k, "t": at(i), "m": k % 2} for k in range(10)]
            if i % 2:
                busy.insert_many(documents)
            else:
                for document in documents:
                    busy.insert_one(document)

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(document["_id"] for document in database.busy.find()) == list(range(3600))
    assert database["system.buckets.busy"].count_documents({}) == 4
    database.busy.drop()


def test_a_range_reads_few_buckets(database):
    """A range of time is one of _id, or of the index with the meta field."""
    database.create_collection("long", timeseries={"timeField": "t", "metaField": "m"})
    database.long.insert_many([{"t": at(1800 * i), "m": i % 5} for i in range(2000)])

    def read(query):
        command = {"explain": {"find": "long", "filter": query}, "verbosity": "executionStats"}
        return database.command(command)["stages"][0]["$cursor"]["executionStats"]["totalDocsExamined"]

    assert read({}) >= 1000
    assert read({"t": {"$gte": at(900000), "$lt": at(907200)}}) <= 12
    assert read({"t": {"$gte": at(900000), "$lt": at(972000)}, "m": 3}) <= 12
    database.long.drop()


def test_insert_errors(database):
    database.create_collection("wrong", timeseries={"timeField": "t"})
    refused(2, lambda: database.wrong.insert_one({"v": 1}))
    for ordered, count in ((True, 2), (False, 3)):
        try:
            database.wrong.insert_many([{"t": at(0)}, {"t": at(1)}, {"t": 5}, {"t": at(2)}], ordered=ordered)
            raise AssertionError("a number is no time")
        except BulkWriteError as error:
            assert error.details["nInserted"] == count, error.details
            assert [(e["index"], e["code"]) for e in error.details["writeErrors"]] == [(2, 2)], error.details
    assert database.wrong.count_documents({}) == 5
    with database.client.start_session() as session:
        session.start_transaction()
        refused(263, lambda: database.wrong.insert_one({"t": at(0)}, session=session))
        session.abort_transaction()
    far = [datetime.datetime(1, 1, 1), datetime.datetime(1969, 12, 31, 23, 59, 59), datetime.datetime(9999, 12, 31)]
    database.wrong.insert_many([{"_id": i, "t": when} for i, when in enumerate(far)])
    assert database.wrong.count_documents({"_id": {"$in": [0, 1, 2]}}) == 3
    for i, when in enumerate(far):
        assert database.wrong.find_one({"t": when})["_id"] == i
        assert database.wrong.find_one({"t": {"$gte": when, "$lte": when}})["_id"] == i
    database.wrong.drop()


def test_retries(server, database):
    """A statement that comes again is not inserted again."""
    database.create_collection("again", timeseries={"timeField": "t"})
    command = {"insert": "again", "documents": [{"t": at(i)} for i in range(5)], "txnNumber": Int64(1),
               "lsid": {"id": Binary(bytes(16), 4)}, "$db": "series"}
    with Connection(server.port) as connection:
        first, again = (connection.run(command) for _ in range(2))
    assert first["n"] == again["n"] == 5 and sorted(again["retriedStmtIds"]) == [0, 1, 2, 3, 4], again
    assert database.again.count_documents({}) == 5
    database.again.drop()


def test_out(database):
    """$out fills buckets aside, which become the series' own in one step."""
    database.source.insert_many([{"_id": i, "t": at(i * 10), "m": i // 500, "v": i} for i in range(2000)])
    shape = {"timeField": "t", "metaField": "m"}

    def out(stages, **options):
        database.source.aggregate([*stages, {"$out": {"db": "series", "coll": "target", **options}}])

    out([], timeseries=shape)
    assert by_id(database.target.find()) == by_id(database.source.find())
    listed = {entry["name"]: entry for entry in database.list_collections()}
    assert listed["target"]["type"] == "timeseries" and not any("tmp" in name for name in listed), listed
    assert [index["name"] for index in database.target.list_indexes()] == ["m_1_t_1"]
    out([{"$match": {"_id": {"$lt": 5}}}])
    assert database.target.count_documents({}) == 5
    refused(2, lambda: out([{"$project": {"v": 1}}]))
    refused(7268702, lambda: out([], timeseries={"timeField": "t"}))
    refused(7268700, lambda: database.target.aggregate([{"$out": {"db": "series", "coll": "source", "timeseries": shape}}]))
    refused(166, lambda: database.source.aggregate([{"$merge": "target"}]))
    assert database.target.count_documents({}) == 5 and database.source.count_documents({}) == 2000
    assert not any("tmp" in name for name in database.list_collection_names())
    database.target.drop()
    database.source.drop()


def test_expiry(server, database):
    """A bucket goes when its last measurement is over."""
    now = datetime.datetime.utcnow()
    database.create_collection("short", timeseries={"timeField": "t"}, expireAfterSeconds=7200)
    database.create_collection("kept", timeseries={"timeField": "t", "metaField": "m"})
    database.command("createIndexes", "kept", indexes=[{"key": {"t": 1}, "name": "some", "expireAfterSeconds": 60,
                                                        "partialFilterExpression": {"m": "old"}}])
    for days in (0, 1, 20000, 30000):
        database.short.insert_one({"_id": days, "t": now - datetime.timedelta(days=days)})
        database.kept.insert_many([{"_id": f"{m}{days}", "m": m, "t": now - datetime.timedelta(days=days)}
                                   for m in ("old", "new")])
    database.client.admin.command("setParameter", 1, ttlMonitorSleepSecs=1)
    deadline = time.monotonic() + 60
    while database.short.count_documents({}) > 1 or database.kept.count_documents({"m": "old"}) > 1:
        assert time.monotonic() < deadline, list(database.short.find())
        server.client().admin.command("ping")
    assert database.short.find_one()["_id"] == 0
    assert sorted(d["_id"] for d in database.kept.find()) == ["new0", "new1", "new20000", "new30000", "old0"]
    database.short.drop()
    database.kept.drop()


def test_collation(database):
    """A series has one, and its index of the meta field."""
    one = database.create_collection("collated", timeseries={"timeField": "t", "metaField": "m"},
                                     collation={"locale": "en", "strength": 2})
    one.insert_many([{"t": at(i), "m": "aA"[i % 2], "v": "xX"[i % 2]} for i in range(10)])
    database.command("collMod", "collated", timeseries={"granularity": "minutes"})
    (told,) = database.list_collections(filter={"name": "collated"})
    assert told["options"]["collation"]["strength"] == 2, told
    assert one.count_documents({"m": "A"}) == one.count_documents({"v": "x"}) == 10
    assert one.count_documents({"m": "A"}, collation={"locale": "simple"}) == 5
    assert one.index_information()["m_1_t_1"]["collation"]["strength"] == 2, one.index_information()
    assert one.delete_many({"v": "X", "m": "a"}).deleted_count == 10
    one.drop()


def test_statistics(database):
    series = database.series
    buckets = database["system.buckets.series"].count_documents({})
    expected = {"bucketsNs": "series.system.buckets.series", "bucketCount": buckets}
    stats = database.command("collStats", "series")
    assert stats["ns"] == "series.series" and expected.items() <= stats["timeseries"].items(), stats
    staged = list(series.aggregate([{"$collStats": {"storageStats": {}}}]))[0]
    assert expected.items() <= staged["storageStats"]["timeseries"].items(), staged
    series.create_index("v")
    used = list(series.aggregate([{"$indexStats": {}}]))
    assert [(entry["name"], dict(entry["key"])) for entry in used] == [("v_1", {"v": 1})], used
    assert database.command("validate", "series")["valid"]
    for name, value in (("convertToCapped", "series"), ("planCacheListFilters", "series")):
        refused(166, lambda: database.command(name, value, **({"size": 4096} if name == "convertToCapped" else {})))
    refused(166, lambda: next(series.watch()))


def main():
    dice = random.Random(17)
    with Server(sys.argv[1]) as server:
        with server.client() as client:
            database = client.series
            test_create(database)
            test_buckets(database)
            test_insert_errors(database)
            test_retries(server, database)
            test_a_range_reads_few_buckets(database)
            test_reads(database, dice)
            test_deletes(database, dice)
            test_updates(database)
            test_indexes(database)
            test_statistics(database)
            test_collation(database)
            test_many_at_once(server, database)
            test_a_restart(server, database)
            test_out(database)
            test_expiry(server, database)


if __name__ == "__main__":
    main()
