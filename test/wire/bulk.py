"""bulk.py EXE - bulkWrite: any kinds of writes in any collections, each once, however often it is sent."""

import pathlib
import sys

from bson.int64 import Int64

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection  # noqa: E402
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

COUNTS = ("nErrors", "nInserted", "nMatched", "nModified", "nUpserted", "nDeleted")
MIXED = [
    {"insert": 0, "document": {"_id": 1, "n": 0}},
    {"insert": 1, "document": {"_id": 1, "n": 0}},
    {"update": 0, "filter": {"_id": 1}, "updateMods": {"$inc": {"n": 1}}},
    {"update": 1, "filter": {"_id": 7}, "updateMods": {"$inc": {"n": 1}}, "upsert": True},
    {"update": 1, "filter": {"_id": 1}, "updateMods": [{"$set": {"n": "$$by"}}], "constants": {"by": 5}},
    {"delete": 0, "filter": {"_id": 9}},
]


def bulk(database, ops, names=("a", "b"), **fields):
    return database.client.admin.command({
        "bulkWrite": 1, "ops": ops, "nsInfo": [{"ns": f"{database.name}.{name}"} for name in names], **fields})


def counts(reply):
    return tuple(reply[name] for name in COUNTS)


def test_reply(database):
    reply = bulk(database, MIXED)
    assert counts(reply) == (0, 2, 2, 2, 1, 0), reply
    assert reply["cursor"]["id"] == 0 and reply["cursor"]["ns"] == "admin.$cmd.bulkWrite"
    assert reply["cursor"]["firstBatch"] == [
        {"ok": 1.0, "idx": 0, "n": 1}, {"ok": 1.0, "idx": 1, "n": 1}, {"ok": 1.0, "idx": 2, "n": 1, "nModified": 1},
        {"ok": 1.0, "idx": 3, "n": 1, "nModified": 0, "upserted": {"_id": 7}},
        {"ok": 1.0, "idx": 4, "n": 1, "nModified": 1}, {"ok": 1.0, "idx": 5, "n": 0}], reply
    reply = bulk(database, MIXED, errorsOnly=True, ordered=False)
    assert counts(reply) == (2, 0, 3, 2, 0, 0), reply
    assert [(item["idx"], item["code"], item["keyValue"]) for item in reply["cursor"]["firstBatch"]] == [
        (0, 11000, {"_id": 1}), (1, 11000, {"_id": 1})], reply
    reply = bulk(database, MIXED)
    assert counts(reply) == (1, 0, 0, 0, 0, 0) and len(reply["cursor"]["firstBatch"]) == 1, reply
    assert list(database.b.find().sort("_id", 1)) == [{"_id": 1, "n": 5}, {"_id": 7, "n": 2}]


def test_refused(database):
    """Before anything is written."""
    good = {"insert": 0, "document": {"_id": "no"}}
    for code, ops in ((16, []), (2, [good, {"insert": 2, "document": {}}]), (40415, [good, {"find": 0}]),
                      (40414, [good, {"insert": 0}]), (40415, [good, {"delete": 0, "filter": {}, "limit": 1}]),
                      (14, [good, {"update": 0, "filter": 1, "updateMods": {}}])):
        refused(code, lambda ops=ops: bulk(database, ops))
    refused(13, lambda: database.command({"bulkWrite": 1, "ops": [good], "nsInfo": [{"ns": "x.y"}]}))
    refused(73, lambda: bulk(database, [good], names=("",)))
    assert database.a.count_documents({"_id": "no"}) == 0
    reply = bulk(database, [{"update": 0, "filter": {}, "updateMods": {"$no": 1}},
                            {"insert": 1, "document": {"_id": {"$x": 1}}}], ordered=False)
    assert [item["code"] for item in reply["cursor"]["firstBatch"]] == [9, 52], reply


def test_cursor(database, port):
    """Items that do not fit, or are not asked for, come with getMore."""
    ops = [{"insert": 0, "document": {"_id": i}} for i in range(1000)]
    reply = bulk(database, ops, names=("many",), cursor={"batchSize": 10})
    assert len(reply["cursor"]["firstBatch"]) == 10 and reply["nInserted"] == 1000
    rest = database.client.admin.command("getMore", reply["cursor"]["id"], collection="$cmd.bulkWrite")["cursor"]
    assert rest["id"] == 0 and [item["idx"] for item in rest["nextBatch"]] == list(range(10, 1000))
    large = [{"update": 0, "filter": {"_id": letter * (9 << 20)}, "updateMods": {"$set": {"n": 1}}, "upsert": True}
             for letter in "ab"]
    reply = Connection(port).run({"bulkWrite": 1, "$db": "admin"}, sequences=[
        ("ops", large), ("nsInfo", [{"ns": f"{database.name}.large"}])])
    assert reply["nUpserted"] == 2 and len(reply["cursor"]["firstBatch"]) == 1 and reply["cursor"]["id"] != 0


def test_retried(server):
    """Sent again, in part again, and after kill -9: every op is done once, and told as it was."""
    client = server.client()
    with client.start_session() as session:
        lsid = session.session_id
        ops = [{"update": 0, "filter": {"_id": i % 50}, "updateMods": {"$inc": {"n": 1}}, "upsert": True}
               for i in range(500)]
        ops.append({"delete": 1, "filter": {"_id": 0}})
        ops.append({"insert": 1, "document": {"_id": "once"}})
        command = {"bulkWrite": 1, "ops": ops, "nsInfo": [{"ns": "again.a"}, {"ns": "again.b"}], "$db": "admin",
                   "lsid": lsid, "txnNumber": Int64(1)}
        client.again.b.insert_many([{"_id": 0}, {"_id": 1}])
        first = Connection(server.port).run(command)
        assert counts(first) == (0, 1, 450, 450, 50, 1), first
        second = Connection(server.port).run(command)
        assert second["retriedStmtIds"] == list(range(500)) + [500, 501]
        server.kill()
        server.start()
        third = Connection(server.port).run(command)
        for reply in (second, third):
            assert counts(reply) == counts(first) and reply["cursor"] == first["cursor"], reply
        one = Connection(server.port).run({**command, "ops": ops[:1] + [{"insert": 1, "document": {"_id": "new"}}],
                                           "stmtIds": [0, 900]})
        assert one["retriedStmtIds"] == [0] and one["nInserted"] == 1, one
        many = Connection(server.port).run({**command, "txnNumber": Int64(2), "ops": [
            {"delete": 0, "filter": {}, "multi": True}]})
        assert many["code"] == 72, many
    client = server.client()
    assert client.again.a.count_documents({"n": 10}) == 50 and client.again.b.count_documents({}) == 3


def test_transaction(database):
    client = database.client
    with client.start_session() as session:
        session.start_transaction()
        ops = [{"insert": 0, "document": {"_id": 1}}, {"insert": 1, "document": {"_id": 1}}]
        info = [{"ns": f"{database.name}.t1"}, {"ns": f"{database.name}.t2"}]
        client.admin.command({"bulkWrite": 1, "ops": ops, "nsInfo": info}, session=session)
        assert database.t1.count_documents({}) == 0
        session.commit_transaction()
    assert database.t1.count_documents({}) == database.t2.count_documents({}) == 1


def test_rights(exe):
    """Of each op, on its own collection."""
    with Server(exe, "--auth") as server:
        server.client().admin.command("createUser", "root", pwd="r", roles=["root"])
        root = server.client(username="root", password="r")
        rights = [{"resource": {"db": "shop", "collection": "in"}, "actions": ["insert"]},
                  {"resource": {"db": "shop", "collection": "up"}, "actions": ["update", "find"]}]
        root.shop.command("createRole", "some", privileges=rights, roles=[])
        root.shop.command("createUser", "ada", pwd="a", roles=["some"])
        ada = server.client(username="ada", password="a", authSource="shop").shop
        insert, update = {"insert": 0, "document": {}}, {"update": 1, "filter": {}, "updateMods": {"$set": {"a": 1}}}
        names = ("in", "up")
        assert counts(bulk(ada, [insert, update], names)) == (0, 1, 0, 0, 0, 0)
        for ops in ([{**insert, "insert": 1}], [{**update, "upsert": True}], [{"delete": 0, "filter": {}}]):
            refused(13, lambda ops=ops: bulk(ada, [insert, *ops], names))
        refused(13, lambda: bulk(ada, [insert], names, bypassDocumentValidation=True))
        assert root.shop["in"].count_documents({}) == 1
        reply = bulk(ada, [insert] * 3, names, cursor={"batchSize": 1})
        ada.client.admin.command("getMore", reply["cursor"]["id"], collection="$cmd.bulkWrite")


def main():
    test_rights(sys.argv[1])
    with Server(sys.argv[1]) as server:
        database = server.client().bulk
        test_reply(database)
        test_refused(database)
        test_cursor(database, server.port)
        test_transaction(database)
        test_retried(server)


if __name__ == "__main__":
    main()
