"""changing.py EXE - long commands while others drop, rename and kill what they work on.

Each case was once a crash, a wrong answer or an endless loop.
"""

import pathlib
import sys
import threading

import pymongo
from pymongo import errors

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import Connection, msg  # noqa: E402
from server import Server  # noqa: E402

ROUNDS = 12


def in_parallel(*calls):
    """Run the calls side by side; MongoDB's errors are fine, anything else is not."""
    problems = []

    def run(call):
        try:
            call()
        except errors.OperationFailure:
            pass
        except Exception as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems


def fill(c, count=1280, **fields):
    c.drop()
    c.insert_many([{"_id": i, "a": i, **fields} for i in range(count)])


def dropped_while_written(client, _):
    c = client.changing.written
    for i in range(ROUNDS):
        fill(c)
        again = c.drop if i % 2 else (lambda: (c.drop(), c.insert_many([{"_id": k, "new": 1} for k in range(200)])))
        in_parallel(lambda: c.update_many({}, {"$set": {"x": 1}}), again)
        in_parallel(lambda: c.delete_many({"a": {"$exists": True}}), again)
        for doc in c.find():
            assert "a" not in doc or "new" not in doc
        assert client.changing.command("count", "written")["n"] == sum(1 for _ in c.find())


def dropped_while_indexed(client, _):
    c = client.changing.indexed
    for i in range(ROUNDS):
        fill(c, 128 * (i % 3 + 1))
        other = [c.drop, lambda: c.rename("renamed", dropTarget=True), lambda: c.drop_index("a_1")][i % 3]
        in_parallel(lambda: c.create_index("a"), lambda: c.create_index([("a", -1)]), other)
        for name in ("indexed", "renamed"):
            got = client.changing[name]
            if name in client.changing.list_collection_names():
                total = sum(1 for _ in got.find())
                for index in got.index_information():
                    assert sum(1 for _ in got.find(hint=index)) == total, (name, index)


def killed_build(client, _):
    c = client.changing.killed
    fill(c, 20000)
    try:
        client.changing.command("createIndexes", "killed", indexes=[{"key": {"a": 1}, "name": "a_1"}], maxTimeMS=1)
    except errors.OperationFailure:
        assert list(c.index_information()) == ["_id_"]
    c.create_index("a")
    assert sum(1 for _ in c.find(hint="a_1")) == 20000


def unique_build_with_deletes(client, _):
    c = client.changing.unique
    for _ in range(ROUNDS // 2):
        fill(c, 2000)
        c.insert_one({"_id": 5000, "a": 1})
        in_parallel(lambda: c.create_index("a", unique=True), lambda: c.delete_one({"_id": 5000}))
        if "a_1" in c.index_information():
            assert c.count_documents({"a": 1}, hint="a_1") == 1
            try:
                c.insert_one({"_id": 6000, "a": 1})
                raise AssertionError("a second 1 was accepted")
            except errors.DuplicateKeyError:
                pass


def index_dropped_under_a_cursor(client, _):
    c = client.changing.cursor
    fill(c, 3000)
    c.create_index("a")
    cursor = c.find({"a": {"$gte": 0}}, batch_size=100, hint="a_1")
    next(cursor)
    c.drop_index("a_1")
    try:
        list(cursor)
        raise AssertionError("the cursor went on without its index")
    except errors.OperationFailure as error:
        assert error.code == 175, error


def job_queue(client, _):
    """Sorted findAndModify by many workers: every job is taken once, nobody goes without."""
    c = client.changing.jobs
    fill(c, 600, state="new")
    taken = []

    def work():
        for _ in range(60):
            job = c.find_one_and_update({"state": "new"}, {"$set": {"state": "taken"}}, sort=[("a", -1)])
            assert job is not None
            taken.append(job["_id"])

    in_parallel(*[work] * 10)
    assert sorted(taken) == list(range(600))


def large_updates(client, _):
    """More than a log entry holds, in one command."""
    c = client.changing.large
    c.drop()
    for i in range(140):
        c.insert_one({"_id": i, "pad": "x" * 600000})
    assert c.update_many({}, {"$set": {"x": 1}}).modified_count == 140
    assert c.delete_many({"x": 1}).deleted_count == 140


def large_arrays(client, _):
    c = client.changing.arrays
    c.drop()
    c.create_index("tags")
    c.insert_one({"_id": 1, "tags": list(range(20000))})
    assert c.update_one({"_id": 1}, {"$push": {"tags": -1}}).modified_count == 1
    try:
        c.insert_one({"_id": 2, "tags": list(range(200000))})
        raise AssertionError("too many keys were accepted")
    except errors.WriteError as error:
        assert error.code == 201, error
    assert c.count_documents({"tags": -1}) == 1


def endless_stream(client, port):
    """hello as a stream that never waits: the server goes on serving others."""
    with Connection(port) as c:
        version = c.run({"hello": 1, "$db": "admin"})["topologyVersion"]
        stale = dict(version, counter=version["counter"] + 1)
        for flags in (1 << 16, 1 << 16 | 2):
            c.send(msg({"hello": 1, "topologyVersion": stale, "maxAwaitTimeMS": 0, "$db": "admin"}, flags=flags))
            for _ in range(3):
                if flags == 1 << 16:
                    c.receive()
            for _ in range(8):
                with Connection(port) as other:
                    assert other.run({"ping": 1, "$db": "admin"})["ok"] == 1
            assert client.changing.jobs.count_documents({}) == 600


with Server(sys.argv[1]) as server:
    client = pymongo.MongoClient(server.uri)
    for case in (dropped_while_written, dropped_while_indexed, killed_build, unique_build_with_deletes,
                 index_dropped_under_a_cursor, job_queue, large_updates, large_arrays, endless_stream):
        case(client, server.port)
        print("ok", case.__name__, flush=True)
    client.close()
