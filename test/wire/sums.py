"""sums.py EXE - dataSize and dbHash against what the client adds up itself."""

import hashlib
import pathlib
import sys

import bson
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402


def test_size(database):
    documents = [{"_id": i, "a": i % 50, "pad": "x" * (i % 77)} for i in range(1000)]
    database.docs.insert_many(documents)
    database.docs.create_index("a")

    def size(kept, **options):
        reply = database.command("dataSize", "sums.docs", **options)
        assert reply["numObjects"] == len(kept), reply
        assert reply["size"] == sum(len(bson.encode(doc)) for doc in kept), reply
        assert reply["estimate"] == options.get("estimate", False)

    size(documents)
    size(documents, estimate=True)
    size(documents, keyPattern={"nothing": 1})
    size([doc for doc in documents if 10 <= doc["a"] < 20], keyPattern={"a": 1}, min={"a": 10}, max={"a": 20})
    size([], keyPattern={"a": 1}, min={"a": 10}, max={"a": 10})
    size([], keyPattern={"a": 1}, min={"a": 30}, max={"a": 10})
    assert database.command("dataSize", "sums.none")["numObjects"] == 0
    refused(73, lambda: database.command("dataSize", "sums"))
    refused(73, lambda: database.command("dataSize", 1))
    refused(2, lambda: database.command("dataSize", "sums.docs", keyPattern={"a": 1}, min={"a": 1}))


def test_hash(database, client):
    database.more.insert_many([{"_id": key} for key in ("b", "a", 3)])
    database.create_collection("empty")
    database.command("create", "view", viewOn="docs", pipeline=[])
    reply = database.command("dbHash")
    assert sorted(reply["collections"]) == ["docs", "empty", "more"] == sorted(reply["uuids"]), reply
    total = hashlib.md5()
    for name in sorted(reply["collections"]):
        own = hashlib.md5()
        for doc in database[name].find().sort("_id", 1):
            own.update(bson.encode(doc))
        assert reply["collections"][name] == own.hexdigest(), name
        total.update(own.hexdigest().encode())
    assert reply["md5"] == total.hexdigest()
    assert list(database.command("dbHash", collections=["more", "view", "none"])["collections"]) == ["more"]
    database.more.update_one({"_id": 3}, {"$set": {"x": 1}})
    again = database.command("dbHash")
    assert again["collections"]["docs"] == reply["collections"]["docs"]
    assert again["collections"]["more"] != reply["collections"]["more"] and again["md5"] != reply["md5"]
    assert client.nowhere.command("dbHash")["collections"] == {}


def main():
    with Server(sys.argv[1]) as server:
        client = server.client()
        test_size(client.sums)
        test_hash(client.sums, client)


if __name__ == "__main__":
    main()
