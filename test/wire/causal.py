"""causal.py EXE - times that clients bring: writes come after them, reads wait for them, and both over a restart."""

import pathlib
import sys
import threading

from bson import Timestamp

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection  # noqa: E402
from server import Server  # noqa: E402

AHEAD_S = 3600


def find(c, level=None, after=None, **more):
    concern = {name: value for name, value in (("level", level), ("afterClusterTime", after)) if value is not None}
    return c.run({"find": "c", "readConcern": concern, **more, "$db": "d"})


def every_reply_tells_the_time(c):
    reply = c.run({"ping": 1, "$db": "admin"})
    assert reply["$clusterTime"]["clusterTime"] >= reply["operationTime"], reply
    assert set(reply["$clusterTime"]["signature"]) == {"hash", "keyId"}


def reads_see_the_write_they_name(c):
    written = c.run({"insert": "c", "documents": [{"_id": 1}], "$db": "d"})["operationTime"]
    for level in (None, "local", "majority", "linearizable"):
        reply = find(c, level, written if level != "linearizable" else None)
        assert len(reply["cursor"]["firstBatch"]) == 1 and reply["operationTime"] >= written, reply


def a_time_from_elsewhere(c):
    now = c.run({"ping": 1, "$db": "admin"})["operationTime"]
    ahead = Timestamp(now.time + AHEAD_S, 7)
    assert find(c, after=ahead)["code"] == 72  # nobody brought it
    brought = find(c, **{"$clusterTime": {"clusterTime": ahead}})
    assert brought["$clusterTime"]["clusterTime"] >= ahead > brought["operationTime"], brought
    reply = find(c, after=ahead, maxTimeMS=20000)
    assert reply["ok"] == 1 and reply["operationTime"] >= ahead, reply
    reply = c.run({"insert": "c", "documents": [{}], "$db": "d"})
    assert reply["operationTime"] > ahead, reply
    again = c.run({"insert": "c", "documents": [{}], "$db": "d"})
    assert again["$clusterTime"]["clusterTime"] >= again["operationTime"] > reply["operationTime"], again
    nothing = c.run({"delete": "c", "deletes": [{"q": {"_id": "nobody"}, "limit": 1}], "$db": "d"})
    assert nothing["operationTime"] == again["operationTime"], nothing


def refused(c):
    now = c.run({"ping": 1, "$db": "admin"})["operationTime"]
    far = Timestamp(now.time + 2 * 31536000, 1)
    reply = c.run({"insert": "c", "documents": [{}], "$clusterTime": {"clusterTime": far}, "$db": "d"})
    assert (reply["code"], reply["codeName"]) == (209, "ClusterTimeFailsRateLimiter"), reply
    for time in (1, {}, {"clusterTime": 1}):
        assert find(c, **{"$clusterTime": time})["code"] == 14
    assert find(c, after=Timestamp(0, 0))["code"] == 72
    assert find(c, "available", now)["code"] == 72


def many_wait_at_once(port):
    """Each brings a later time and waits for it; on several loops."""
    failed = []

    def work(number):
        with Connection(port, 30) as c:
            for _ in range(20):
                now = c.run({"ping": 1, "$db": "admin"})["$clusterTime"]["clusterTime"]
                ahead = Timestamp(now.time + 1, number)
                reply = find(c, after=ahead, **{"$clusterTime": {"clusterTime": ahead}})
                if reply["ok"] != 1 or reply["operationTime"] < ahead:
                    failed.append(reply)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]


with Server(sys.argv[1], "--workers", "3") as server:
    for step in (every_reply_tells_the_time, reads_see_the_write_they_name, a_time_from_elsewhere, refused):
        with Connection(server.port) as c:
            step(c)
        print("ok", step.__name__)
    many_wait_at_once(server.port)
    with Connection(server.port) as c:
        last = c.run({"ping": 1, "$db": "admin"})["operationTime"]
    server.kill()
    server.start()
    with Connection(server.port) as c:
        assert c.run({"ping": 1, "$db": "admin"})["operationTime"] >= last
        assert c.run({"insert": "c", "documents": [{}], "$db": "d"})["operationTime"] > last
    print("ok times go on after a restart")
