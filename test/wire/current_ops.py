"""current_ops.py EXE - $currentOp and currentOp: what runs, and the connections, cursors and transactions that rest."""

import pathlib
import sys
import threading

from pymongo import CursorType

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402


def ops(client, *stages, **options):
    return list(client.admin.aggregate([{"$currentOp": options}, *stages]))


def test_running(client):
    """A getMore that waits for a document."""
    tail = client.db.create_collection("tail", capped=True, size=4096)
    tail.insert_one({"_id": 1})
    cursor = tail.find(cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(60000)
    next(cursor)
    waiting = threading.Thread(target=next, args=(cursor,))
    waiting.start()
    found = []
    while not found:
        found = ops(client, {"$match": {"command.getMore": {"$exists": True}}})
    tail.insert_one({"_id": 2})
    waiting.join()
    cursor.close()
    (running,) = found
    assert running["active"] and running["ns"].startswith("db.") and running["microsecs_running"] > 0, running
    assert running["desc"] == f"conn{running['connectionId']}", running
    assert running["clientMetadata"]["driver"]["name"] == "PyMongo", running
    assert all("active" in op for op in client.admin.command("currentOp")["inprog"])


def test_connections(server, client):
    other = server.client(appname="rests")
    other.admin.command("ping")
    match = {"$match": {"appName": "rests", "active": False}}
    assert ops(client, match) == []
    idle = ops(client, match, idleConnections=True)
    assert idle and all("opid" not in op and "secs_running" not in op for op in idle), idle
    assert [op for op in client.admin.command({"currentOp": 1, "$all": True, "appName": "rests"})["inprog"]]
    other.close()


def test_cursors(client):
    numbers = client.db.numbers
    numbers.insert_many([{"_id": i} for i in range(10)])
    cursor = numbers.find({"_id": {"$gte": 2}}, batch_size=3)
    next(cursor)
    assert ops(client, {"$match": {"type": "idleCursor"}}) == []
    (found,) = ops(client, {"$match": {"type": "idleCursor"}}, idleCursors=True)
    rests = found["cursor"]
    assert found["ns"] == "db.numbers" and rests["cursorId"] == cursor.cursor_id, found
    assert rests["nDocsReturned"] == 3 and rests["originatingCommand"]["filter"] == {"_id": {"$gte": 2}}, found
    assert rests["createdDate"] <= rests["lastAccessDate"] and not rests["tailable"], found
    cursor.close()
    assert ops(client, {"$match": {"type": "idleCursor"}}, idleCursors=True) == []


def test_transactions(client):
    with client.start_session() as session:
        session.start_transaction()
        client.db.numbers.insert_one({"_id": "open"}, session=session)
        (found,) = ops(client, {"$match": {"type": "idleSession"}})
        assert found["lsid"]["id"].bytes == bytes(session.session_id["id"]) and not found["active"], found
        assert found["transaction"]["parameters"]["txnNumber"] >= 1 and found["transaction"]["timeOpenMicros"] > 0
        assert ops(client, {"$match": {"type": "idleSession"}}, idleSessions=False) == []
        session.abort_transaction()
        assert ops(client, {"$match": {"type": "idleSession"}}) == []


def test_refused(client):
    refused(73, lambda: client.db.command({"aggregate": 1, "pipeline": [{"$currentOp": {}}], "cursor": {}}))
    refused(73, lambda: list(client.admin.c.aggregate([{"$currentOp": {}}])))
    refused(9, lambda: client.admin.command({"aggregate": 1, "pipeline": [{"$currentOp": 1}], "cursor": {}}))
    refused(9, lambda: ops(client, idleCursors=1))
    refused(9, lambda: ops(client, other=True))
    refused(40602, lambda: client.admin.command({"aggregate": 1, "cursor": {}, "pipeline": [
        {"$documents": [{}]}, {"$currentOp": {}}]}))


def test_rights(exe):
    """One's own, and everybody's for who may."""
    with Server(exe, "--auth") as server:
        root = server.client()
        root.admin.command("createUser", "root", pwd="x", roles=["root"])
        root = server.client(username="root", password="x")
        root.db.command("createUser", "reader", pwd="x", roles=["read"])
        reader = server.client(username="reader", password="x", authSource="db")
        root.db.numbers.insert_many([{"_id": i} for i in range(10)])
        cursor = root.db.numbers.find(batch_size=3)
        next(cursor)
        refused(13, lambda: ops(reader, allUsers=True))
        assert ops(reader, {"$match": {"type": "idleCursor"}}, idleCursors=True) == []
        assert len(ops(root, {"$match": {"type": "idleCursor"}}, idleCursors=True, allUsers=True)) == 1
        assert len(ops(root, {"$match": {"type": "idleCursor"}}, idleCursors=True)) == 1


def main():
    with Server(sys.argv[1]) as server:
        client = server.client()
        test_running(client)
        test_connections(server, client)
        test_cursors(client)
        test_transactions(client)
        test_refused(client)
    test_rights(sys.argv[1])


if __name__ == "__main__":
    main()
