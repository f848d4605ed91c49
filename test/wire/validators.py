"""validators.py EXE - what a collection's validator lets through, by every way of writing."""

import pathlib
import sys

import pymongo
from pymongo.errors import BulkWriteError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

SCHEMA = {"$jsonSchema": {"bsonType": "object", "required": ["name"],
                          "properties": {"name": {"bsonType": "string"}, "age": {"minimum": 0}}}}


def test_strict(database):
    people = database.create_collection("people", validator=SCHEMA)
    options = database.command("listCollections", filter={"name": "people"})
    options = options["cursor"]["firstBatch"][0]["options"]
    assert options == {"validator": SCHEMA, "validationLevel": "strict", "validationAction": "error"}
    people.insert_one({"_id": 1, "name": "ada", "age": 36})
    details = refused(121, lambda: people.insert_one({"_id": 2, "age": 1}))
    assert details["errInfo"]["failingDocumentId"] == 2, details
    assert details["errmsg"] == "Document failed validation", details
    refused(121, lambda: people.update_one({"_id": 1}, {"$set": {"age": -1}}))
    refused(121, lambda: people.replace_one({"_id": 1}, {"age": 2}))
    refused(121, lambda: people.update_one({"_id": 3}, {"$set": {"age": 2}}, upsert=True))
    refused(121, lambda: people.find_one_and_update({"_id": 1}, {"$unset": {"name": 1}}))
    refused(121, lambda: people.find_one_and_replace({"_id": 4}, {"age": 5}, upsert=True))
    try:
        people.insert_many([{"_id": 5, "name": "x"}, {"_id": 6}, {"_id": 7, "name": "y"}], ordered=False)
        raise AssertionError("it was let through")
    except BulkWriteError as error:
        assert [(e["index"], e["code"]) for e in error.details["writeErrors"]] == [(1, 121)]
    people.update_one({"_id": 1}, {"$set": {"age": 37}})
    assert [doc["_id"] for doc in people.find()] == [1, 5, 7]
    people.insert_one({"_id": 8}, bypass_document_validation=True)
    people.update_one({"_id": 1}, {"$set": {"age": -1}}, bypass_document_validation=True)
    assert people.count_documents({"name": {"$exists": False}}) == 1


def test_levels(database):
    """Moderate: who did not match before may go on so. Off: nobody is asked."""
    docs = database.docs
    docs.insert_many([{"_id": 1, "a": "no"}, {"_id": 2, "a": 5}])
    database.command("collMod", "docs", validator={"a": {"$gt": 0}}, validationLevel="moderate")
    docs.update_one({"_id": 1}, {"$set": {"b": 1}})
    refused(121, lambda: docs.update_one({"_id": 2}, {"$set": {"a": 0}}))
    refused(121, lambda: docs.insert_one({"_id": 3, "a": 0}))
    database.command("collMod", "docs", validationLevel="strict")
    refused(121, lambda: docs.update_one({"_id": 1}, {"$set": {"b": 2}}))
    database.command("collMod", "docs", validationLevel="off")
    docs.update_one({"_id": 1}, {"$set": {"b": 2}})
    database.command("collMod", "docs", validationLevel="strict", validator={})
    docs.insert_one({"_id": 3, "a": 0})


def test_warn(server, database):
    database.command("create", "warned", validator={"$expr": {"$lt": ["$low", "$high"]}},
                     validationAction="warn")
    database.warned.insert_one({"_id": 4711, "low": 2, "high": 1})
    assert "the document with _id 4711 does not match the validator of" in server.log()
    database.command("collMod", "warned", validationAction="errorAndLog")
    refused(121, lambda: database.warned.insert_one({"_id": 4712, "low": 2, "high": 1}))
    assert "_id 4712" in server.log()


def test_restart(server, name):
    server.kill()
    server.start()
    people = server.client()[name].people
    refused(121, lambda: people.insert_one({"_id": 9}))
    people.insert_one({"_id": 9, "name": "z"})


def test_clustered(database):
    database.create_collection("clustered", clusteredIndex={"key": {"_id": 1}, "unique": True, "name": "by id"})
    assert list(database.clustered.list_indexes()) == [
        {"v": 2, "key": {"_id": 1}, "name": "by id", "unique": True, "clustered": True}]
    found = database.command("listCollections", filter={"name": "clustered"})["cursor"]["firstBatch"][0]
    assert "idIndex" not in found, found
    assert found["options"]["clusteredIndex"] == {"v": 2, "key": {"_id": 1}, "name": "by id", "unique": True}
    database.clustered.insert_many([{"_id": i} for i in (3, 1, 2)])
    assert [doc["_id"] for doc in database.clustered.find()] == [1, 2, 3]


def main():
    assert pymongo.version_tuple
    with Server(sys.argv[1]) as server:
        database = server.client().validated
        test_strict(database)
        test_levels(database)
        test_warn(server, database)
        test_clustered(database)
        test_restart(server, "validated")


if __name__ == "__main__":
    main()
