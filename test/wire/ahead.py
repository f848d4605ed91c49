"""ahead.py EXE - records that are read in order are fetched before they are asked for.

The data is several times the cache. A restart empties memory; then records are read one by one, in order,
and waits for the disk are counted with largetable.cache.prefetch and without. Reads in no order switch
it off: what it fetches more than the reads do is bounded.
"""

import pathlib
import random
import sys

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from server import Server  # noqa: E402

RECORDS, SIZE = 16000, 1000
ORDERED, RANDOM = 8000, 4000
CACHE = ("--cacheSizeMB", "8", "--writeBufferMB", "4")


def fill(client):
    noise = random.Random(1)
    for at in range(0, RECORDS, 1000):
        client.ahead.records.insert_many(
            {"_id": i, "pad": noise.randbytes(SIZE)} for i in range(at, at + 1000))


def look(client):
    """Waits for the disk, keys that were brought ahead, and of these used; and what is let through."""
    status = client.admin.command("serverStatus")
    of_all = status["cache"]
    gates = client.ahead.command("cacheStats", "records")["collections"][0]["prefetch"]
    return status["fetches"]["begun"], of_all["prefetched"], of_all["prefetchedUsed"], gates


def read(server, ids):
    """What the reads of these records cost after a restart."""
    client = pymongo.MongoClient(server.uri)
    before = look(client)
    for i in ids:
        assert client.ahead.records.find_one({"_id": i})["_id"] == i
    after = look(client)
    client.close()
    return [after[n] - before[n] for n in range(3)] + [after[3]]


def measure(exe, data, *options):
    steps = {
        "up": range(ORDERED),
        "down": range(RECORDS - 1, RECORDS - ORDERED, -1),
        "random": random.Random(2).choices(range(RECORDS), k=RANDOM),
    }
    result = {}
    with Server(exe, *CACHE, *options) as server:
        client = pymongo.MongoClient(server.uri)
        fill(client)
        client.close()
        for name, ids in steps.items():
            server.stop()
            server.start()
            result[name] = read(server, ids)
            print(" ".join(options), name, *result[name], flush=True)
    return result


without = measure(sys.argv[1], "off", "--cachePrefetch", "off")
ahead = measure(sys.argv[1], "on")
for name in ("up", "down"):
    waits, fetched, used, gates = ahead[name]
    assert without[name][1] == 0
    assert waits * 4 < without[name][0], (name, waits, without[name][0])
    assert used * 10 > fetched * 9, (name, used, fetched)
    assert gates["sequences"], name
waits, fetched, used, gates = ahead["random"]
assert fetched * 50 < waits, (fetched, waits)
assert not gates["sequences"], gates
