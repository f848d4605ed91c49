"""failing.py - what PyMongo does when a command fails: it tries reads and writes again, and says what it may not try."""

import os

import pymongo
from pymongo import errors, monitoring
from pymongo.read_concern import ReadConcern

URI = os.environ["LARGETABLE_URI"]
control = pymongo.MongoClient(URI, serverSelectionTimeoutMS=20000)


class Sent(monitoring.CommandListener):
    def __init__(self):
        self.commands, self.replies = [], []

    def started(self, event):
        self.commands.append((event.command_name, event.command))

    def succeeded(self, event):
        self.replies.append((event.command_name, event.reply))

    def failed(self, event):
        self.replies.append((event.command_name, event.failure))

    def named(self, name):
        return [command for command_name, command in self.commands if command_name == name]


def fail(mode, **data):
    control.admin.command("configureFailPoint", "failCommand", mode=mode, data=data)


def client(sent, **options):
    return pymongo.MongoClient(URI, serverSelectionTimeoutMS=20000, event_listeners=[sent], **options)


def reads_again():
    for how in ({"closeConnection": True}, {"errorCode": 10107}, {"errorCode": 11600}, {"errorCode": 89}):
        fail({"times": 1}, failCommands=["find", "aggregate"], **how)
        sent = Sent()
        with client(sent) as c:
            assert c.failing.c.find_one({"_id": "none"}) is None
        assert len(sent.named("find")) == 2, how


def writes_again():
    for how in ({"closeConnection": True}, {"errorCode": 10107}, {"errorCode": 189}):
        control.failing.c.delete_many({})
        fail({"times": 1}, failCommands=["findAndModify"], **how)
        sent = Sent()
        with client(sent) as c:
            c.failing.c.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
        first, second = sent.named("findAndModify")
        assert first["txnNumber"] == second["txnNumber"], how
        assert control.failing.c.find_one() == {"_id": 1, "n": 1}, how


def says_why():
    fail({"times": 1}, failCommands=["insert"], errorCode=10107, errorLabels=[])
    with client(Sent()) as c:
        try:
            c.failing.c.insert_one({})
        except errors.NotMasterError as error:
            assert error.details["code"] == 10107 and "topologyVersion" in error.details, error.details
        else:
            raise AssertionError("it was tried again")
    fail({"times": 1}, failCommands=["insert"], writeConcernError={"code": 64, "errmsg": "late", "errInfo": {"wtimeout": True}})
    with client(Sent()) as c:
        try:
            c.failing.c.insert_one({"_id": "late"})
        except errors.WTimeoutError as error:
            assert error.details["code"] == 64, error.details
        else:
            raise AssertionError("nobody heard of the write concern")
    assert control.failing.c.find_one({"_id": "late"})


def is_causal():
    sent = Sent()
    with client(sent) as c, c.start_session(causal_consistency=True) as session:
        collection = c.failing.get_collection("c", read_concern=ReadConcern("majority"))
        collection.insert_one({"_id": "causal"}, session=session)
        assert collection.find_one({"_id": "causal"}, session=session)
    written = dict(sent.replies)["insert"]["operationTime"]
    assert sent.named("find")[0]["readConcern"]["afterClusterTime"] == written
    assert dict(sent.replies)["find"]["operationTime"] >= written


for step in (reads_again, writes_again, says_why, is_causal):
    step()
    print("ok", step.__name__)
control.close()
