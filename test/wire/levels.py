"""levels.py EXE - records in memory, in a mapped file and on disk: what is read is what was written.

The data is several times larger than what memory keeps. Readers prefer some documents to others while
each is changed now and then; every answer is compared with a model. After a clean stop, and after
kill -9, it goes on with what is in the files.
"""

import pathlib
import random
import sys

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from server import Server  # noqa: E402

DOCUMENTS, STEPS, FEW = 12000, 25000, 5000
OPTIONS = ("--cacheTotalMB", "20", "--cacheMemoryPercent", "40", "--cacheMappedPercent", "10",
           "--cacheDiskPercent", "50", "--writeBufferMB", "1", "--compression", "none")
WORDS = "order", "customer", "delivery", "Graz", "invoice", "remark", "open", "paid"


def fill(items, chance):
    for first in range(0, DOCUMENTS, 1000):
        items.insert_many({"_id": i, "n": 0, "name": f"{chance.choice(WORDS)} {i}",
                           "text": f"{chance.getrandbits(3200):x}"}
                          for i in range(first, first + 1000))


def work(items, chance, model, steps):
    for step in range(steps):
        key = int(DOCUMENTS * chance.random() ** 2)
        if step % 25 == 0:
            items.update_one({"_id": key}, {"$inc": {"n": 1}})
            model[key] = model.get(key, 0) + 1
        found = items.find_one({"_id": key}, {"n": 1})
        assert found["n"] == model.get(key, 0), (key, found, model.get(key, 0))


def check(status):
    for level in "mapped", "disk":
        assert status[level]["hits"] > 0, status
        assert status[level]["bytesWritten"] > 0, status
        assert status[level]["bytes"] <= status[level]["maxBytes"], status
        assert status[level]["checksumFailures"] == 0 and not status[level]["off"], status
    assert status["promotions"] > 100, status
    assert status["demoted"]["entries"] > status["demoted"]["overtakenByWrites"], status
    assert status["compression"]["bytesOut"] < status["compression"]["bytesIn"], status


def check_warm(status):
    assert status["demoted"]["prefetched"] > 100, status
    assert status["mapped"]["hits"] + status["disk"]["hits"] > 100, status


chance = random.Random(7)
with Server(sys.argv[1], *OPTIONS) as server:
    model = {}
    with pymongo.MongoClient(server.uri) as client:
        fill(client.shop.items, chance)
        work(client.shop.items, chance, model, STEPS)
        check(client.admin.command("serverStatus")["cache"])
    server.stop()
    server.start()
    assert "start empty" not in server.log(), server.log()
    with pymongo.MongoClient(server.uri) as client:
        work(client.shop.items, chance, model, FEW)
        check_warm(client.admin.command("serverStatus")["cache"])
    server.kill()
    server.start()
    with pymongo.MongoClient(server.uri) as client:
        work(client.shop.items, chance, model, FEW)
    server.stop()
print("ok")
