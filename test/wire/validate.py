"""validate.py EXE - validate counts what is there, and sees while others write."""

import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

INDEXES = ("a", "list", "unique", "some")


def document(i):
    doc = {"_id": i, "a": i % 7, "list": [i, i % 5, i % 5], "unique": f"u{i}"}
    if i % 3 == 0:
        doc["some"] = i
    return doc


def fill(docs, count):
    docs.create_index("a")
    docs.create_index("list")
    docs.create_index("unique", unique=True)
    docs.create_index("some", sparse=True)
    docs.create_index([("a", 1), ("list", -1)], partialFilterExpression={"a": {"$gt": 3}})
    docs.insert_many([document(i) for i in range(count)])


def test_counts(database):
    fill(database.docs, 1000)
    reply = database.command("validate", "docs", full=True)
    assert reply["valid"] and reply["errors"] == [] and reply["nrecords"] == 1000, reply
    assert reply["nIndexes"] == 6 and set(reply["keysPerIndex"]) == set(reply["indexDetails"])
    keys = reply["keysPerIndex"]
    assert (keys["_id_"], keys["a_1"], keys["unique_1"], keys["some_1"]) == (1000, 1000, 1000, 334), keys
    assert keys["list_1"] == sum(len({i, i % 5}) for i in range(1000)), keys
    assert keys["a_1_list_-1"] == sum(len({i, i % 5}) for i in range(1000) if i % 7 > 3), keys
    quick = database.command("validate", "docs", metadata=True)
    assert quick["valid"] and "nrecords" not in quick
    database.docs.delete_many({"a": 3})
    assert database.command("validate", "docs")["keysPerIndex"]["a_1"] == database.docs.count_documents({})


def test_while_written(database):
    """What it tells of is one moment, though documents and entries come and go."""
    done = threading.Event()

    def write():
        i = 1000
        while not done.is_set():
            database.docs.insert_one(document(i))
            database.docs.update_one({"_id": i}, {"$set": {"list": [1, 2, 3], "a": 6}})
            database.docs.delete_one({"_id": i - 20})
            i += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            reply = database.command("validate", "docs")
            assert reply["valid"], reply["errors"]
    finally:
        done.set()
        writer.join()


def test_refused(database):
    database.command("create", "view", viewOn="docs", pipeline=[])
    refused(166, lambda: database.command("validate", "view"))
    refused(26, lambda: database.command("validate", "none"))
    refused(26, lambda: database.command("validate", "$bad"))
    refused(73, lambda: database.command("validate", 1))
    refused(72, lambda: database.command("validate", "docs", metadata=True, full=True))
    refused(72, lambda: database.command("validate", "docs", repair=True))
    refused(40415, lambda: database.command("validate", "docs", nonsense=1))


def main():
    with Server(sys.argv[1]) as server:
        database = server.client().validated
        test_counts(database)
        test_while_written(database)
        test_refused(database)


if __name__ == "__main__":
    main()
