"""collations.py EXE - strings compare by a collation in every command, index, collection and view."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from pymongo import UpdateOne  # noqa: E402
from pymongo.collation import Collation  # noqa: E402
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

NOCASE = {"locale": "en", "strength": 2}
LETTERS = {"locale": "en", "strength": 1}
NUMBERS = {"locale": "en", "numericOrdering": True}
COMPLETE = {"locale": "en", "caseLevel": False, "caseFirst": "off", "strength": 2, "numericOrdering": False,
            "alternate": "non-ignorable", "maxVariable": "punct", "normalization": False, "backwards": False,
            "version": "57.1"}


def stages(plan):
    """The names of a plan's stages, from the top down."""
    names = []
    while plan is not None:
        names.append(plan["stage"])
        plan = plan.get("inputStage")
    return names


def winner(database, command):
    return database.command("explain", command)["queryPlanner"]["winningPlan"]


def test_commands(database):
    words = database.words
    words.insert_many([{"_id": i, "w": w, "n": i} for i, w in enumerate(["b", "A", "a", "B", "\u00e1", "10", "9"])])
    found = words.find({"w": "a"}).collation(Collation("en", strength=2)).sort("_id", 1)
    assert [d["_id"] for d in found] == [1, 2]
    found = words.find({"w": {"$gte": "a"}}).collation(Collation("en", strength=1)).sort([("w", 1), ("_id", 1)])
    assert [d["_id"] for d in found] == [1, 2, 4, 0, 3]
    ordered = words.find({"w": {"$lt": "a"}}).collation(Collation("en", numericOrdering=True)).sort("w", 1)
    assert [d["w"] for d in ordered] == ["9", "10"]
    assert words.count_documents({"w": "A"}, collation=LETTERS) == 3
    assert database.command("count", "words", query={"w": "A"}, collation=NOCASE)["n"] == 2
    assert sorted(words.distinct("w", collation=LETTERS)) == ["10", "9", "A", "b"]
    groups = words.aggregate([{"$group": {"_id": "$w", "n": {"$sum": 1}}}, {"$sort": {"_id": -1}}], collation=LETTERS)
    assert [g["n"] for g in groups] == [2, 3, 1, 1]
    assert words.find_one({"w": "a"})["_id"] == 2
    # what is left of a cursor goes on comparing as it began
    cursor = words.find({"w": {"$in": ["A", "B"]}}, batch_size=2).collation(Collation("en", strength=1))
    assert len(list(cursor)) == 5


def test_writes(database):
    pets = database.pets
    pets.insert_many([{"_id": i, "n": n, "tags": ["X", "y"]} for i, n in enumerate(["Rex", "REX", "Tim"])])
    assert pets.update_many({"n": "rex"}, {"$set": {"k": 1}}, collation=NOCASE).modified_count == 2
    assert pets.update_one({"n": "Tim"}, {"$pull": {"tags": "x"}}, collation=NOCASE).modified_count == 1
    assert pets.find_one({"_id": 2})["tags"] == ["y"]
    assert pets.update_one({"_id": 2}, {"$addToSet": {"tags": "Y"}}, collation=NOCASE).modified_count == 0
    pets.update_one({"_id": 2}, {"$set": {"tags.$[t]": "z"}}, array_filters=[{"t": "Y"}], collation=NOCASE)
    assert pets.find_one({"_id": 2})["tags"] == ["z"]
    pets.update_one({"_id": 2}, {"$push": {"tags": {"$each": ["B", "a"], "$sort": 1}}}, collation=NOCASE)
    assert pets.find_one({"_id": 2})["tags"] == ["a", "B", "z"]
    old = pets.find_one_and_update({"n": "tim"}, {"$max": {"n": "ZOE"}}, collation=NOCASE)
    assert old["_id"] == 2 and pets.find_one({"_id": 2})["n"] == "ZOE"
    result = pets.bulk_write([UpdateOne({"n": "rex"}, {"$inc": {"k": 1}}, collation=Collation("en", strength=2)),
                              UpdateOne({"n": "rex"}, {"$inc": {"k": 1}})])
    assert result.matched_count == 1
    upserted = pets.update_one({"n": "zoe"}, {"$set": {"k": 9}}, upsert=True, collation=NOCASE)
    assert upserted.upserted_id is None and upserted.matched_count == 1
    assert pets.delete_many({"n": "REX"}, collation=NOCASE).deleted_count == 2
    refused(2, lambda: pets.delete_many({}, collation={"locale": "nowhere"}))
    refused(40414, lambda: database.command("find", "pets", collation={"strength": 1}))
    refused(14, lambda: database.command("find", "pets", collation={"locale": 5}))


def test_indexes(database):
    users = database.users
    users.insert_many([{"_id": i, "name": n, "age": i} for i, n in enumerate(["ann", "Bob", "cid"])])
    users.create_index("name", name="name_ci", unique=True, collation=NOCASE)
    listed = {index["name"]: index for index in database.command("listIndexes", "users")["cursor"]["firstBatch"]}
    assert listed["name_ci"]["collation"] == COMPLETE, listed
    found = winner(database, {"find": "users", "filter": {"name": "BOB"}, "collation": NOCASE})
    assert stages(found)[-1] == "IXSCAN" and found["inputStage"]["collation"] == COMPLETE, found
    assert "CollationKey(0x" in found["inputStage"]["indexBounds"]["name"][0]
    assert stages(winner(database, {"find": "users", "filter": {"name": "Bob"}}))[-1] == "COLLSCAN"
    assert stages(winner(database, {"find": "users", "filter": {"name": 5}}))[-1] == "IXSCAN"
    sorts = {"find": "users", "sort": {"name": 1}}
    assert "SORT" in stages(winner(database, sorts))
    assert "SORT" not in stages(winner(database, {**sorts, "collation": NOCASE}))
    error = refused(11000, lambda: users.insert_one({"_id": 9, "name": "BOB"}))
    assert "index: name_ci collation: { locale: \"en\"" in error["errmsg"], error
    assert error["keyValue"]["name"].startswith("0x") and error["collation"] == COMPLETE, error
    refused(11000, lambda: users.update_one({"_id": 0}, {"$set": {"name": "CID"}}))
    users.update_one({"_id": 0}, {"$set": {"name": "ANN"}})
    # another collation, another index; a key pattern does not tell them apart any more
    users.create_index("name", name="name_bytes")
    assert winner(database, {"find": "users", "filter": {"name": "Bob"}})["inputStage"]["indexName"] == "name_bytes"
    hinted = {"find": "users", "filter": {"name": "Bob"}, "hint": {"name": 1}, "collation": NOCASE}
    assert winner(database, hinted)["inputStage"]["indexName"] == "name_ci"
    refused(181, lambda: database.command("dropIndexes", "users", index={"name": 1}))
    database.command("dropIndexes", "users", index="name_ci")
    users.insert_one({"_id": 9, "name": "BOB"})
    assert database.command("validate", "users")["valid"]
    between = {"find": "users", "min": {"name": "a"}, "max": {"name": "c"}, "hint": "name_bytes"}
    assert [d["name"] for d in database.command(between)["cursor"]["firstBatch"]] == []
    refused(51174, lambda: database.command({**between, "collation": {"locale": "en"}}))
    refused(67, lambda: users.create_index([("place", "2d")], collation=NOCASE))
    refused(2, lambda: database.command("createIndexes", "users", indexes=[
        {"key": {"q": 1}, "name": "q", "collation": {}}]))


def test_partial(database):
    jobs = database.jobs
    jobs.create_index("k", name="open", unique=True, collation=NOCASE, partialFilterExpression={"state": "open"})
    jobs.insert_one({"_id": 1, "k": "a", "state": "OPEN"})
    refused(11000, lambda: jobs.insert_one({"_id": 2, "k": "A", "state": "Open"}))
    jobs.insert_one({"_id": 3, "k": "A", "state": "done"})
    question = {"find": "jobs", "filter": {"k": "A", "state": "open"}}
    assert stages(winner(database, {**question, "collation": NOCASE}))[-1] == "IXSCAN"
    assert stages(winner(database, question))[-1] == "COLLSCAN"
    assert jobs.count_documents({"k": "A", "state": "open"}, collation=NOCASE) == 1


def test_collections(database):
    database.create_collection("folk", collation=NOCASE, validator={"kind": {"$in": ["cat", "dog"]}})
    options = list(database.list_collections(filter={"name": "folk"}))[0]
    assert options["options"]["collation"] == COMPLETE and options["idIndex"]["collation"] == COMPLETE, options
    database.command("create", "folk", collation=NOCASE, validator={"kind": {"$in": ["cat", "dog"]}})
    refused(48, lambda: database.command("create", "folk", collation=LETTERS))
    folk = database.folk
    folk.insert_one({"_id": "Tom", "kind": "CAT"})
    refused(121, lambda: folk.insert_one({"_id": "x", "kind": "fish"}))
    error = refused(11000, lambda: folk.insert_one({"_id": "TOM", "kind": "cat"}))
    assert error["keyValue"]["_id"].startswith("0x"), error
    assert folk.find_one({"_id": "tOM"})["_id"] == "Tom"                      # the short way,
    assert folk.find_one({"_id": "tOM"}, {"kind": 1})["_id"] == "Tom"         # the planner's,
    simple = {"locale": "simple"}
    assert folk.find_one({"_id": "tom"}, collation=simple) is None            # and by bytes
    assert folk.find_one({"_id": "Tom"}, collation=simple)["kind"] == "CAT"
    assert folk.update_one({"_id": "TOM"}, {"$set": {"n": 1}}).modified_count == 1
    refused(66, lambda: folk.update_one({"_id": "TOM"}, {"$set": {"_id": "TOM"}}))
    folk.create_index("n")
    folk.create_index("kind", collation=simple)
    listed = {index["name"]: index for index in folk.list_indexes()}
    assert "collation" in listed["n_1"] and "collation" not in listed["kind_1"], listed
    refused(2, lambda: database.command("createIndexes", "folk", indexes=[
        {"key": {"_id": 1}, "name": "_id_", "collation": simple}]))
    assert folk.delete_one({"_id": "tom"}).deleted_count == 1
    refused(2, lambda: database.command("create", "odd", collation=NOCASE, idIndex={
        "key": {"_id": 1}, "name": "_id_", "collation": LETTERS}))
    refused(40414, lambda: database.command("create", "odd", collation={}))
    refused(161, lambda: database.command("create", "odd", collation={"locale": "en", "version": "1"}))
    # $out keeps what its target is
    database.words.aggregate([{"$match": {"w": "b"}}, {"$out": "folk_out"}])
    assert "collation" not in list(database.list_collections(filter={"name": "folk_out"}))[0]["options"]
    database.pets.aggregate([{"$project": {"kind": "cat", "_id": {"$toString": "$_id"}}}, {"$out": "folk"}])
    assert list(database.list_collections(filter={"name": "folk"}))[0]["options"]["collation"] == COMPLETE
    assert database.command("validate", "folk")["valid"]


def test_views(database):
    database.create_collection("seen", viewOn="words", pipeline=[], collation=LETTERS)
    assert database.seen.count_documents({"w": "a"}) == 3
    assert database.seen.count_documents({"w": "a"}, collation=LETTERS) == 3
    assert database.command("count", "seen", query={"w": "A"})["n"] == 3
    assert sorted(database.seen.distinct("w")) == ["10", "9", "A", "b"]
    refused(167, lambda: list(database.seen.find({}, collation=Collation("fr"))))
    refused(167, lambda: database.command("create", "above", viewOn="seen", pipeline=[]))
    refused(167, lambda: list(database.words.aggregate([
        {"$lookup": {"from": "seen", "localField": "w", "foreignField": "w", "as": "x"}}])))
    joined = list(database.words.aggregate([
        {"$match": {"_id": 2}}, {"$lookup": {"from": "seen", "localField": "w", "foreignField": "w", "as": "x"}}],
        collation=LETTERS))
    assert [len(d["x"]) for d in joined] == [3, 3, 3][:len(joined)] and len(joined) == 1, joined
    database.command("collMod", "seen", viewOn="words", pipeline=[{"$match": {"w": "A"}}])
    assert database.seen.count_documents({}) == 3


def test_merge(database):
    database.create_collection("sums", collation=LETTERS)
    database.sums.create_index("w", unique=True)
    database.words.aggregate([{"$group": {"_id": "$w", "n": {"$sum": 1}}}, {"$project": {"_id": 0, "w": "$_id", "n": 1}},
                              {"$merge": {"into": "sums", "on": "w"}}], collation=LETTERS)
    database.words.aggregate([{"$match": {"w": "b"}}, {"$project": {"_id": 0, "w": {"$toUpper": "$w"}, "n": {"$literal": 7}}},
                              {"$merge": {"into": "sums", "on": "w"}}], collation=LETTERS)
    assert database.sums.count_documents({}) == 4
    assert database.sums.find_one({"w": "b"})["n"] == 7
    refused(51183, lambda: database.words.aggregate([{"$merge": {"into": "sums", "on": "w"}}]))


def test_filters(database):
    users = database.users
    users.create_index("age", name="age")
    users.create_index("age", name="age_ci", collation=NOCASE)
    database.command("planCacheSetFilter", "users", query={"age": 1}, collation=NOCASE, indexes=["age_ci"])
    question = {"find": "users", "filter": {"age": 2}}
    assert winner(database, question)["inputStage"]["indexName"] == "age"
    assert winner(database, {**question, "collation": NOCASE})["inputStage"]["indexName"] == "age_ci"
    assert database.command("planCacheListFilters", "users")["filters"][0]["collation"] == COMPLETE
    database.command("planCacheClearFilters", "users")


def test_expressions(database):
    shown = next(database.words.aggregate([{"$limit": 1}, {"$project": {
        "_id": 0, "eq": {"$eq": ["a", "A"]}, "in": {"$in": ["a", ["A"]]}, "max": {"$max": ["a", "B"]},
        "set": {"$setUnion": [["a"], ["A", "b"]]}, "sort": {"$sortArray": {"input": ["B", "a"], "sortBy": 1}},
        "at": {"$indexOfArray": [["x", "A"], "a"]}, "text": {"$indexOfCP": ["A", "a"]},
        "same": {"$strcasecmp": ["\u00e1", "a"]}}}], collation=LETTERS))
    assert shown == {"eq": True, "in": True, "max": "B", "set": ["a", "b"], "sort": ["a", "B"], "at": 1, "text": -1,
                     "same": 1}, shown


def test_transactions(client, database):
    with client.start_session() as session, session.start_transaction():
        database.folk_tx.insert_one({"_id": 1, "n": "Rex"}, session=session)
        assert database.folk_tx.count_documents({"n": "REX"}, collation=NOCASE, session=session) == 1


def test_streams(database):
    """By raw commands: PyMongo does not send a stream's collation."""
    words = {"aggregate": "words", "pipeline": [{"$changeStream": {}}, {"$match": {"fullDocument.w": "NEW"}}],
             "cursor": {}}
    collated = database.command({**words, "collation": NOCASE})["cursor"]["id"]
    plain = database.command(words)["cursor"]["id"]
    database.words.insert_one({"_id": 100, "w": "new"})
    more = {"collection": "words", "maxTimeMS": 1000}
    found = database.command({"getMore": collated, **more})["cursor"]["nextBatch"]
    assert [event["documentKey"]["_id"] for event in found] == [100]
    assert database.command({"getMore": plain, **more, "maxTimeMS": 1})["cursor"]["nextBatch"] == []
    database.command("killCursors", "words", cursors=[collated, plain])


def test_restart(client):
    """Descriptions, record keys and index entries are read back as they were written."""
    database = client.strings
    assert database.kept.find_one({"_id": "ONE"})["n"] == "Rex"
    assert database.kept.find_one({"n": "REX"})["_id"] == "one"
    refused(11000, lambda: database.kept.insert_one({"_id": "One"}))
    assert database.command("validate", "kept")["valid"]


def main():
    with Server(sys.argv[1]) as server:
        client = server.client()
        database = client.strings
        test_commands(database)
        test_writes(database)
        test_indexes(database)
        test_partial(database)
        test_collections(database)
        test_views(database)
        test_merge(database)
        test_filters(database)
        test_expressions(database)
        test_transactions(client, database)
        test_streams(database)
        database.create_collection("kept", collation=NOCASE)
        database.kept.create_index("n")
        database.kept.insert_one({"_id": "one", "n": "Rex"})
        server.stop()
        server.start()
        test_restart(server.client())


main()
