"""concerns.py EXE - write concern, and the defaults of both concerns: checked, kept over kill -9."""

import pathlib
import sys
import uuid

from bson import Binary, Int64

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection  # noqa: E402
from server import Server  # noqa: E402


def insert(c, concern):
    return c.run({"insert": "c", "documents": [{"x": 1}], "writeConcern": concern, "$db": "d"})


def can_be_met(c):
    met = ({}, {"w": 1}, {"w": 0}, {"w": "majority"}, {"w": 1.9}, {"w": None}, {"w": 1, "j": True}, {"j": False}, {"j": 1},
           {"w": 1, "wtimeout": 100}, {"w": "majority", "wtimeout": 0, "provenance": "clientSupplied"}, {"fsync": True}, {"wtimeout": -(1 << 40)})
    for concern in met:
        reply = insert(c, concern)
        assert reply["ok"] == 1 and reply["n"] == 1 and "writeConcernError" not in reply, (concern, reply)


def cannot_be_met(c):
    """The write stays, and says so."""
    before = c.run({"count": "c", "$db": "d"})["n"]
    for concern, code, name in (({"w": 2}, 100, "UnsatisfiableWriteConcern"), ({"w": {"dc": 1}}, 100, "UnsatisfiableWriteConcern"),
                                ({"w": "nobody", "wtimeout": 1}, 79, "UnknownReplWriteConcern")):
        reply = insert(c, concern)
        error = reply["writeConcernError"]
        assert (reply["ok"], reply["n"], error["code"], error["codeName"]) == (1, 1, code, name), reply
        assert error["errInfo"]["writeConcern"] == {"wtimeout": 0, **concern, "provenance": "clientSupplied"}, reply
    assert c.run({"count": "c", "$db": "d"})["n"] == before + 3


def is_malformed(c):
    for concern, code in (({"w": -1}, 9), ({"w": 51}, 9), ({"w": True}, 9), ({"w": {}}, 9), ({"w": {"a": "b"}}, 9),
                          ({"w": 0, "j": True}, 9), ({"j": "yes"}, 14), ({"wtimeout": 1 << 40}, 9), ({"nobody": 1}, 40415),
                          ({"provenance": "me"}, 2), (1, 14), ([], 14)):
        reply = insert(c, concern)
        assert reply["ok"] == 0 and reply["code"] == code, (concern, reply)
    reply = c.run({"find": "c", "writeConcern": {"w": 1}, "$db": "d"})
    assert reply["code"] == 72, reply
    assert c.run({"getLastError": 1, "$db": "d"})["code"] == 59


def levels(c):
    """Which reads take which; a transaction takes its own with whatever command comes first."""
    for command in ({"find": "c"}, {"distinct": "c", "key": "x"}, {"aggregate": "c", "pipeline": [], "cursor": {}}):
        for level in ("local", "available", "majority", "linearizable", "snapshot"):
            assert c.run({**command, "readConcern": {"level": level}, "$db": "d"})["ok"] == 1, (command, level)
    for command in ({"count": "c", "readConcern": {"level": "snapshot"}}, {"insert": "c", "documents": [{}], "readConcern": {"level": "majority"}}):
        assert c.run({**command, "$db": "d"})["code"] == 72, command
    session = {"lsid": {"id": Binary(uuid.uuid4().bytes, 4)}, "txnNumber": Int64(1), "autocommit": False}
    first = {"insert": "c", "documents": [{}], "startTransaction": True, "readConcern": {"level": "snapshot"}, "$db": "d"}
    assert c.run({**first, **session})["n"] == 1
    assert c.run({"abortTransaction": 1, **session, "$db": "admin"})["ok"] == 1


def sets(c, **what):
    return c.run({"setDefaultRWConcern": 1, **what, "$db": "admin"})


def gets(c, **more):
    return c.run({"getDefaultRWConcern": 1, **more, "$db": "admin"})


def defaults(c):
    reply = gets(c)
    assert reply["defaultReadConcern"] == {"level": "local"} and reply["defaultWriteConcern"] == {"w": "majority", "wtimeout": 0}
    assert (reply["defaultReadConcernSource"], reply["defaultWriteConcernSource"]) == ("implicit", "implicit")
    assert "updateOpTime" not in reply and "localUpdateWallClockTime" in reply and "inMemory" not in reply
    assert sets(c, defaultWriteConcern={})["ok"] == 1  # nothing was set
    first = sets(c, defaultReadConcern={"level": "majority"})
    assert first["defaultReadConcernSource"] == "global" and first["defaultWriteConcernSource"] == "implicit", first
    second = sets(c, defaultWriteConcern={"w": 1, "j": False})
    assert second["defaultReadConcern"] == {"level": "majority"} and second["defaultWriteConcern"] == {"w": 1, "j": False, "wtimeout": 0}
    assert second["updateOpTime"] > first["updateOpTime"]
    reply = gets(c, inMemory=True)
    assert reply["inMemory"] is True and reply["updateOpTime"] == second["updateOpTime"]
    assert reply["updateWallClockTime"] == second["updateWallClockTime"] == reply["localUpdateWallClockTime"]


def defaults_refused(c):
    before = gets(c)
    for what, code in (({}, 2), ({"defaultWriteConcern": {}}, 20), ({"defaultWriteConcern": {"w": 0}}, 2),
                       ({"defaultWriteConcern": {"w": 2}}, 100), ({"defaultWriteConcern": {"w": "nobody"}}, 79),
                       ({"defaultWriteConcern": {"w": 1, "provenance": "clientSupplied"}}, 72), ({"defaultWriteConcern": 1}, 14),
                       ({"defaultReadConcern": {"level": "linearizable"}}, 2), ({"defaultReadConcern": {"level": "snapshot"}}, 2),
                       ({"defaultReadConcern": {"level": "x"}}, 2), ({"defaultReadConcern": {"level": 1}}, 14),
                       ({"defaultReadConcern": {"level": "local", "provenance": "clientSupplied"}}, 72),
                       ({"defaultReadConcern": {"level": "local", "x": 1}}, 40415), ({"nobody": 1}, 40415)):
        reply = sets(c, **what)
        assert reply["ok"] == 0 and reply["code"] == code, (what, reply)
    assert c.run({"setDefaultRWConcern": 1, "defaultReadConcern": {"level": "local"}, "$db": "d"})["code"] == 13
    after = gets(c)
    assert [after[name] for name in before if name.startswith("default")] == [before[name] for name in before if name.startswith("default")]


def defaults_again(c):
    reply = gets(c)
    assert reply["defaultReadConcern"] == {"level": "majority"} and reply["defaultWriteConcern"] == {"w": 1, "j": False, "wtimeout": 0}
    reply = sets(c, defaultReadConcern={})
    assert reply["defaultReadConcernSource"] == "implicit" and reply["defaultWriteConcernSource"] == "global", reply


with Server(sys.argv[1]) as server:
    for step in (can_be_met, cannot_be_met, is_malformed, levels, defaults, defaults_refused):
        with Connection(server.port) as c:
            step(c)
        print("ok", step.__name__)
    server.kill()
    server.start()
    with Connection(server.port) as c:
        defaults_again(c)
    print("ok", defaults_again.__name__)
