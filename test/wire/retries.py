"""retries.py EXE - writes that come again get what they got at first, also after kill -9."""

import os
import pathlib
import sys
import threading

import bson
from bson.int64 import Int64

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection  # noqa: E402
from server import Server  # noqa: E402

DB = "retries"


def new_session():
    return {"id": bson.Binary(os.urandom(16), 4)}


class Session:
    """Commands of one session over one connection, with numbers of their own."""

    def __init__(self, server):
        self.connection = Connection(server.port)
        self.lsid = new_session()
        self.number = 0

    def write(self, command, again=False, **fields):
        self.number += not again
        return self.run(command, txnNumber=Int64(self.number), **fields)

    def run(self, command, **fields):
        return self.connection.run({**command, "$db": DB, "lsid": self.lsid, **fields})


def plain(reply):
    """A reply without what differs from one answer to the next."""
    return {name: value for name, value in reply.items()
            if name not in ("$clusterTime", "operationTime", "retriedStmtIds", "retriedStmtId")}


def find(session, name, **filter_):
    return session.run({"find": name, "filter": filter_})["cursor"]["firstBatch"]


def twice(session, command, **fields):
    """Send it, send it again: the second reply, which must be as the first."""
    first = session.write(command, **fields)
    assert first["ok"] == 1, first
    again = session.write(command, again=True, **fields)
    assert plain(again) == plain(first), (first, again)
    return again


COMMANDS = [
    ({"insert": "c", "documents": [{"_id": i} for i in range(300)]}, list(range(300))),
    ({"update": "c", "updates": [{"q": {"_id": 1}, "u": {"$inc": {"n": 1}}},
                                 {"q": {"_id": 2}, "u": {"$inc": {"n": 1}}}]}, [0, 1]),
    ({"update": "c", "updates": [{"q": {"_id": 1000}, "u": {"$inc": {"n": 1}}, "upsert": True},
                                 {"q": {"a": 7}, "u": {"$set": {"b": 1}}, "upsert": True}]}, [0, 1]),
    ({"delete": "c", "deletes": [{"q": {"_id": {"$gte": 5, "$lt": 100}}, "limit": 1}]}, [0]),
]


def statements(server):
    session = Session(server)
    for command, ids in COMMANDS:
        assert twice(session, command)["retriedStmtIds"] == ids
    assert find(session, "c", _id=1)[0]["n"] == 1
    assert find(session, "c", _id=1000)[0]["n"] == 1
    assert len(find(session, "c", _id={"$gte": 5, "$lt": 100})) == 94
    assert len(find(session, "c", a=7)) == 1


def images(server):
    session = Session(server)
    session.run({"insert": "images", "documents": [{"_id": 1, "n": 1}]})
    for change in ({"update": {"$inc": {"n": 1}}}, {"update": {"$inc": {"n": 1}}, "new": True},
                   {"remove": True}, {"update": {"$set": {"n": 5}}, "upsert": True}):
        again = twice(session, {"findAndModify": "images", "query": {"_id": 1}, **change})
        assert again["retriedStmtId"] == 0
    assert find(session, "images")[0]["n"] == 5


def parts_of_commands(server):
    """Only what was not done runs: statements have numbers, and one may fail."""
    session = Session(server)
    first = session.write({"insert": "parts", "documents": [{"_id": 1}, {"_id": 2}]})
    assert first["n"] == 2
    rest = session.write({"insert": "parts", "documents": [{"_id": 2}, {"_id": 3}]}, again=True, stmtId=1)
    assert rest["n"] == 2 and rest["retriedStmtIds"] == [1], rest
    listed = session.write({"insert": "parts", "documents": [{"_id": 9}, {"_id": 1}]}, again=True,
                           stmtIds=[7, 0])
    assert listed["n"] == 2 and listed["retriedStmtIds"] == [0], listed
    failed = {"insert": "parts", "documents": [{"_id": 4}, {"_id": 1}, {"_id": 5}]}
    assert session.write(failed)["n"] == 1
    again = session.write(failed, again=True)
    assert again["n"] == 1 and again["writeErrors"][0]["index"] == 1, again
    assert [d["_id"] for d in find(session, "parts")] == [1, 2, 3, 4, 9]


def many_results(server):
    """More than one part of a record holds."""
    session = Session(server)
    updates = [{"q": {"_id": i}, "u": {"$inc": {"n": 1}}, "upsert": True} for i in range(2000)]
    twice(session, {"update": "many", "updates": updates})
    server.kill()
    server.start()
    session.connection = Connection(server.port)
    again = session.write({"update": "many", "updates": updates}, again=True)
    assert again["n"] == 2000 and len(again["upserted"]) == 2000 and again["nModified"] == 0
    assert len(again["retriedStmtIds"]) == 2000
    assert session.write({"insert": "many", "documents": [{"_id": "new"}]})["n"] == 1
    assert session.run({"count": "many", "query": {"n": {"$ne": 1}}})["n"] == 1


def after_kill(server):
    session = Session(server)
    for command, _ in COMMANDS:
        command = {name: "killed" if value == "c" else value for name, value in command.items()}
        first = session.write(command)
        server.kill()
        server.start()
        session.connection = Connection(server.port)
        again = session.write(command, again=True)
        assert plain(again) == plain(first), (first, again)
    image = {"findAndModify": "killed", "query": {"_id": 1}, "update": {"$inc": {"n": 1}}}
    first = session.write(image)
    server.kill()
    server.start()
    session.connection = Connection(server.port)
    assert plain(session.write(image, again=True)) == plain(first)


def one_at_a_time(server):
    """A driver sends again over a new connection while the first is still at work."""
    for _ in range(20):
        session, twin = Session(server), Session(server)
        twin.lsid = session.lsid
        updates = [{"q": {"_id": i}, "u": {"$inc": {"n": 1}}, "upsert": True} for i in range(500)]
        command = {"update": "turns", "updates": updates}
        threads = [threading.Thread(target=one.write, args=(command,)) for one in (session, twin)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert find(session, "turns", n={"$ne": 1}) == []
        session.run({"delete": "turns", "deletes": [{"q": {}, "limit": 0}]})


def refused(server):
    session = Session(server)
    insert = {"insert": "refused", "documents": [{"_id": 1}]}
    session.number = 6
    session.write(insert)
    update_many = {"update": "refused", "updates": [{"q": {}, "u": {"$set": {"a": 1}}, "multi": True}]}
    delete_many = {"delete": "refused", "deletes": [{"q": {}, "limit": 0}]}
    cases = [
        (225, insert, {"txnNumber": Int64(5)}),
        (14, insert, {"txnNumber": 8}),
        (72, insert, {"txnNumber": Int64(-1)}),
        (72, insert, {"autocommit": False}),
        (72, insert, {"txnNumber": Int64(9), "autocommit": True}),
        (72, insert, {"txnNumber": Int64(9), "startTransaction": True}),
        (72, insert, {"txnNumber": Int64(9), "autocommit": False, "startTransaction": False}),
        (14, insert, {"txnNumber": Int64(9), "autocommit": 0}),
        (50768, {"find": "refused"}, {"txnNumber": Int64(9)}),
        (50768, {"ping": 1}, {"txnNumber": Int64(9)}),
        (72, update_many, {"txnNumber": Int64(10)}),
        (72, delete_many, {"txnNumber": Int64(11)}),
        (16, insert, {"txnNumber": Int64(12), "stmtIds": [1, 2]}),
    ]
    for code, command, fields in cases:
        reply = session.run(command, **fields)
        error = reply["writeErrors"][0] if "writeErrors" in reply else reply
        assert error.get("code") == code, (code, command, fields, reply)
    reply = session.connection.run({**insert, "$db": DB, "txnNumber": Int64(1)})
    assert reply["code"] == 72, reply
    assert find(session, "refused") == [{"_id": 1}]


def sessions(server):
    """Cursors and writes end with their session; lists show what there is."""
    one, other = Session(server), Session(server)
    one.run({"insert": "sessions", "documents": [{"_id": i} for i in range(10)]})

    def admin(command, session=None):
        fields = {} if session is None else {"lsid": session.lsid}
        return one.connection.run({**command, "$db": "admin", **fields})

    def more(cursor, session):
        command = {"getMore": Int64(cursor["id"]), "collection": "sessions"}
        return session.run(command) if session else one.connection.run({**command, "$db": DB})

    for kill in ({"killSessions": [one.lsid]}, {"killAllSessions": []}, {"endSessions": [one.lsid]},
                 {"killAllSessionsByPattern": [{"lsid": one.lsid}]}, {"killAllSessionsByPattern": []}):
        cursor = one.run({"find": "sessions", "batchSize": 2})["cursor"]
        assert more(cursor, other)["code"] == 50738 and more(cursor, None)["code"] == 50738
        assert admin(kill)["ok"] == 1, kill
        assert more(cursor, one)["code"] == 43, kill
    cursor = other.run({"find": "sessions", "batchSize": 2})["cursor"]
    admin({"killSessions": [one.lsid]})
    assert len(more(cursor, other)["cursor"]["nextBatch"]) == 8
    cursor = other.run({"find": "sessions", "batchSize": 2})["cursor"]
    assert admin({"killAllSessions": [{"user": "a", "db": "b"}]})["ok"] == 1
    assert len(more(cursor, other)["cursor"]["nextBatch"]) == 8
    assert admin({"killAllSessionsByPattern": 1})["code"] == 14
    one.run({"find": "sessions"})
    stages = [("admin", 1, {"$listLocalSessions": {}}), ("config", "system.sessions", {"$listSessions": {"allUsers": True}})]
    for db, target, stage in stages:
        reply = one.connection.run({"aggregate": target, "$db": db, "pipeline": [stage], "cursor": {}})
        listed = {doc["_id"]["id"] for doc in reply["cursor"]["firstBatch"]}
        assert {one.lsid["id"].as_uuid(), other.lsid["id"].as_uuid()} <= listed, reply
    assert one.connection.run({"aggregate": "c", "$db": DB, "cursor": {}, "pipeline": [
        {"$listSessions": {}}]})["code"] == 73


def main():
    with Server(sys.argv[1]) as server:
        for case in (statements, images, sessions, parts_of_commands, refused, one_at_a_time, many_results, after_kill):
            case(server)
            print("ok", case.__name__)


main()
