"""index_filters.py EXE - an operator says which indexes queries of one shape may use."""

import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "lib")]
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402


def used(db, query, **options):
    """The index that a find uses, None for a scan; and whether a filter said so."""
    planner = db.command("explain", {"find": "c", "filter": query, **options},
                         verbosity="queryPlanner")["queryPlanner"]
    stage = planner["winningPlan"]
    while "inputStage" in stage:
        stage = stage["inputStage"]
    return stage.get("indexName"), planner["indexFilterSet"]


def main():
    with Server(sys.argv[1]) as server:
        db = server.client().filters
        db.c.insert_many([{"_id": i, "a": i, "b": i % 3} for i in range(30)])
        db.c.create_index("a")
        db.c.create_index("b")
        db.c.create_index([("b", 1), ("a", 1)], name="both")
        assert used(db, {"a": 5}) == ("a_1", False)
        db.command("planCacheSetFilter", "c", query={"a": 1, "b": 1}, indexes=["b_1", {"none": 1}])
        assert used(db, {"b": 2, "a": 5}) == ("b_1", True)
        assert used(db, {"a": 5, "b": 2}, hint="both") == ("b_1", True)
        assert used(db, {"a": 5, "b": {"$gt": 2}})[1] is False
        assert used(db, {"a": 5, "b": 2}, sort={"a": 1})[1] is False
        assert used(db, {"a": 5}) == ("a_1", False)
        assert [doc["_id"] for doc in db.c.find({"a": 5, "b": 2})] == [5]
        assert db.c.update_many({"a": 5, "b": 2}, {"$set": {"x": 1}}).modified_count == 1
        db.command("planCacheSetFilter", "c", query={"a": 9}, sort={"b": 1}, projection={"a": 1}, indexes=[{"c": 1}])
        assert used(db, {"a": 1}, sort={"b": 1}, projection={"a": 1}) == (None, True)
        filters = db.command("planCacheListFilters", "c")["filters"]
        assert [(each["query"], each["sort"], each["projection"]) for each in filters] == [
            ({"a": 1, "b": 1}, {}, {}), ({"a": 9}, {"b": 1}, {"a": 1})], filters
        refused(2, lambda: db.command("planCacheClearFilters", "c", sort={"b": 1}))
        db.command("planCacheClearFilters", "c", query={"b": 7, "a": 7})
        assert used(db, {"b": 2, "a": 5})[1] is False
        assert len(db.command("planCacheListFilters", "c")["filters"]) == 1
        db.command("planCacheClearFilters", "c")
        assert db.command("planCacheListFilters", "c")["filters"] == []
        db.command("planCacheSetFilter", "c", query={"a": 1}, indexes=["b_1"])
        db.c.drop()
        db.c.insert_one({"a": 1})
        assert db.command("planCacheListFilters", "c")["filters"] == []


main()
