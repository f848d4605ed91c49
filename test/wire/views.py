"""views.py EXE - views are read as collections are, by every command that reads, and never written."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402


def fill(database):
    database.orders.insert_many([{"_id": i, "who": f"w{i % 5}", "sum": i, "tags": [i % 3, i % 4]}
                                 for i in range(600)])
    database.orders.create_index("who")
    database.command("create", "large", viewOn="orders", pipeline=[{"$match": {"sum": {"$gte": 300}}}])
    database.command("create", "named", viewOn="large",
                     pipeline=[{"$project": {"name": "$who", "sum": 1, "tags": 1}}])


def test_reads(database):
    view = database.named
    expected = [{"_id": i, "name": f"w{i % 5}", "sum": i, "tags": [i % 3, i % 4]}
                for i in range(300, 600)]
    assert list(view.find().sort("_id", 1)) == expected
    assert list(view.find({"name": "w2"}, batch_size=7).sort("_id", 1)) == expected[2::5]
    assert list(view.find({"sum": {"$lt": 310}}, {"name": 1, "_id": 0}).sort("sum", -1).skip(2).limit(3)) == [
        {"name": f"w{i % 5}"} for i in (307, 306, 305)]
    assert view.find_one({"_id": 5}) is None and view.find_one({"_id": 305}) == expected[5]
    assert database.command("count", "named")["n"] == 300
    assert database.command("count", "named", query={"name": "w1"}, skip=10, limit=20)["n"] == 20
    assert view.count_documents({"name": "w1"}) == 60
    assert sorted(view.distinct("name")) == [f"w{i}" for i in range(5)]
    assert sorted(view.distinct("tags", {"sum": {"$gt": 595}})) == [0, 1, 2, 3]
    total = list(view.aggregate([{"$group": {"_id": None, "s": {"$sum": "$sum"}}}]))
    assert total == [{"_id": None, "s": sum(range(300, 600))}]
    cursor = view.find(batch_size=2)
    next(cursor)
    assert cursor.cursor_id != 0 and len(list(cursor)) == 299
    plan = database.command("explain", {"find": "named", "filter": {"sum": 305}})
    assert plan["ok"] == 1 and "orders" in str(plan), plan
    assert list(database.nothing_view.find()) == []


def test_joins(database):
    joined = list(database.orders.aggregate([
        {"$match": {"_id": {"$in": [1, 2]}}},
        {"$lookup": {"from": "named", "localField": "who", "foreignField": "name", "as": "same"}},
        {"$project": {"n": {"$size": "$same"}}}, {"$sort": {"_id": 1}}]))
    assert joined == [{"_id": 1, "n": 60}, {"_id": 2, "n": 60}], joined
    piped = list(database.orders.aggregate([
        {"$match": {"_id": 301}},
        {"$lookup": {"from": "named", "let": {"w": "$who"}, "as": "same", "pipeline": [
            {"$match": {"$expr": {"$and": [{"$eq": ["$name", "$$w"]}, {"$lt": ["$sum", 320]}]}}},
            {"$count": "n"}]}}]))
    assert piped[0]["same"] == [{"n": 4}], piped
    both = list(database.large.aggregate([{"$unionWith": "named"}, {"$count": "n"}]))
    assert both == [{"n": 600}], both


def test_refused(database):
    refused(166, lambda: database.named.insert_one({"_id": 1}))
    refused(166, lambda: database.named.update_one({}, {"$set": {"a": 1}}))
    refused(166, lambda: database.named.delete_one({}))
    refused(166, lambda: database.named.find_one_and_delete({}))
    refused(166, lambda: database.named.create_index("a"))
    refused(166, lambda: database.named.drop_index("a_1"))
    refused(166, lambda: list(database.named.list_indexes()))
    refused(166, lambda: database.named.rename("other"))
    refused(166, lambda: database.command("collStats", "named"))
    refused(48, lambda: database.command("create", "named", viewOn="orders", pipeline=[]))
    refused(5, lambda: database.command("collMod", "large", viewOn="named", pipeline=[]))
    refused(72, lambda: database.command("collMod", "orders", viewOn="named", pipeline=[]))
    refused(40324, lambda: database.command("create", "bad", viewOn="orders", pipeline=[{"$nonsense": 1}]))
    assert database.command("create", "named", viewOn="large",
                            pipeline=[{"$project": {"name": "$who", "sum": 1, "tags": 1}}])["ok"] == 1


def test_lifetime(server, database):
    listed = {info["name"]: info for info in database.list_collections()}
    assert listed["large"]["type"] == "view" and listed["large"]["info"] == {"readOnly": True}
    assert listed["large"]["options"] == {"viewOn": "orders", "pipeline": [{"$match": {"sum": {"$gte": 300}}}]}
    assert "idIndex" not in listed["large"]
    database.command("collMod", "large", viewOn="orders", pipeline=[{"$match": {"sum": {"$gte": 599}}}])
    assert [doc["_id"] for doc in database.named.find()] == [599]
    server.kill()
    server.start()
    database = server.client().views
    assert [doc["_id"] for doc in database.named.find()] == [599]
    database.drop_collection("orders")
    assert list(database.named.find()) == [] and database.command("count", "named")["n"] == 0
    database.orders.insert_one({"_id": 1000, "sum": 1000, "who": "back"})
    assert database.named.find_one()["name"] == "back"
    database.drop_collection("large")
    assert database.named.count_documents({}) == 0
    assert "large" not in database.list_collection_names()
    server.client().drop_database("views")
    assert server.client().views.list_collection_names() == []


def test_rights(exe):
    """Nobody makes a view in order to read what he may not."""
    with Server(exe, "--auth") as server:
        root = server.client()
        root.admin.command("createUser", "root", pwd="r", roles=["root"])
        root = server.client(username="root", password="r")
        own = [{"resource": {"db": "shop", "collection": name},
                "actions": ["find", "createCollection", "collMod"]} for name in ("mine", "view", "joined")]
        root.shop.command("createRole", "maker", privileges=own, roles=[])
        root.shop.command("createUser", "ada", pwd="a", roles=["maker"])
        root.shop.secret.insert_one({"_id": 1})
        ada = server.client(username="ada", password="a", authSource="shop").shop
        refused(13, lambda: ada.command("create", "view", viewOn="secret", pipeline=[]))
        refused(13, lambda: ada.command("create", "view", viewOn="mine", pipeline=[
            {"$lookup": {"from": "secret", "pipeline": [], "as": "x"}}]))
        ada.command("create", "view", viewOn="mine", pipeline=[])
        refused(13, lambda: ada.command("collMod", "view", viewOn="secret", pipeline=[]))
        root.shop.command("create", "joined", viewOn="secret", pipeline=[])
        assert list(ada.joined.find()) == [{"_id": 1}]  # the view itself may be read by whom it is shown to
        refused(13, lambda: list(ada.secret.find()))


def main():
    test_rights(sys.argv[1])
    with Server(sys.argv[1]) as server:
        database = server.client().views
        database.command("create", "nothing_view", viewOn="nothing", pipeline=[])
        fill(database)
        test_reads(database)
        test_joins(database)
        test_refused(database)
        test_lifetime(server, database)


if __name__ == "__main__":
    main()
