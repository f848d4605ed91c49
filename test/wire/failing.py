"""failing.py EXE - fail points as drivers' test suites use them, byte for byte; nothing of it without enableTestCommands."""

import pathlib
import sys
import time

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection, msg  # noqa: E402
from server import Server  # noqa: E402

EXHAUST_ALLOWED, MORE_TO_COME = 1 << 16, 1 << 1
CLIENT = {"driver": {"name": "raw", "version": "1"}, "os": {"type": "Linux"}}


def hello(c, name):
    assert c.run({"hello": 1, "client": {**CLIENT, "application": {"name": name}}, "$db": "admin"})["ok"] == 1


def fail(port, mode, **data):
    with Connection(port) as c:
        reply = c.run({"configureFailPoint": "failCommand", "mode": mode, "data": data, "$db": "admin"})
    assert reply["ok"] == 1, reply
    return reply["count"]


def closes(port):
    for command in ({"find": "c", "$db": "d"}, {"insert": "c", "documents": [{}], "$db": "d"}, {"hello": 1, "$db": "admin"}):
        fail(port, {"times": 1}, failCommands=["find", "insert", "hello"], closeConnection=True)
        with Connection(port) as c:
            assert c.run(command) is None, "there was an answer"
        with Connection(port) as c:
            assert c.run(command)["ok"] == 1
    with Connection(port) as c:
        assert c.run({"count": "c", "$db": "d"})["n"] == 1  # the first insert was not done


def resting(c):
    """The op that is held up, when it is there: those it is about carry a comment."""
    running = []
    while not running:
        running = c.run({"currentOp": 1, "command.comment": "me", "$db": "admin"})["inprog"]
    return running[0]["opid"]


def blocks_one_and_no_other(port):
    """Nor for longer than until somebody kills it."""
    for command in ({"insert": "c", "documents": [{}], "$db": "d"}, {"find": "c", "$db": "d"}):
        fail(port, {"times": 1}, failCommands=["insert", "find"], blockConnection=True, blockTimeMS=600000)
        with Connection(port) as blocked, Connection(port) as other:
            blocked.send(msg({**command, "comment": "me"}))
            opid = resting(other)
            for _ in range(20):
                assert other.run(command)["ok"] == 1
            other.run({"killOp": 1, "op": opid, "$db": "admin"})
            assert blocked.reply()["code"] == 11601


def blocks_then_fails(port):
    fail(port, {"times": 1}, failCommands=["insert"], blockConnection=True, blockTimeMS=30, errorCode=91)
    with Connection(port) as c:
        reply = c.run({"insert": "c", "documents": [{}], "$db": "d"})
        assert reply["code"] == 91 and reply["codeName"] == "ShutdownInProgress" and "topologyVersion" in reply, reply
        fail(port, {"times": 1}, failCommands=["insert"], blockConnection=True, blockTimeMS=50)
        began = time.monotonic()
        assert c.run({"insert": "c", "documents": [{}], "$db": "d"})["n"] == 1
        assert time.monotonic() - began >= 0.05, "it was not held up"
        fail(port, {"times": 1}, failCommands=["find"], blockConnection=True, blockTimeMS=60)
        assert c.run({"find": "c", "maxTimeMS": 10, "$db": "d"})["code"] == 50


def by_name_of_the_client(port):
    fail(port, "alwaysOn", failCommands=["ping", "hello"], errorCode=6, appName="mine")
    with Connection(port) as mine, Connection(port) as yours, Connection(port) as nameless:
        hello(yours, "yours")
        assert mine.run({"hello": 1, "client": {**CLIENT, "application": {"name": "mine"}}, "$db": "admin"})["ok"] == 1
        assert mine.run({"ping": 1, "$db": "admin"})["code"] == 6
        assert mine.run({"hello": 1, "$db": "admin"})["code"] == 6
        assert yours.run({"ping": 1, "$db": "admin"})["ok"] == nameless.run({"ping": 1, "$db": "admin"})["ok"] == 1
    assert fail(port, "off") > 0


def in_a_stream(port):
    """A monitor's stream of hellos ends with the error."""
    with Connection(port) as c:
        version = c.run({"hello": 1, "$db": "admin"})["topologyVersion"]
        c.send(msg({"hello": 1, "topologyVersion": version, "maxAwaitTimeMS": 20, "$db": "admin"}, flags=EXHAUST_ALLOWED))
        assert c.reply()["ok"] == 1
        fail(port, {"times": 1}, failCommands=["hello"], errorCode=91)
        replies = [c.reply()]
        while replies[-1]["ok"] == 1 and len(replies) < 100:
            replies.append(c.reply())
        assert replies[-1]["code"] == 91 and replies[-1]["$flags"] & MORE_TO_COME == 0, replies[-1]
        assert c.run({"ping": 1, "$db": "admin"})["ok"] == 1  # the connection is kept


def getmore(port):
    with Connection(port) as c:
        c.run({"insert": "m", "documents": [{} for _ in range(5)], "$db": "d"})
        c.run({"configureFailPoint": "failGetMoreAfterCursorCheckout", "mode": {"times": 1}, "data": {"errorCode": 262}, "$db": "admin"})
        cursor = c.run({"find": "m", "batchSize": 2, "$db": "d"})["cursor"]["id"]
        assert c.run({"getMore": cursor, "collection": "m", "$db": "d"})["code"] == 262
        assert c.run({"getMore": cursor, "collection": "m", "$db": "d"})["code"] == 43


def unanswered(port):
    """A write that wants no answer is failed, too; who must know that there is no primary loses its connection."""
    insert = msg({"insert": "u", "documents": [{}], "writeConcern": {"w": 0}, "$db": "d"}, flags=MORE_TO_COME)
    fail(port, {"times": 1}, failCommands=["insert"], errorCode=2)
    with Connection(port) as c:
        c.send(insert)
        c.send(insert)
        assert c.run({"count": "u", "$db": "d"})["n"] == 1
        fail(port, {"times": 1}, failCommands=["insert"], errorCode=10107)
        c.send(insert)
        assert c.reply() is None
    with Connection(port) as c:
        assert c.run({"count": "u", "$db": "d"})["n"] == 1


def stops_while_blocked(server):
    fail(server.port, "alwaysOn", failCommands=["insert", "find"], blockConnection=True, blockTimeMS=60000)
    with Connection(server.port) as one, Connection(server.port) as two:
        one.send(msg({"insert": "c", "documents": [{}], "$db": "d"}))
        two.send(msg({"find": "c", "$db": "d"}))
        while fail(server.port, "alwaysOn", failCommands=["insert", "find"], blockConnection=True, blockTimeMS=60000) < 2:
            pass
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 30, "the stop waited for what is blocked"
        for c in (one, two):
            reply = c.reply()
            assert (reply["code"], reply["codeName"]) == (11600, "InterruptedAtShutdown") and "topologyVersion" in reply, reply
            assert c.reply() is None


with Server(sys.argv[1], "--setParameter", "enableTestCommands=1", "--workers", "2") as server:
    for step in (closes, blocks_one_and_no_other, blocks_then_fails, by_name_of_the_client, in_a_stream, getmore, unanswered):
        step(server.port)
        print("ok", step.__name__)
with Server(sys.argv[1], "--setParameter", "enableTestCommands=1") as server:
    stops_while_blocked(server)
    print("ok", stops_while_blocked.__name__)
with Server(sys.argv[1]) as server, Connection(server.port) as c:
    assert c.run({"configureFailPoint": "failCommand", "mode": "off", "$db": "admin"})["code"] == 59
    assert c.run({"getParameter": 1, "enableTestCommands": 1, "$db": "admin"})["enableTestCommands"] is False
    assert "configureFailPoint" not in c.run({"listCommands": 1, "$db": "admin"})["commands"]
    print("ok without enableTestCommands there are none")
