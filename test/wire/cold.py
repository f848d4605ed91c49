"""cold.py EXE - everything on disk, hardly any cache: reads and writes come through all the same.

The data is larger than the engine's cache, some documents are larger than the cache alone. A restart
empties memory; then every document is read, changed and counted.
"""

import concurrent.futures
import pathlib
import sys

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from server import Server  # noqa: E402

BIG, SMALL, SIZE = 3, 20000, 1000


def fill(client):
    db = client.cold
    db.small.insert_many({"_id": i, "k": i % 100, "pad": f"{i:06}" * (SIZE // 6)} for i in range(SMALL))
    db.small.create_index("k")
    for i in range(BIG):
        db.big.insert_one({"_id": i, "pad": chr(97 + i) * (15 << 20)})


def read(client):
    db = client.cold
    assert db.small.find_one({"_id": 12345})["pad"].startswith("012345")
    assert sum(1 for _ in db.small.find()) == SMALL
    assert sum(1 for _ in db.small.find({"k": 7})) == SMALL // 100
    assert [doc["_id"] for doc in db.small.find({"k": 9}).sort("_id", -1).limit(3)] == [19909, 19809, 19709]
    assert len(db.small.distinct("k")) == 100
    for i in range(BIG):
        doc = db.big.find_one({"_id": i})
        assert doc["pad"] == chr(97 + i) * (15 << 20)
    assert sum(len(doc["pad"]) for doc in db.big.find()) == BIG * (15 << 20)


def together(client):
    """Many want the same cold documents: whoever fetches, all are answered."""
    def one(i):
        assert client.cold.big.find_one({"_id": i % BIG})["pad"] == chr(97 + i % BIG) * (15 << 20)
        assert client.cold.small.find_one({"_id": i % 3})["pad"].startswith(f"{i % 3:06}")

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        list(pool.map(one, range(72)))
    fetches = client.admin.command("serverStatus")["fetches"]
    assert 0 <= fetches["joined"] < fetches["begun"], fetches


def change(client):
    db = client.cold
    assert db.small.update_many({"k": {"$lt": 10}}, {"$set": {"seen": 1}}).modified_count == SMALL // 10
    assert db.small.delete_many({"k": 50}).deleted_count == SMALL // 100
    assert db.big.update_one({"_id": 1}, {"$set": {"n": 1}}).modified_count == 1
    assert db.small.count_documents({"seen": 1}) == SMALL // 10
    try:
        db.small.insert_one({"_id": 1})
        raise AssertionError("a duplicate was accepted")
    except pymongo.errors.DuplicateKeyError:
        pass


with Server(sys.argv[1], "--cacheSizeMB", "8", "--writeBufferMB", "4") as server:
    client = pymongo.MongoClient(server.uri)
    fill(client)
    for step in (together, read, change):
        client.close()
        server.stop()
        server.start()
        client = pymongo.MongoClient(server.uri)
        step(client)
        print("ok", step.__name__, flush=True)
    client.close()
