"""cluster_params.py EXE - cluster parameters: what they do, that they survive a restart, what is no value of theirs."""

import pathlib
import sys
import time

from pymongo.errors import OperationFailure

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from refusal import refused  # noqa: E402
from server import Server  # noqa: E402

IMAGES = "changeStreamOptions"
READS = "defaultMaxTimeMS"


def get(client, name):
    (found,) = client.admin.command("getClusterParameter", name)["clusterParameters"]
    return found


def put(client, name, value):
    client.admin.command("setClusterParameter", {name: value})


def test_forms(client):
    assert get(client, IMAGES) == {"_id": IMAGES, "preAndPostImages": {"expireAfterSeconds": "off"}}
    assert get(client, READS) == {"_id": READS, "readOperations": 0}
    every = client.admin.command("getClusterParameter", "*")["clusterParameters"]
    assert [row["_id"] for row in every] == [
        IMAGES, "changeStreams", READS, "fleDisableSubstringPreviewParameterLimits"]
    some = client.admin.command("getClusterParameter", [READS, IMAGES])["clusterParameters"]
    assert [row["_id"] for row in some] == [READS, IMAGES]
    for code, name in ((4, "none"), (14, 1), (2, []), (4, ["none"])):
        refused(code, lambda name=name: client.admin.command("getClusterParameter", name))


def test_refused(client):
    for code, given in ((4, {}), (4, {"none": 1}), (72, {READS: {"readOperations": 1}, IMAGES: {}}), (2, {READS: 1}),
                        (2, {READS: {}}), (2, {READS: {"readOperations": -1}}), (2, {READS: {"readOperations": 1.5}}),
                        (2, {READS: {"readOperations": 1, "x": 1}}), (52, {READS: {"$x": 1}}),
                        (2, {IMAGES: {"preAndPostImages": {"expireAfterSeconds": 0}}}),
                        (238, {"changeStreams": {"expireAfterSeconds": 5}})):
        refused(code, lambda given=given: client.admin.command("setClusterParameter", given))
    refused(13, lambda: client.db.command("setClusterParameter", {READS: {"readOperations": 1}}))


def test_reads(client):
    """A read that says nothing of its time ends in the one that is set; others keep their own."""
    numbers = client.db.numbers
    numbers.insert_many([{"_id": i, "list": list(range(50))} for i in range(300)])
    slow = [{"$unwind": "$list"}, {"$lookup": {"from": "numbers", "pipeline": [{"$unwind": "$list"}, {"$count": "n"}],
                                               "as": "x"}}, {"$count": "n"}]
    put(client, READS, {"readOperations": 20})
    refused(50, lambda: list(numbers.aggregate(slow)))
    assert len(list(numbers.find().max_time_ms(600000))) == 300
    started = time.monotonic()
    try:
        list(numbers.aggregate(slow, maxTimeMS=300))
    except OperationFailure as error:
        assert error.code == 50 and time.monotonic() - started >= 0.3, error
    numbers.update_many({}, {"$set": {"a": 1}})  # no read


def test_images(client):
    """A document before a change is told for so long."""
    db = client.db
    db.create_collection("kept", changeStreamPreAndPostImages={"enabled": True})
    db.kept.insert_one({"_id": 1, "a": 1})
    began = client.admin.command("ping")["operationTime"]
    db.kept.update_one({"_id": 1}, {"$set": {"a": 2}})

    def before():
        stream = {"fullDocumentBeforeChange": "whenAvailable", "startAtOperationTime": began}
        with db.kept.aggregate([{"$changeStream": stream}, {"$match": {"operationType": "update"}}]) as events:
            return next(events)["fullDocumentBeforeChange"]

    assert before() == {"_id": 1, "a": 1}
    put(client, IMAGES, {"preAndPostImages": {"expireAfterSeconds": 1}})
    until = time.monotonic() + 60
    while before() is not None:
        assert time.monotonic() < until
        db.clock.insert_one({})
    put(client, IMAGES, {"preAndPostImages": {"expireAfterSeconds": "off"}})
    assert before() == {"_id": 1, "a": 1}


def main():
    with Server(sys.argv[1]) as server:
        client = server.client()
        test_forms(client)
        test_refused(client)
        test_reads(client)
        test_images(client)
        put(client, IMAGES, {"preAndPostImages": {"expireAfterSeconds": 7200}})
        server.stop()
        server.start()
        client = server.client()
        assert get(client, READS)["readOperations"] == 20
        found = get(client, IMAGES)
        assert found["preAndPostImages"]["expireAfterSeconds"] == 7200 and found["clusterParameterTime"].time > 0


if __name__ == "__main__":
    main()
