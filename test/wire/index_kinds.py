"""index_kinds.py EXE - hashed, wildcard and text indexes: what they hold, serve and refuse."""

import datetime
import pathlib
import sys

from bson import Decimal128, Int64
from pymongo import UpdateOne

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "lib")]
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402


def plan_of(collection, *args, **kwargs):
    """The stages of the winning plan, from the outermost on."""
    stage = collection.find(*args, **kwargs).explain()["queryPlanner"]["winningPlan"]
    stages = []
    while stage:
        stages.append(stage)
        stage = stage.get("inputStage")
    return stages


def bounds_of(collection, *args, **kwargs):
    """The bounds of the index that serves it, or None."""
    return plan_of(collection, *args, **kwargs)[-1].get("indexBounds")


def ids(cursor):
    return [doc["_id"] for doc in cursor]


def check_hashed(db):
    c = db.hashed
    c.insert_many([{"_id": 1, "a": "hello"}, {"_id": 2, "a": 2.7}, {"_id": 3, "a": Int64(2)}, {"_id": 4},
                   {"_id": 5, "a": None}, {"_id": 6, "a": {"x": 1, "y": 2}}, {"_id": 7, "a": "other"}])
    assert c.create_index([("a", "hashed")]) == "a_hashed"
    assert bounds_of(c, {"a": "hello"}) == {"a": ["[5347277839332858538, 5347277839332858538]"]}
    assert ids(c.find({"a": "hello"})) == [1]
    assert ids(c.find({"a": Decimal128("2")})) == [3] and ids(c.find({"a": 2.7})) == [2]
    assert sorted(ids(c.find({"a": None}))) == [4, 5]
    assert ids(c.find({"a": {"x": 1.0, "y": 2}})) == [6]
    assert sorted(ids(c.find({"a": {"$in": ["other", 2, None]}}))) == [3, 4, 5, 7]
    assert bounds_of(c, {"a": {"$gt": "a"}}) is None and bounds_of(c, {}, sort=[("a", 1)]) is None
    assert sorted(ids(c.find({"a": {"$gt": "a"}}).hint("a_hashed"))) == [1, 7]
    pipeline = [{"$match": {"_id": {"$in": [1, 2, 3, 4]}}}, {"$project": {"h": {"$toHashedIndexKey": "$a"}}}]
    hashes = {doc["_id"]: doc["h"] for doc in c.aggregate(pipeline)}
    assert hashes[1] == 5347277839332858538 and hashes[2] == hashes[3] != hashes[4], hashes
    refused(16766, lambda: c.insert_one({"a": [1]}))
    refused(16766, lambda: c.update_one({"_id": 1}, {"$set": {"a": []}}))
    assert ids(c.find({"a": "hello"})) == [1]
    c.bulk_write([UpdateOne({"_id": 1}, {"$set": {"a": "moved"}})])
    assert ids(c.find({"a": "moved"})) == [1] and ids(c.find({"a": "hello"})) == []


def check_hashed_specs(db):
    c = db.specs
    refused(16764, lambda: c.create_index([("a", "hashed")], unique=True))
    refused(31303, lambda: c.create_index([("a", "hashed"), ("b", "hashed")]))
    refused(67, lambda: c.create_index([("a", "hashed"), ("b", "2dsphere")]))
    c.create_index([("_id", "hashed")])
    c.create_index([("p", 1), ("a.b", "hashed"), ("s", -1)])
    c.insert_many([{"_id": i, "p": i % 3, "a": {"b": i % 5}, "s": i} for i in range(60)])
    assert c.find_one({"_id": 7})["s"] == 7
    assert ids(c.find({"p": 1, "a.b": 2}).sort("s", -1)) == [i for i in range(59, -1, -1) if i % 15 == 7]
    assert [s["stage"] for s in plan_of(c, {"p": 1, "a.b": 2}, sort=[("s", -1)])] == ["FETCH", "IXSCAN"]
    refused(16766, lambda: c.insert_one({"p": [1, 2]}))
    refused(16766, lambda: c.insert_one({"a": [{"b": 1}]}))
    db.arrays.insert_one({"a": [1]})
    refused(16766, lambda: db.arrays.create_index([("a", "hashed")]))
    assert list(db.arrays.index_information()) == ["_id_"]
    partial = db.partial
    partial.create_index([("a", "hashed")], partialFilterExpression={"b": 1})
    partial.insert_many([{"_id": 1, "a": [1]}, {"_id": 2, "a": 1, "b": 1}])
    assert ids(partial.find({"a": 1, "b": 1})) == [2] and ids(partial.find({"a": 1})) == [1, 2]
    old = datetime.datetime(2020, 1, 1)
    db.kept.create_index([("at", "hashed")], expireAfterSeconds=1)
    db.kept.insert_one({"at": old})


def check_wildcard(db):
    c = db.wild
    c.insert_many([{"_id": 1, "a": 1, "b": {"c": "x", "d": {}}}, {"_id": 2, "a": [1, 5, {"z": 3}]}, {"_id": 3},
                   {"_id": 4, "a": None, "b": {"c": "y"}}, {"_id": 5, "a": {"z": 3}, "b": 2}])
    c.create_index([("$**", 1)], name="all")
    scan = plan_of(c, {"b.c": "x"})[-1]
    assert scan["keyPattern"] == {"$_path": 1, "b.c": 1}, scan
    assert scan["indexBounds"] == {"$_path": ['["b.c", "b.c"]'], "b.c": ['["x", "x"]']}, scan
    assert scan["isMultiKey"] is True and scan["indexName"] == "all"
    assert ids(c.find({"b.c": "x"})) == [1] and sorted(ids(c.find({"a": 1}))) == [1, 2]
    assert sorted(ids(c.find({"a.z": 3}).hint("all"))) == [2, 5]
    assert sorted(ids(c.find({"b": {"$exists": True}}).hint("all"))) == [1, 4, 5]
    assert sorted(ids(c.find({"$or": [{"a": 5}, {"b.c": "y"}]}).hint("all"))) == [2, 4]
    assert sorted(ids(c.find({"a": None}))) == [3, 4]
    for query in ({}, {"a": None}, {"_id": 1}, {"a": {"$ne": 1}}):
        refused(291, lambda query=query: list(c.find(query).hint("all")))
    refused(51174, lambda: list(c.find().min([("a", 1)]).hint("all")))
    c.update_one({"a": 5}, {"$set": {"n": {"e": {"w": 1}}}}, hint="all")
    assert ids(c.find({"n.e.w": {"$gte": 1}}).hint("all")) == [2]
    c.delete_one({"n.e.w": 1}, hint="all")
    assert ids(c.find({"n": {"$exists": True}}).hint("all")) == []
    assert c.index_information()["all"] == {"v": 2, "key": [("$**", 1)]}
    assert db.command("validate", "wild")["valid"]


def check_wildcard_specs(db):
    c = db.wild_specs
    for options in ({"unique": True}, {"sparse": True}, {"expireAfterSeconds": 5}):
        refused(67, lambda options=options: c.create_index([("$**", 1)], **options))
    for key in ("$**.a", "a.$**.$**", "a.$**.b", "a.$*"):
        refused(67, lambda key=key: c.create_index([(key, 1)]))
    refused(67, lambda: c.create_index([("$**", "hashed")]))
    refused(7246201, lambda: c.create_index([("$**", 1), ("a.$**", 1)]))
    refused(7246209, lambda: c.create_index([("a", 1), ("$**", 1)]))
    refused(7246209, lambda: c.create_index([("a.b", 1), ("a.$**", 1)]))
    refused(9, lambda: c.create_index([("a.$**", 1)], wildcardProjection={"a": 1}))
    refused(2, lambda: c.create_index([("a", 1)], wildcardProjection={"a": 1}))
    refused(31249, lambda: c.create_index([("$**", 1)], wildcardProjection={"a": 1, "a.b": 1}))
    refused(51271, lambda: c.create_index([("$**", 1)], wildcardProjection={"a": "x"}))
    c.create_index([("p", 1), ("$**", -1)], wildcardProjection={"p": 0, "q": 0}, name="pw")
    assert c.index_information()["pw"]["wildcardProjection"] == {"p": 0, "q": 0}
    refused(85, lambda: c.create_index([("p", 1), ("$**", -1)], wildcardProjection={"p": 0, "q": 0}, name="other"))
    c.insert_many([{"_id": i, "p": i % 4, "q": i, "r": i // 4} for i in range(80)])
    refused(7246301, lambda: c.insert_one({"p": [1]}))
    stages = plan_of(c, {"p": 1, "r": {"$gt": 5}}, sort=[("r", -1)])
    assert [s["stage"] for s in stages] == ["FETCH", "IXSCAN"], stages
    assert ids(c.find({"p": 1, "r": {"$gt": 15}}).sort("r", -1)) == [77, 73, 69, 65]
    assert len(ids(c.find({"p": 1}).hint("pw"))) == 20
    refused(291, lambda: list(c.find({"q": 1}).hint("pw")))


def scores(cursor):
    return {doc["_id"]: round(doc["score"], 6) for doc in cursor}


def search(words, **options):
    return {"$text": {"$search": words, **{f"${name}": value for name, value in options.items()}}}


def check_text(db):
    c = db.text
    c.insert_many([{"_id": 1, "t": "Coffee", "n": 1}, {"_id": 2, "t": "coffee and cream", "n": 2},
                   {"_id": 3, "t": "hello", "b": "Coffee shops sell coffee"}, {"_id": 4, "n": 4},
                   {"_id": 5, "t": ["Caf\u00e9 latte", "tea"]}, {"_id": 6, "t": "running fast", "language": "none"}])
    assert c.create_index([("t", "text"), ("b", "text")], weights={"b": 10}, name="words") == "words"
    spec = next(index for index in c.list_indexes() if index["name"] == "words")
    assert spec == {"v": 2, "key": {"_fts": "text", "_ftsx": 1}, "name": "words", "weights": {"b": 10, "t": 1},
                    "default_language": "english", "language_override": "language", "textIndexVersion": 3}, spec
    assert sorted(ids(c.find(search("coffee")))) == [1, 2, 3]
    by_score = [("score", {"$meta": "textScore"})]
    found = c.find(search("coffee"), {"score": {"$meta": "textScore"}})
    assert scores(found) == {1: 1.0, 2: 0.75, 3: 11.25}, scores(c.find(search("coffee"), {"score": by_score[0][1]}))
    assert ids(c.find(search("coffee")).sort(by_score)) == [3, 1, 2]
    pipeline = [{"$match": search("coffee")}, {"$sort": {"s": {"$meta": "textScore"}}}, {"$limit": 2},
                {"$project": {"score": {"$meta": "textScore"}}}]
    assert scores(c.aggregate(pipeline)) == {3: 11.25, 1: 1.0}
    assert ids(c.find(search('"and cream"'))) == [2] and ids(c.find(search("coffee -cream -shop"))) == [1]
    assert ids(c.find(search("CAFE"))) == [5] and ids(c.find(search("cafe", diacriticSensitive=True))) == []
    assert ids(c.find(search("Coffee", caseSensitive=True)).sort("_id", 1)) == [1, 3]
    assert ids(c.find(search("running"))) == [] and ids(c.find(search("running", language="none"))) == [6]
    assert ids(c.find({**search("coffee"), "n": 2})) == [2] and c.count_documents(search("coffee tea")) == 4
    stages = plan_of(c, search("coffee -cream"))
    assert [s["stage"] for s in stages] == ["TEXT_MATCH", "FETCH", "IXSCAN"], stages
    assert stages[0]["parsedTextQuery"] == {"terms": ["coffe"], "negatedTerms": ["cream"], "phrases": [],
                                            "negatedPhrases": []}, stages[0]
    c.update_one({"_id": 1}, {"$set": {"t": "milk"}})
    assert sorted(ids(c.find(search("coffee")))) == [2, 3] and ids(c.find(search("milk"))) == [1]
    assert c.delete_many(search("milk")).deleted_count == 1
    refused(2, lambda: list(c.find(search("coffee")).hint("words")))
    refused(2, lambda: list(c.find(search("coffee", language="klingon"))))
    refused(2, lambda: list(c.find({"$nor": [search("coffee")]})))
    refused(2, lambda: list(c.find({"$and": [search("a"), search("b")]})))
    refused(291, lambda: list(c.find({"$or": [search("coffee"), {"n": 4}]})))
    c.create_index("n")
    assert sorted(ids(c.find({"$or": [search("coffee"), {"n": 4}]}))) == [2, 3, 4]
    refused(27, lambda: list(db.none_here.find(search("x"))) or db.wild.find_one(search("x")))
    refused(17313, lambda: list(c.aggregate([{"$limit": 1}, {"$match": search("x")}])))
    refused(17262, lambda: c.insert_one({"t": "x", "language": "klingon"}))
    assert db.command("validate", "text")["valid"]


def check_text_specs(db):
    c = db.text_specs
    for options in ({"weights": {"a": 0}}, {"weights": {"$b": 1}}, {"default_language": "klingon"},
                    {"language_override": ""}, {"textIndexVersion": 4}):
        refused(67, lambda options=options: c.create_index([("a", "text")], **options))
    refused(67, lambda: c.create_index([("a", "text"), ("b", 1), ("c", "text")]))
    refused(67, lambda: c.create_index([("a", "text"), ("b", "2dsphere")]))
    refused(67, lambda: c.create_index([("a", 1)], weights={"a": 1}))
    c.create_index([("p", 1), ("$**", "text"), ("s", -1)], name="all")
    c.create_index([("p", 1), ("$**", "text"), ("s", -1)], name="all")
    refused(67, lambda: c.create_index([("a", "text")]))
    c.insert_many([{"_id": i, "p": i % 2, "x": {"y": ["one", f"word{i}"]}, "s": i} for i in range(10)])
    assert ids(c.find({"p": 1, **search("word3 word4")})) == [3]
    assert sorted(ids(c.find({"p": 0, **search("one")}))) == [0, 2, 4, 6, 8]
    refused(291, lambda: list(c.find(search("one"))))
    refused(16675, lambda: c.insert_one({"p": [1], "x": "one"}))
    copied = next(index for index in c.list_indexes() if index["name"] == "all")
    db.command("createIndexes", "text_copy", indexes=[copied])
    assert next(i for i in db.text_copy.list_indexes() if i["name"] == "all") == copied
    partial = db.text_partial
    partial.create_index([("t", "text")], partialFilterExpression={"on": True})
    partial.insert_many([{"_id": 1, "t": "red", "on": True}, {"_id": 2, "t": "red"}])
    assert ids(partial.find({"on": True, **search("red")})) == [1]
    refused(291, lambda: list(partial.find(search("red"))))


def main():
    with Server(sys.argv[1]) as server:
        client = server.client()
        client.admin.command("setParameter", 1, ttlMonitorSleepSecs=1)
        check_hashed(client.kinds)
        check_hashed_specs(client.kinds)
        check_wildcard(client.kinds)
        check_wildcard_specs(client.kinds)
        check_text(client.kinds)
        check_text_specs(client.kinds)
        assert client.kinds.kept.find_one() is not None, "an index of hashes has no times"


main()
