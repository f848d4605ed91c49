"""stepdown.py EXE - a primary that steps down, is primary again, and stops: what clients are told, and when."""

import pathlib
import sys
import threading
import time
import uuid

from bson import Binary, Int64

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection, msg  # noqa: E402
from server import Server  # noqa: E402

EXHAUST_ALLOWED, MORE_TO_COME = 1 << 16, 1 << 1


def admin(c, name, value=1, **more):
    return c.run({name: value, **more, "$db": "admin"})


def refused(c):
    for what, code in (((60,), 262), ((0,), 2), ((-5,), 2), (("x",), 14)):
        reply = admin(c, "replSetStepDown", *what)
        assert reply["ok"] == 0 and reply["code"] == code, (what, reply)
    for more, code in (({"secondaryCatchUpPeriodSecs": 70}, 2), ({"secondaryCatchUpPeriodSecs": -1}, 2), ({"force": "x"}, 14), ({"x": 1}, 40415)):
        reply = admin(c, "replSetStepDown", 60, **more)
        assert reply["ok"] == 0 and reply["code"] == code, (more, reply)
    assert admin(c, "replSetStepDown", 5)["code"] == 2  # shorter than the ten seconds given to others
    reply = admin(c, "replSetFreeze", 1)
    assert (reply["code"], reply["codeName"]) == (95, "NotSecondary"), reply
    assert admin(c, "hello")["isWritablePrimary"] is True


def retryable(command):
    return {**command, "lsid": {"id": Binary(uuid.uuid4().bytes, 4)}, "txnNumber": Int64(1), "$db": "d"}


def is_secondary(c):
    reply = c.run(retryable({"insert": "c", "documents": [{}]}))
    assert (reply["code"], reply["codeName"]) == (10107, "NotWritablePrimary"), reply
    assert reply["errorLabels"] == ["RetryableWriteError", "NoWritesPerformed"] and "topologyVersion" in reply, reply
    assert c.run({"create": "x", "$db": "d"})["code"] == 10107
    reply = c.run({**retryable({"find": "c"}), "startTransaction": True, "autocommit": False, "$readPreference": {"mode": "secondary"}})
    assert reply["code"] == 10107 and reply["errorLabels"] == ["TransientTransactionError"], reply
    for command in ({"find": "c"}, {"count": "c"}, {"aggregate": "c", "pipeline": [], "cursor": {}}, {"listCollections": 1}, {"listIndexes": "c"}):
        reply = c.run({**command, "$db": "d"})
        assert reply["code"] == 13435 and "topologyVersion" in reply, reply
        assert c.run({**command, "$readPreference": {"mode": "primary"}, "$db": "d"})["code"] == 13435
        assert c.run({**command, "$readPreference": {"mode": "secondaryPreferred"}, "$db": "d"})["ok"] == 1
    reply = c.run({"find": "c", "readConcern": {"level": "linearizable"}, "$readPreference": {"mode": "nearest"}, "$db": "d"})
    assert reply["code"] == 10107, reply
    hello, status = admin(c, "hello"), admin(c, "replSetGetStatus")
    assert (hello["isWritablePrimary"], hello["secondary"]) == (False, True) and "primary" not in hello and "electionId" not in hello
    assert status["myState"] == 2 and status["members"][0]["stateStr"] == "SECONDARY", status
    assert admin(c, "serverStatus")["repl"]["isWritablePrimary"] is False
    assert admin(c, "replSetStepDown", 60, force=True)["code"] == 10107


def is_primary(c):
    assert c.run(retryable({"insert": "c", "documents": [{}]}))["n"] == 1
    hello = admin(c, "hello")
    assert hello["isWritablePrimary"] is True and hello["primary"] == hello["me"] and "electionId" in hello


def steps_down_and_up(port):
    """Streams hear of it at once; connections and cursors are kept."""
    with Connection(port, 60) as monitor, Connection(port, 60) as waiter, Connection(port) as c:
        c.run({"insert": "c", "documents": [{} for _ in range(5)], "$db": "d"})
        cursor = c.run({"find": "c", "batchSize": 2, "$db": "d"})["cursor"]["id"]
        version = admin(monitor, "hello")["topologyVersion"]
        await_change = {"hello": 1, "topologyVersion": version, "maxAwaitTimeMS": 50000, "$db": "admin"}
        waiter.send(msg(await_change))
        monitor.send(msg(await_change, flags=EXHAUST_ALLOWED))
        began = time.monotonic()
        assert admin(c, "replSetStepDown", 60, force=True)["ok"] == 1
        for told in (monitor.reply(), waiter.reply()):
            assert told["secondary"] is True and told["topologyVersion"]["counter"] == version["counter"] + 1, told
        is_secondary(c)
        assert c.run({"getMore": cursor, "collection": "c", "$db": "d"})["ok"] == 1
        assert admin(c, "replSetFreeze", 120)["ok"] == 1
        assert admin(c, "replSetFreeze", 0)["ok"] == 1
        told = monitor.reply()
        assert told["isWritablePrimary"] is True and told["topologyVersion"]["counter"] == version["counter"] + 2, told
        assert time.monotonic() - began < 40, "somebody waited for the end of a hello"
        is_primary(c)


def wait_for_primary(c):
    hello = admin(c, "hello")
    while not hello["isWritablePrimary"]:
        hello = admin(c, "hello", topologyVersion=hello["topologyVersion"], maxAwaitTimeMS=50000)


def is_primary_again_in_time(port):
    with Connection(port, 60) as c:
        before = admin(c, "hello"), admin(c, "replSetGetStatus")["term"]
        for _ in range(3):
            assert admin(c, "replSetStepDown", 1, force=True, secondaryCatchUpPeriodSecs=0)["ok"] == 1
            wait_for_primary(c)
            is_primary(c)
            after = admin(c, "hello"), admin(c, "replSetGetStatus")["term"]
            assert after[1] > before[1] and after[0]["electionId"] > before[0]["electionId"], (before, after)
            assert after[0]["lastWrite"]["opTime"]["t"] == after[1], after
            before = after


def interrupts_what_was_under_way(port):
    """A write that rests while the server steps down."""
    with Connection(port, 30) as blocked, Connection(port) as c:
        admin(c, "configureFailPoint", "failCommand", mode={"times": 1},
              data={"failCommands": ["insert"], "blockConnection": True, "blockTimeMS": 300})
        blocked.send(msg(retryable({"insert": "c", "documents": [{}], "comment": "me"})))
        while not admin(c, "currentOp", **{"command.comment": "me"})["inprog"]:
            pass
        assert admin(c, "replSetStepDown", 60, force=True)["ok"] == 1
        reply = blocked.reply()
        assert reply["code"] == 11602 and "RetryableWriteError" in reply["errorLabels"] and "topologyVersion" in reply, reply
        assert admin(c, "replSetFreeze", 0)["ok"] == 1
        wait_for_primary(c)


def describes_itself(c):
    status, config, hello = admin(c, "replSetGetStatus"), admin(c, "replSetGetConfig")["config"], admin(c, "hello")
    (member,), (configured,) = status["members"], config["members"]
    assert status["set"] == config["_id"] == hello["setName"] and status["myState"] == member["state"] == 1
    assert member["self"] is True and member["name"] == configured["host"] == hello["me"] and config["version"] == hello["setVersion"]
    assert status["optimes"]["appliedOpTime"]["ts"] == hello["lastWrite"]["opTime"]["ts"], status


def ends_transactions(port):
    """What was open is gone, and what it held is free."""
    with Connection(port, 60) as c:
        one = {"lsid": {"id": Binary(uuid.uuid4().bytes, 4)}, "txnNumber": Int64(1), "autocommit": False}
        assert c.run({"insert": "t", "documents": [{"_id": 1}], "startTransaction": True, **one, "$db": "d"})["n"] == 1
        assert admin(c, "replSetStepDown", 60, force=True)["ok"] == 1
        assert admin(c, "replSetFreeze", 0)["ok"] == 1
        wait_for_primary(c)
        reply = c.run({"insert": "t", "documents": [{"_id": 2}], **one, "$db": "d"})
        assert reply["code"] == 251 and reply["errorLabels"] == ["TransientTransactionError"], reply
        assert c.run({"insert": "t", "documents": [{"_id": 1}], "maxTimeMS": 20000, "$db": "d"})["n"] == 1


def says_goodbye(server):
    """Who waits for a change is told that it stops, new commands are refused."""
    with Connection(server.port, 60) as monitor, Connection(server.port, 60) as busy, Connection(server.port) as c:
        admin(c, "configureFailPoint", "failCommand", mode="alwaysOn", data={"failCommands": ["find"], "blockConnection": True, "blockTimeMS": 60000})
        version = admin(monitor, "hello")["topologyVersion"]
        monitor.send(msg({"hello": 1, "topologyVersion": version, "maxAwaitTimeMS": 50000, "$db": "admin"}, flags=EXHAUST_ALLOWED))
        busy.send(msg({"find": "c", "comment": "me", "$db": "d"}))
        while not admin(c, "currentOp", **{"command.comment": "me"})["inprog"]:
            pass
        stop = threading.Thread(target=server.stop)
        stop.start()
        told = monitor.reply()
        assert told["code"] == 91 and told["$flags"] & MORE_TO_COME == 0, told
        assert told["topologyVersion"]["counter"] == version["counter"] + 1 and 0 < told["remainingQuiesceTimeMillis"] <= 10000, told
        assert busy.reply()["code"] == 11600
        stop.join()


with Server(sys.argv[1], "--workers", "2", "--setParameter", "enableTestCommands=1") as server:
    for step in (refused, describes_itself):
        with Connection(server.port) as c:
            step(c)
        print("ok", step.__name__)
    for step in (steps_down_and_up, is_primary_again_in_time, interrupts_what_was_under_way, ends_transactions):
        step(server.port)
        print("ok", step.__name__)
    with Connection(server.port) as c:
        term = admin(c, "replSetGetStatus")["term"]
        assert term >= 4, term
    says_goodbye(server)
    print("ok", says_goodbye.__name__)
    server.start()
    with Connection(server.port) as c:
        assert admin(c, "replSetGetStatus")["term"] == term
