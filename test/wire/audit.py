"""audit.py EXE - the audit log: what is told, what is not, filters, and rotation."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from pymongo.errors import OperationFailure

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from raw import Connection  # noqa: E402
from server import Server  # noqa: E402

SECRET = "Zu!Geheim-7"


def quietly(run):
    try:
        run()
    except OperationFailure:
        pass


def read(path):
    lines = pathlib.Path(path).read_text().splitlines()
    return [json.loads(line) for line in lines]


def audited(server, *options):
    server.options += ["--auth", "--auditDestination", "file", "--auditPath", server.path("audit"),
                       *options]
    server.stop()
    server.start()
    return server.path("audit")


def work(server):
    """A day of an administrator, and of somebody who tries the doors."""
    nobody = server.client()
    nobody.admin.command("createUser", "root", pwd=SECRET, roles=["root"])
    quietly(lambda: nobody.shop.c.find_one())
    quietly(lambda: server.client(username="root", password="wrong").shop.c.find_one())
    root = server.client(username="root", password=SECRET)
    root.shop.create_collection("c")
    root.shop.c.create_index("a")
    root.shop.c.drop_index("a_1")
    root.shop.command("createRole", "r", roles=["read"], privileges=[])
    root.shop.command("createUser", "ada", pwd=SECRET, roles=["r"])
    quietly(lambda: root.shop.command("createUser", "ada", pwd=SECRET, roles=["r"]))
    ada = server.client(username="ada", password=SECRET, authSource="shop")
    quietly(lambda: ada.shop.c.insert_one({}))
    root.shop.command("updateUser", "ada", pwd=SECRET + "2")
    root.admin.system.users.update_one({"_id": "shop.ada"}, {"$set": {"roles": []}})
    root.shop.c.find_one()
    root.shop.c.insert_one({})
    root.shop.drop_collection("c")
    root.drop_database("shop")
    root.shop.made.insert_many([{}, {}])
    with Connection(server.port) as connection:
        connection.run({"saslStart": 1, "mechanism": "SCRAM-SHA-1", "$db": "admin",
                        "payload": b'n,,n=x\n{"atype":"forged"},r=x'})
        connection.run({"saslContinue": 1, "conversationId": 1, "payload": b"", "$db": "admin"})


def main():
    with Server(sys.argv[1]) as server:
        path = audited(server)
        work(server)
        events = read(path)
        told = [(event["atype"], event["result"]) for event in events
                if event["atype"] not in ("authenticate",)]
        assert told == [
            ("startup", 0), ("createCollection", 0), ("createUser", 0), ("authCheck", 13),
            ("createCollection", 0), ("createIndex", 0), ("dropIndex", 0), ("createCollection", 0),
            ("createRole", 0), ("createUser", 0), ("createUser", 51003),
            ("authCheck", 13), ("updateUser", 0), ("directAuthMutation", 0), ("dropCollection", 0),
            ("dropDatabase", 0), ("createCollection", 0)], told
        start = events[0]
        assert start["remote"] == {"isSystemUser": True} and start["users"] == [], start
        assert start["param"]["startupOptions"]["auditLog"]["destination"] == "file", start
        made = [event["param"].get("ns") for event in events if event["atype"] == "createCollection"]
        assert made == ["admin.system.users", "shop.c", "admin.system.roles", "shop.made"], made
        logins = {(event["param"]["user"], event["result"]) for event in events
                  if event["atype"] == "authenticate"}
        assert logins == {("root", 18), ("root", 0), ("ada", 0),
                          ('x\n{"atype":"forged"}', 18)}, logins
        assert SECRET not in pathlib.Path(path).read_text()
        made = next(event for event in events if event["atype"] == "createRole")
        assert made["users"] == [{"user": "root", "db": "admin"}]
        assert {"role": "root", "db": "admin"} in made["roles"]
        assert made["remote"]["ip"] == "127.0.0.1" and made["remote"]["port"] > 0
        assert made["param"]["args"]["createRole"] == "r" and "$date" in made["ts"]
        assert os.stat(path).st_mode & 0o77 == 0

        os.rename(path, path + ".1")
        server.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 20
        while not os.path.exists(path):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        root = server.client(username="root", password=SECRET)
        root.shop.create_collection("d")
        assert read(path)[-1]["atype"] == "createCollection"
        root.close()

    only = '{"atype": {"$in": ["createUser", "authCheck"]}, "result": {"$ne": 51003}}'
    with Server(sys.argv[1]) as server:
        path = audited(server, "--auditFilter", only)
        work(server)
        assert [event["atype"] for event in read(path)] == [
            "createUser", "authCheck", "createUser", "authCheck"]

    with Server(sys.argv[1], "--auth", "--auditDestination", "console") as server:
        work(server)
        server.stop()
        assert any(json.loads(line)["atype"] == "dropDatabase"
                   for line in server.output().splitlines())
        for options in (["--auditDestination", "file"], ["--auditPath", "x"],
                        ["--auditDestination", "file", "--auditPath", "/nowhere/x"],
                        ["--auditDestination", "console", "--auditFilter", "{"],
                        ["--auditDestination", "console", "--auditFilter", '{"a": {"$no": 1}}']):
            done = subprocess.run([server.exe, "serve", "--dbpath", server.path("x"), "--port", "0",
                                   *options], capture_output=True, text=True, timeout=60)
            assert done.returncode in (1, 2) and "auditLog" in done.stderr, (options, done.stderr)
        server.start()


main()
