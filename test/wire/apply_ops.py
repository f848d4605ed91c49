"""apply_ops.py EXE - applyOps: the oplog of one server, applied to another, gives what the first one has."""

import pathlib
import random
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

LISTS = [1, "x", {"k": 1}, [1, [2, 3]], None]


def apply(client, ops, **fields):
    return client.admin.command({"applyOps": ops, **fields})


def plain(value):
    if isinstance(value, dict):
        return sorted((name, plain(inner)) for name, inner in value.items())
    return [plain(inner) for inner in value] if isinstance(value, list) else repr(value)


def state(client):
    """Every collection's documents, their fields in no order, and its indexes."""
    found = {}
    for db in ("shop", "stock"):
        for name in client[db].list_collection_names():
            collection = client[db][name]
            found[db, name] = ([plain(doc) for doc in collection.find().sort("_id", 1)],
                               sorted(collection.index_information()))
    return found


def change(collection, rng):
    """One of everything that an oplog tells of documents."""
    doc_id = rng.randrange(40)
    path = rng.choice(["a", "a.b", "l.2", "l.5.k", "deep.er.still", "l"])
    update = rng.choice([
        {"$set": {path: rng.choice(LISTS)}}, {"$unset": {path: 1}}, {"$set": {"n": rng.random(), "z": [1, 2, 3]}},
        {"$push": {"l": {"$each": [1, 2, 3], "$slice": rng.randrange(1, 9)}}}, {"$push": {"l": {"k": 1}}}])
    kind = rng.randrange(5)
    if kind == 0:
        collection.replace_one({"_id": doc_id}, {"a": {"b": doc_id}, "l": [1, 2, 3, 4]}, upsert=True)
    elif kind == 1:
        collection.delete_one({"_id": doc_id})
    else:
        try:
            collection.update_one({"_id": doc_id}, update)
        except Exception as error:  # a path through a scalar
            assert getattr(error, "code", 0) in (2, 28), error


def test_replay(first, second):
    rng = random.Random(7)
    shop, stock = first.shop, first.stock
    shop.create_collection("orders")
    shop.orders.create_index([("a.b", 1)], name="by_ab")
    stock.items.insert_many([{"_id": i, "l": [i]} for i in range(20)])
    for _ in range(1500):
        change(rng.choice([shop.orders, stock.items]), rng)
    with first.start_session() as session, session.start_transaction():
        shop.orders.insert_one({"_id": "in a transaction"}, session=session)
        stock.items.update_one({"_id": 1}, {"$set": {"l": "too"}}, upsert=True, session=session)
    stock.items.rename("things")
    shop.create_collection("gone")
    shop.drop_collection("gone")
    shop.orders.drop_index("by_ab")
    shop.orders.create_index([("n", -1)], name="by_n")
    log = [entry for entry in first.local["oplog.rs"].find()
           if entry["ns"].split(".")[0] in ("shop", "stock") or "applyOps" in entry["o"]]
    assert any("diff" in entry["o"] for entry in log) and any("applyOps" in entry["o"] for entry in log)
    for at in range(0, len(log), 100):
        reply = apply(second, log[at:at + 100])
        assert reply["applied"] >= len(log[at:at + 100]) and all(reply["results"]), reply
    assert state(second) == state(first)
    assert ("stock", "things") in state(first)
    last = [entry for entry in log if entry["op"] == "u" and entry["ns"] == "shop.orders"
            and second.shop.orders.find_one(entry["o2"])][-50:]
    assert last and apply(second, last + last)["applied"] == 2 * len(last)


def test_stops_at_the_first_that_fails(client):
    client.shop.create_collection("c")
    ops = [{"op": "i", "ns": "shop.c", "o": {"_id": 1}}, {"op": "u", "ns": "shop.c", "o": {"$set": {"a": 1}}, "o2": {"_id": 9}},
           {"op": "i", "ns": "shop.c", "o": {"_id": 2}}]
    details = refused(8, lambda: apply(client, ops))
    assert details["applied"] == 2 and details["results"] == [True, False], details
    assert list(client.shop.c.find()) == [{"_id": 1}]
    assert apply(client, [{"op": "d", "ns": "shop.c", "o": {"_id": 5}}, {"op": "n", "ns": "", "o": {"msg": "x"}}])["applied"] == 1
    apply(client, [{"op": "u", "ns": "shop.c", "o": {"_id": 9, "a": 1}, "o2": {"_id": 9}, "b": True}])
    assert client.shop.c.find_one({"_id": 9}) == {"_id": 9, "a": 1}


def test_refused(client):
    """Before anything is written."""
    good = {"op": "i", "ns": "shop.c", "o": {"_id": "no"}}
    for code, bad in ((4, {"ns": "shop.c", "o": {"_id": 1}}), (2, {**good, "op": "x"}), (20, {**good, "ns": ""}),
                      (73, {**good, "ns": "shop."}), (40414, {"op": "i", "ns": "shop.c"}), (14, 1),
                      (2, {"op": "c", "ns": "shop.$cmd", "o": {"find": "c"}}),
                      (4, {"op": "c", "ns": "admin.$cmd", "o": {"applyOps": [{}]}})):
        refused(code, lambda bad=bad: apply(client, [good, bad]))
    refused(9, lambda: apply(client, [{"op": "u", "ns": "shop.c", "o": {"$v": 2, "diff": {"x": 1}}, "o2": {"_id": 1}}]))
    refused(13, lambda: client.shop.command({"applyOps": []}))
    refused(6711601, lambda: apply(client, [good], alwaysUpsert=True))
    assert client.shop.c.find_one({"_id": "no"}) is None


def main():
    exe = sys.argv[1]
    with Server(exe) as one, Server(exe) as two:
        test_replay(one.client(), two.client())
        test_stops_at_the_first_that_fails(two.client())
        test_refused(two.client())


if __name__ == "__main__":
    main()
