"""PyMongo's session (Debian's python3-pymongo), with GridFS."""

import hashlib
import os

import gridfs
import pymongo
from bson import decimal128, int64, objectid
from pymongo import errors

client = pymongo.MongoClient(os.environ["LARGETABLE_URI"], serverSelectionTimeoutMS=10000)
db = client.pysession


def crud():
    c = db.crud
    c.insert_many([{"_id": i, "a": i % 5, "b": [i, i + 1]} for i in range(300)])
    assert c.find_one({"b": 17, "a": 2}) == {"_id": 17, "a": 2, "b": [17, 18]}
    assert c.update_many({"a": 2}, {"$push": {"b": -1}}).modified_count == 60
    assert c.delete_many({"a": {"$in": [3, 4]}}).deleted_count == 120
    assert c.count_documents({}) == 180
    result = c.update_one({"k": 1}, {"$setOnInsert": {"x": 1}}, upsert=True)
    assert isinstance(result.upserted_id, objectid.ObjectId)
    assert c.find_one_and_delete({"k": 1})["x"] == 1
    assert [d["_id"] for d in c.find({"_id": {"$lt": 6}}).sort("_id", -1)] == [5, 2, 1, 0]


def types():
    doc = {"_id": 1, "long": int64.Int64(2**53 + 1), "dec": decimal128.Decimal128("1.10"), "none": None,
           "nested": {"list": [{"x": 1}, {"x": 2}]}, "text": "naïve ∆", "bin": b"\x00\xff"}
    db.types.insert_one(doc)
    assert db.types.find_one() == doc
    assert db.types.find_one({"nested.list.x": 2})
    assert db.types.find_one({"none": None})


def cursors():
    c = db.cursors
    c.insert_many({"_id": i, "pad": "x" * 200} for i in range(10000))
    assert sum(1 for _ in c.find(batch_size=777)) == 10000
    cursor = c.find(batch_size=2)
    next(cursor)
    cursor.close()
    assert len(list(c.aggregate([{"$match": {"_id": {"$gte": 9000}}}], batchSize=100))) == 1000


def indexes():
    c = db.indexes
    c.create_index([("u", 1)], unique=True)
    c.insert_one({"u": 1})
    try:
        c.insert_many([{"u": 2}, {"u": 1}, {"u": 3}], ordered=False)
        raise AssertionError("a duplicate was accepted")
    except errors.BulkWriteError as error:
        assert error.details["nInserted"] == 2
        assert error.details["writeErrors"][0]["code"] == 11000
        assert error.details["writeErrors"][0]["keyValue"] == {"u": 1}
    assert sorted(c.index_information()) == ["_id_", "u_1"]
    c.drop_indexes()


def stages(plan):
    """The names of a plan's stages from the top down, and of the index at its end."""
    while "inputStage" in plan:
        yield plan["stage"]
        plan = plan["inputStage"]
    yield plan["stage"]
    yield plan.get("indexName")


def plans():
    c = db.plans
    for keys in ([("a", 1)], [("a", 1), ("b", -1)], [("c", 1)]):
        c.create_index(keys)
    find = {"find": "plans", "filter": {"a": 3, "c": {"$gt": 1}}, "sort": {"b": 1}, "limit": 5}
    pipeline = [{"$match": find["filter"]}, {"$sort": find["sort"]}, {"$group": {"_id": "$a"}}]
    for command, above in (find, ["LIMIT"]), ({"aggregate": "plans", "pipeline": pipeline, "cursor": {}}, []):
        reply = db.command({"explain": command, "verbosity": "queryPlanner"})
        told = (reply["stages"][0]["$cursor"] if "stages" in reply else reply)["queryPlanner"]
        assert list(stages(told["winningPlan"])) == [*above, "FETCH", "IXSCAN", "a_1_b_-1"]
        rejected = sorted(list(stages(plan)) for plan in told["rejectedPlans"])
        assert rejected == [["SORT", "FETCH", "IXSCAN", "a_1"], ["SORT", "FETCH", "IXSCAN", "c_1"]]
    wanted = db.command({"explain": {"findandmodify": "plans", "query": {"a": 1, "c": 1}, "remove": True}})
    told = wanted["queryPlanner"]
    assert told["winningPlan"]["stage"] == "DELETE"
    assert "DELETE" not in [name for plan in told["rejectedPlans"] for name in stages(plan)]


def bulk():
    requests = [pymongo.InsertOne({"_id": i}) for i in range(1000)]
    requests += [pymongo.UpdateOne({"_id": i}, {"$set": {"x": i}}) for i in range(0, 1000, 2)]
    requests += [pymongo.DeleteOne({"_id": 1})]
    result = db.bulk.bulk_write(requests)
    assert (result.inserted_count, result.modified_count, result.deleted_count) == (1000, 500, 1)
    assert db.bulk.count_documents({"x": {"$exists": True}}) == 500


def files():
    content = os.urandom(20 * 1024 * 1024)
    fs = gridfs.GridFS(db)
    name = fs.put(content, filename="big")
    assert hashlib.sha256(fs.get(name).read()).digest() == hashlib.sha256(content).digest()
    fs.delete(name)


def unacknowledged():
    c = db.get_collection("w0", write_concern=pymongo.WriteConcern(w=0))
    for i in range(100):
        c.insert_one({"_id": i})
    client.admin.command("ping")
    with client.start_session() as session:
        assert db.w0.count_documents({}, session=session) <= 100


for step in (crud, types, cursors, indexes, plans, bulk, files, unacknowledged):
    step()
    print("ok", step.__name__)
client.drop_database("pysession")
client.close()
