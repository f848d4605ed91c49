"""login.py EXE - logins: the first user, guesses, what is said of them, and what rights follow.

The throttle's times are its unit test's; here it is seen that guesses wait, also in parallel, and that
others do not wait for them.
"""

import base64
import hashlib
import hmac
import os
import pathlib
import struct
import subprocess
import sys
import threading
import time
import uuid

import bson
from pymongo.errors import OperationFailure

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
import raw  # noqa: E402
from raw import Connection  # noqa: E402
from server import Server  # noqa: E402

SECRET = "Zu!Geheim-7"


def code(run):
    """The error code of what is run; 0 without one."""
    try:
        run()
    except OperationFailure as error:
        return error.code
    return 0


def user(server, name, password=SECRET, source="admin", **options):
    return server.client(username=name, password=password, authSource=source, **options)


def guess(connection, name, password, db="admin"):
    """One login by hand: the final reply."""
    nonce = base64.b64encode(os.urandom(18)).decode()
    bare = f"n={name},r={nonce}"
    first = connection.run({"saslStart": 1, "mechanism": "SCRAM-SHA-256",
                            "payload": ("n,," + bare).encode(), "$db": db,
                            "options": {"skipEmptyExchange": True}})
    if not first["ok"]:
        return first
    challenge = first["payload"].decode()
    parts = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["s"]),
                                 int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    final = f"c=biws,r={parts['r']}"
    signature = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{challenge},{final}".encode(),
                            "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature))
    return connection.run({"saslContinue": 1, "conversationId": first["conversationId"], "$db": db,
                           "payload": f"{final},p={base64.b64encode(proof).decode()}".encode()})


def first_user(server):
    nobody = server.client()
    for run in (lambda: nobody.shop.command("createUser", "x", pwd="x", roles=[]),
                lambda: nobody.admin.command("createRole", "x", privileges=[], roles=[]),
                lambda: nobody.admin.command("usersInfo", 1),
                lambda: nobody.admin.system.users.find_one(),
                lambda: nobody.admin.system.users.insert_one({}),
                lambda: nobody.admin.command("grantRolesToUser", "x", roles=["root"])):
        assert code(run) == 13
    nobody.admin.command("createUser", "root", pwd=SECRET, roles=["root"])
    assert code(lambda: nobody.admin.command("createUser", "b", pwd="b", roles=["root"])) == 13
    nobody.close()


def mechanisms(root, server):
    root.shop.command("createUser", "new", pwd=SECRET, roles=["read"], mechanisms=["SCRAM-SHA-256"])
    root.shop.command("createUser", "old", pwd=SECRET, roles=["read"], mechanisms=["SCRAM-SHA-1"])
    root.shop.command("createUser", "sorte=1,zwei", pwd="gr\u00fc\u00dfe\u00ad", roles=["read"])
    with Connection(server.port) as connection:
        def supported(name):
            return connection.run({"hello": 1, "saslSupportedMechs": name,
                                   "$db": "admin"})["saslSupportedMechs"]

        assert supported("shop.new") == ["SCRAM-SHA-256"]
        assert supported("shop.old") == ["SCRAM-SHA-1"]
        assert supported("admin.root") == supported("admin.nobody") == ["SCRAM-SHA-1",
                                                                       "SCRAM-SHA-256"]
    for name, mechanism, allowed in (("new", "SCRAM-SHA-256", 0), ("new", "SCRAM-SHA-1", 18),
                                     ("old", "SCRAM-SHA-1", 0), ("old", "SCRAM-SHA-256", 18)):
        client = user(server, name, source="shop", authMechanism=mechanism)
        assert code(lambda: client.shop.c.find_one()) == allowed, (name, mechanism)
        client.close()
    odd = user(server, "sorte=1,zwei", "gr\u00fc\u00dfe", source="shop")  # the soft hyphen is nothing
    odd.shop.c.find_one()
    odd.close()


def conversations(server):
    """Messages out of order, of others and of nobody."""
    with Connection(server.port) as connection:
        def run(document):
            return connection.run({**document, "$db": "admin"})

        assert run({"saslContinue": 1, "conversationId": 1, "payload": b"x"})["code"] == 17
        assert run({"saslStart": 1, "mechanism": "PLAIN", "payload": b""})["code"] == 334
        assert run({"saslStart": 1, "mechanism": "SCRAM-SHA-1", "payload": 1})["code"] == 14
        assert run({"saslStart": 1, "mechanism": "SCRAM-SHA-1", "payload": b"n"})["code"] == 17
        assert run({"saslStart": 1, "payload": b"n"})["code"] == 40414
        start = {"saslStart": 1, "mechanism": "SCRAM-SHA-1", "payload": b"n,,n=root,r=x"}
        assert run(start)["ok"] == 1
        assert run({"saslContinue": 1, "conversationId": 2, "payload": b"x"})["code"] == 17
        assert run({"saslContinue": 1, "conversationId": 1, "payload": b"x"})["code"] == 17  # it ended
        assert run(start)["ok"] == 1
        assert run({"saslContinue": 1, "conversationId": 1, "payload": b"c=biws,r=x,p=eA=="})["code"] == 18
        assert guess(connection, "root", SECRET)["done"] is True
        assert run({"listDatabases": 1})["ok"] == 1
        assert guess(connection, "root", SECRET)["done"] is True  # the same user again
        assert guess(connection, "new", SECRET, db="shop")["code"] == 17
        assert run({"logout": 1})["ok"] == 1
        assert run({"listDatabases": 1})["code"] == 13
        assert guess(connection, "new", SECRET, db="shop")["done"] is True


def speculation(server):
    with Connection(server.port) as connection:
        hello = {"hello": 1, "$db": "admin"}
        begin = {"saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": b"n,,n=root,r=x", "db": "admin"}
        reply = connection.run({**hello, "speculativeAuthenticate": begin})
        assert reply["speculativeAuthenticate"]["done"] is False
        for change in ({"mechanism": "PLAIN"}, {"payload": b"?"}, {"db": "a.b"}, {"db": 1}):
            reply = connection.run({**hello, "speculativeAuthenticate": {**begin, **change}})
            assert reply["ok"] == 1 and "speculativeAuthenticate" not in reply
        reply = connection.run({**hello, "speculativeAuthenticate": {"authenticate": 1}})
        assert reply["ok"] == 1 and "speculativeAuthenticate" not in reply


def strangers(server):
    """Who has not logged in cannot make the server hold much."""
    with Connection(server.port) as connection:
        document = {"ping": 1, "$db": "admin", "comment": "x" * 60000}
        assert connection.run(document)["ok"] == 1
        connection.send(struct.pack("<iiii", 48000000, 1, 0, 2013))
        assert connection.reply() is None
    with Connection(server.port) as connection:
        guess(connection, "root", SECRET)
        assert connection.run({"ping": 1, "$db": "admin", "comment": "x" * 1000000})["ok"] == 1


def unknown_users(server):
    """A name that is not there cannot be told from one that is."""
    def challenge(name, mechanism):
        with Connection(server.port) as connection:
            reply = connection.run({"saslStart": 1, "mechanism": mechanism, "$db": "admin",
                                    "payload": f"n,,n={name},r=x".encode()})
            return reply["payload"].decode().split(",")[1:]

    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
        there, missing = challenge("root", mechanism), challenge("ghost", mechanism)
        assert [len(part) for part in there] == [len(part) for part in missing]
        assert there[1] == missing[1] and challenge("ghost", mechanism) == missing
        assert challenge("ghost2", mechanism) != missing
    with Connection(server.port) as connection:
        wrong, ghost = guess(connection, "root", "x"), guess(connection, "ghost", "x")
        wrong.pop("$clusterTime"), ghost.pop("$clusterTime")
        wrong.pop("operationTime"), ghost.pop("operationTime")
        assert wrong == ghost, (wrong, ghost)


def brute_force(server, root):
    """Eight connections guess for some seconds: few of their guesses are looked at."""
    root.admin.command("createUser", "target", pwd="1234", roles=[], mechanisms=["SCRAM-SHA-256"])
    until = time.monotonic() + 4
    tried = []

    def attack():
        number = 0
        with Connection(server.port, timeout=60) as connection:
            while time.monotonic() < until:
                number += 1
                reply = guess(connection, "target", f"{number:06}")
                tried.append(reply["code"])

    threads = [threading.Thread(target=attack) for _ in range(8)]
    for thread in threads:
        thread.start()
    other = user(server, "new", source="shop")
    other.shop.c.find_one()
    other.close()
    for thread in threads:
        thread.join()
    assert set(tried) == {18}
    assert len(tried) < 60, f"{len(tried)} guesses in a few seconds"


def secrets(server, root):
    """Passwords are in no list of operations, no message and no log."""
    seen = []
    done = threading.Event()

    def watch():
        while not done.is_set():
            seen.append(str(root.admin.command("currentOp")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    writer = user(server, "root")
    for i in range(10):
        writer.shop.command("createUser", f"s{i}", pwd=SECRET + "x", roles=[])
    reader = user(server, "new", source="shop")
    try:
        reader.shop.command("createUser", "t", pwd=SECRET + "x", roles=[])
        raise AssertionError("a reader made a user")
    except OperationFailure as error:
        assert SECRET not in str(error) and 'pwd: "xxx"' in str(error), error
    done.set()
    watcher.join()
    assert not any(SECRET in text for text in seen)
    for log in ("global", "startupWarnings"):
        assert SECRET not in str(root.admin.command("getLog", log))
    command_line = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    assert SECRET.encode() not in command_line
    writer.close()
    reader.close()


def injection(server):
    """A name cannot write a line of its own into the log."""
    forged = "x\n2026-01-01T00:00:00.000Z INFO  security 127.0.0.1:1: login as root@admin succeeded"
    with Connection(server.port) as connection:
        guess(connection, forged.replace(",", "=2C"), "x")


def changes(server, root):
    """Rights follow what is acknowledged, in connections that are open, and of cursors."""
    shop = root.shop
    shop.c.insert_many([{"_id": i} for i in range(1000)])
    root.admin.command("createRole", "inner", roles=[], privileges=[
        {"resource": {"db": "shop", "collection": "c"}, "actions": ["find"]}])
    root.admin.command("createRole", "outer", roles=["inner"], privileges=[])
    shop.command("createUser", "amy", pwd=SECRET, roles=[{"role": "outer", "db": "admin"}])
    amy = user(server, "amy", source="shop")
    assert amy.shop.c.find_one() == {"_id": 0}
    assert amy.list_database_names() == ["shop"]
    names = amy.shop.command("listCollections", nameOnly=True, authorizedCollections=True)
    assert [one["name"] for one in names["cursor"]["firstBatch"]] == ["c"]
    cursor = amy.shop.c.find(batch_size=2)
    next(cursor)
    stolen = {"getMore": bson.Int64(cursor.cursor_id), "collection": "c"}
    assert code(lambda: shop.command(stolen)) == 13
    assert code(lambda: user(server, "new", source="shop").shop.command(
        "killCursors", "c", cursors=[bson.Int64(cursor.cursor_id)])) == 13
    root.admin.command("revokePrivilegesFromRole", "inner", privileges=[
        {"resource": {"db": "shop", "collection": "c"}, "actions": ["find"]}])
    assert code(lambda: amy.shop.c.find_one()) == 13
    assert code(lambda: list(cursor)) == 13
    root.admin.command("grantRolesToRole", "outer", roles=[{"role": "read", "db": "shop"}])
    assert amy.shop.c.find_one() == {"_id": 0}
    assert code(lambda: root.admin.command("grantRolesToRole", "inner", roles=["outer"])) == 128
    root.admin.command("dropRole", "outer")
    assert code(lambda: amy.shop.c.find_one()) == 13
    assert shop.command("usersInfo", "amy")["users"][0]["roles"] == []
    shop.command("grantRolesToUser", "amy", roles=["readWrite"])
    amy.shop.c.insert_one({"_id": -1})
    root.admin.system.users.update_one({"_id": "shop.amy"}, {"$set": {"roles": []}})
    assert code(lambda: amy.shop.c.find_one()) == 13
    shop.command("dropUser", "amy")
    shop.command("createUser", "amy", pwd=SECRET, roles=["read"])
    assert code(lambda: amy.shop.c.find_one()) == 13  # another user of that name
    amy.close()


def pipelines(server, root):
    """Wherever a pipeline names a collection, rights on it are asked for."""
    shop = root.shop
    shop.secret.insert_one({"s": 1})
    root.admin.command("createRole", "c_only", roles=[], privileges=[
        {"resource": {"db": "shop", "collection": "c"}, "actions": ["find"]}])
    shop.command("createUser", "pip", pwd=SECRET, roles=[{"role": "c_only", "db": "admin"}])
    lookup = {"$lookup": {"from": "secret", "pipeline": [], "as": "x"}}
    inside = {"$lookup": {"from": "c", "pipeline": [lookup], "as": "x"}}
    graph = {"$graphLookup": {"from": "secret", "startWith": "$_id", "connectFromField": "a",
                              "connectToField": "b", "as": "x"}}
    refused = [[lookup], [inside], [{"$facet": {"f": [lookup]}}], [{"$facet": {"a": [], "f": [inside]}}],
               [{"$unionWith": "secret"}], [{"$unionWith": {"coll": "secret"}}],
               [{"$unionWith": {"coll": "c", "pipeline": [{"$unionWith": "secret"}]}}],
               [{"$match": {}}, {"$unionWith": {"coll": "c", "pipeline": [graph]}}], [graph],
               [{"$out": "c"}], [{"$out": {"db": "other", "coll": "c"}}], [{"$merge": "c"}],
               [{"$merge": {"into": {"db": "shop", "coll": "secret"}}}],
               [{"$lookup": {"from": {"db": "admin", "coll": "system.users"}, "pipeline": [], "as": "x"}}],
               [{"$unionWith": {"coll": "c", "pipeline": [{"$collStats": {"count": {}}}]}}],
               [{"$collStats": {"count": {}}}], [{"$indexStats": {}}], [{"$changeStream": {}}]]
    with Connection(server.port) as connection:
        assert guess(connection, "pip", SECRET, db="shop")["done"]

        def run(document):
            return connection.run({**document, "$db": "shop"}).get("code", 0)

        for stages in refused:
            command = {"aggregate": "c", "pipeline": stages, "cursor": {}}
            assert run(command) == 13, stages
            assert run({"explain": command}) == 13, stages
            assert run({"explain": {**command, "explain": True}}) == 13, stages
        assert run({"aggregate": "c", "pipeline": [{"$facet": {"a": [{"$limit": 1}]}}], "cursor": {}}) == 0
        assert run({"aggregate": "secret", "pipeline": [], "cursor": {}}) == 13
        assert run({"aggregate": 1, "pipeline": [{"$changeStream": {}}], "cursor": {}}) == 13
        for read in ({"find": "secret"}, {"count": "secret"}, {"distinct": "secret", "key": "s"}):
            assert run(read) == 13 and run({"explain": read}) == 13
        # a field twice, of which the parser may take either
        for twice in ({"from": "secret", "frox": "c"}, {"from": "c", "frox": "secret"}):
            spec = {**twice, "pipeline": [], "as": "x"}
            message = raw.msg({"aggregate": "c", "pipeline": [{"$lookup": spec}], "cursor": {},
                               "$db": "shop"})
            connection.send(message.replace(b"frox", b"from"))
            assert connection.reply()["code"] == 13, twice


def own_account(server, root):
    root.admin.command("createRole", "own", roles=[], privileges=[
        {"resource": {"db": "shop", "collection": ""},
         "actions": ["changeOwnPassword", "changeOwnCustomData"]}])
    root.shop.command("createUser", "eve", pwd=SECRET, roles=[{"role": "own", "db": "admin"}])
    eve = user(server, "eve", source="shop")
    eve.shop.command("updateUser", "eve", pwd="other", customData={"a": 1})
    assert code(lambda: eve.shop.command("updateUser", "new", pwd="other")) == 13
    assert code(lambda: eve.shop.command("updateUser", "eve", roles=["root"])) == 13
    assert eve.shop.command("usersInfo", "eve")["users"][0]["customData"] == {"a": 1}
    assert code(lambda: eve.shop.command("usersInfo", "new")) == 13
    assert code(lambda: user(server, "eve", source="shop").shop.command("ping")) == 18
    user(server, "eve", "other", source="shop").shop.command("ping")
    eve.close()


def kills(server, root):
    """Who kills sessions by user or role ends those of these users, and nobody else's."""
    root.kills.c.insert_many([{"_id": i} for i in range(9)])
    root.kills.command("createRole", "looks", privileges=[], roles=["read"])
    root.kills.command("createRole", "stares", privileges=[], roles=["looks"])
    root.kills.command("createUser", "ann", pwd=SECRET, roles=["stares"])
    root.kills.command("createUser", "bob", pwd=SECRET, roles=["readWrite"])
    clients = {name: user(server, name, source="kills") for name in ("ann", "bob")}
    sessions = {name: client.start_session() for name, client in clients.items()}
    ann, bob = ({"user": name, "db": "kills"} for name in clients)
    lsid, nobody = sessions["ann"].session_id, {"user": "zoe", "db": "kills"}

    def killed(run):
        cursors = {name: client.kills.c.find(batch_size=2, session=sessions[name])
                   for name, client in clients.items()}
        for cursor in cursors.values():
            next(cursor)
        run()
        return [name for name, cursor in cursors.items() if code(lambda: list(cursor)) == 43]

    def patterns(*given):
        return killed(lambda: root.admin.command("killAllSessionsByPattern", given))

    for users, ended in ([ann], ["ann"]), ([ann, bob], ["ann", "bob"]), ([nobody], []), ([], ["ann", "bob"]):
        assert killed(lambda: root.admin.command("killAllSessions", users)) == ended, users
    for role, ended in ("stares", ["ann"]), ("read", ["ann"]), ("readWrite", ["bob"]), ("dbAdmin", []):
        assert patterns({"roles": [{"role": role, "db": "kills"}]}) == ended, role
    assert patterns({"users": [bob]}, {"lsid": lsid}) == ["ann", "bob"]
    assert patterns({"users": [bob], "lsid": lsid}) == []
    assert patterns({"users": [bob], "roles": [{"role": "read", "db": "kills"}]}) == []
    assert patterns({"users": []}) == []
    assert patterns({}) == ["ann", "bob"]
    uid = hashlib.sha256(b"ann@kills").digest()
    assert patterns({"uid": uid}) == ["ann"] and patterns({"uid": uid, "users": [bob]}) == []
    listed(root, clients, ann, {"id": uuid.UUID(bytes=bytes(lsid["id"])), "uid": uid})
    assert killed(lambda: clients["bob"].admin.command("killSessions", [])) == ["bob"]
    assert killed(lambda: clients["bob"].admin.command("killSessions", [lsid])) == []
    assert killed(lambda: clients["ann"].admin.command("killSessions", [lsid])) == ["ann"]
    for wrong, number in (([{"users": [bob]}, {"users": 1}], 14), ([{"users": [bob]}, {"who": 1}], 40415),
                          ([{"users": [bob]}, 1], 14), ([{"lsid": 1}], 14), ([{"users": [{"user": 1}]}], 2),
                          ([{"uid": b""}], 12), ([{"uid": "x"}], 14)):
        assert killed(lambda: code_is(root, wrong, number)) == [], wrong
    assert code(lambda: clients["bob"].admin.command("killAllSessions", [])) == 13
    for client in clients.values():
        client.close()


def restricted(server, root):
    """An account is there only for who comes from where it may, over where it may; those of roles hold too."""
    run = root.places.command
    here, nowhere = {"clientSource": ["127.0.0.0/8"]}, {"clientSource": ["192.0.2.0/24", "2001:db8::/32"]}

    def may_log_in(name):
        client = user(server, name, source="places")
        found = code(lambda: client.places.command("dbStats"))
        client.close()
        assert found in (0, 18), found
        return found == 0

    run("createRole", "far", privileges=[], roles=["read"], authenticationRestrictions=[nowhere])
    run("createRole", "farther", privileges=[], roles=["far"])
    run("createUser", "near", pwd=SECRET, roles=["read"], authenticationRestrictions=[nowhere, here])
    assert may_log_in("near")
    stays = user(server, "near", source="places")
    stays.places.command("dbStats")
    for restrictions, may in (([nowhere], False), ([], True), ([here | {"serverAddress": ["10.0.0.1"]}], False),
                              ([here | {"serverAddress": ["127.0.0.1"]}], True)):
        run("updateUser", "near", authenticationRestrictions=restrictions)
        assert may_log_in("near") == may, restrictions
        assert (code(lambda: stays.places.command("dbStats")) == 0) == may, restrictions
        if not may:
            stays.close()
            stays = user(server, "near", source="places")
    stays.close()
    run("grantRolesToUser", "near", roles=["farther"])
    assert not may_log_in("near")
    [shown] = run("usersInfo", "near", showAuthenticationRestrictions=True)["users"]
    assert shown["authenticationRestrictions"] == [here | {"serverAddress": ["127.0.0.1"]}], shown
    assert shown["inheritedAuthenticationRestrictions"] == [[nowhere]], shown
    assert "authenticationRestrictions" not in run("usersInfo", "near")["users"][0]
    run("updateRole", "far", authenticationRestrictions=[here])
    run("grantPrivilegesToRole", "far", privileges=[])
    [shown] = run("rolesInfo", "far", showAuthenticationRestrictions=True)["roles"]
    assert shown["authenticationRestrictions"] == [here], shown
    assert may_log_in("near")
    for wrong, number in ([1], 14), ([{}], 2), ([{"from": "::1"}], 40415), ([{"clientSource": ["here"]}], 12):
        for command in ("createUser", "createRole"):
            fields = {"pwd": SECRET} if command == "createUser" else {"privileges": []}
            assert code(lambda: run(command, "x", roles=[], authenticationRestrictions=wrong, **fields)) == number


def restored(server, root):
    """As mongorestore does it: accounts are put beside, then merged."""
    merge = root.admin.command
    root.back.command("createRole", "reads", privileges=[], roles=["read"])
    root.back.command("createUser", "old", pwd=SECRET, roles=["reads"])
    users, roles = list(root.admin.system.users.find()), list(root.admin.system.roles.find())
    root.back.command("dropUser", "old")
    root.back.command("dropRole", "reads")
    root.back.command("createUser", "newer", pwd=SECRET, roles=["read"])
    root.admin.tempusers.insert_many(users)
    root.admin.temproles.insert_many(roles)
    names = {"tempUsersCollection": "admin.tempusers", "tempRolesCollection": "admin.temproles"}
    merge("_mergeAuthzCollections", 1, db="", drop=False, **names)
    assert {user["_id"] for user in root.admin.system.users.find()} == {user["_id"] for user in users} | {"back.newer"}
    old = user(server, "old", source="back")
    assert code(lambda: old.back.command("dbStats")) == 0
    merge("_mergeAuthzCollections", 1, db="back", drop=True, **names)
    assert list(root.admin.system.users.find()) == users and list(root.admin.system.roles.find()) == roles
    assert code(lambda: merge("_mergeAuthzCollections", 1, db="", drop=False)) == 2
    assert code(lambda: merge("_mergeAuthzCollections", 1, db="", **names)) == 40414
    assert code(lambda: old.admin.command("_mergeAuthzCollections", 1, db="", drop=False, **names)) == 13
    old.close()
    root.admin.tempusers.insert_one({"_id": "x", "user": "y", "db": "z", "roles": [], "credentials": {}})
    assert code(lambda: merge("_mergeAuthzCollections", 1, db="", drop=True, **names)) == 2
    assert list(root.admin.system.users.find()) == users


def listed(root, clients, ann, lsid):
    """Sessions are shown to who has them, and those of others to who may see them."""
    def sessions(client, **which):
        stages = [[{"$listSessions": which}], [{"$listLocalSessions": which}]]
        shown = [[session["_id"] for session in client.config["system.sessions"].aggregate(stages[0])],
                 [session["_id"] for session in client.config.command(
                     "aggregate", 1, pipeline=stages[1], cursor={})["cursor"]["firstBatch"]]]
        assert [{tuple(sorted(one)) for one in shown[0]}] == [{tuple(sorted(one)) for one in shown[1]}]
        return shown[1]

    assert lsid in sessions(root, users=[ann]) and lsid not in sessions(root)
    assert lsid in sessions(root, allUsers=True)
    assert {session["uid"] for session in sessions(root, users=[ann, None])} == {lsid["uid"]}
    assert sessions(root, users=[{"user": "zoe", "db": "kills"}]) == []
    local = [{"$listLocalSessions": {"users": [ann]}}]
    for name, number in ("ann", 0), ("bob", 13):
        run = clients[name].kills.command
        assert code(lambda: run("aggregate", 1, pipeline=local, cursor={})) == number, name


def code_is(root, patterns, number):
    assert code(lambda: root.admin.command("killAllSessionsByPattern", patterns)) == number, patterns


def bad_commands(root):
    """What is no user or role is refused, with MongoDB's codes."""
    shop = root.shop
    cases = [
        (51003, ("createUser", "new"), {"pwd": "x", "roles": []}),
        (31, ("createUser", "y"), {"pwd": "x", "roles": ["none"]}),
        (40414, ("createUser", "y"), {"pwd": "x"}),
        (2, ("createUser", "y"), {"roles": []}),
        (2, ("createUser", "y"), {"pwd": "", "roles": []}),
        (2, ("createUser", ""), {"pwd": "x", "roles": []}),
        (14, ("createUser", 1), {"pwd": "x", "roles": []}),
        (14, ("createUser", "y"), {"pwd": 1, "roles": []}),
        (2, ("createUser", "y"), {"pwd": "x", "roles": [1]}),
        (2, ("createUser", "y"), {"pwd": "x", "roles": [], "mechanisms": ["MD5"]}),
        (2, ("createUser", "y"), {"pwd": "x", "roles": [], "mechanisms": []}),
        (2, ("createUser", "y"), {"pwd": "x", "roles": [], "digestPassword": False,
                                  "mechanisms": ["SCRAM-SHA-256"]}),
        (40415, ("createUser", "y"), {"pwd": "x", "roles": [], "wings": 2}),
        (11, ("updateUser", "y"), {"customData": {}}),
        (2, ("updateUser", "new"), {}),
        (2, ("updateUser", "new"), {"mechanisms": ["SCRAM-SHA-1"]}),
        (11, ("dropUser", "y"), {}),
        (11, ("grantRolesToUser", "y"), {"roles": ["read"]}),
        (31, ("grantRolesToUser", "new"), {"roles": ["none"]}),
        (2, ("createRole", "read"), {"privileges": [], "roles": []}),
        (40414, ("createRole", "r"), {"roles": []}),
        (128, ("createRole", "r"), {"privileges": [], "roles": [{"role": "read", "db": "b"}]}),
        (128, ("createRole", "r"), {"roles": [], "privileges": [
            {"resource": {"cluster": True}, "actions": ["shutdown"]}]}),
        (128, ("updateRole", "read"), {"roles": []}),
        (31, ("updateRole", "r"), {"roles": []}),
        (31, ("dropRole", "r"), {}),
    ]
    for wanted, words, fields in cases:
        got = code(lambda: shop.command(*words, **fields))
        assert got == wanted, (words, fields, got)
    shop.command("createRole", "r", privileges=[], roles=["read"])
    assert code(lambda: shop.command("createRole", "r", privileges=[], roles=[])) == 51002
    shop.command("createUser", "z", pwd="x", roles=["r"])
    assert shop.command("dropAllRolesFromDatabase")["n"] == 1
    assert shop.command("usersInfo", "z")["users"][0]["roles"] == []
    assert shop.command("dropAllUsersFromDatabase")["n"] > 5
    assert shop.command("usersInfo", 1)["users"] == []


def refusals(exe, directory):
    """Everybody is let in only where that was said."""
    def serve(*options):
        ended = subprocess.run([exe, "serve", "--dbpath", directory, "--port", "0", *options],
                               capture_output=True, text=True, timeout=60)
        return ended.returncode, ended.stderr

    for options in (["--bind_ip", "0.0.0.0"], ["--bind_ip", "127.0.0.1,0.0.0.0"], ["--bind_ip_all"]):
        status, said = serve(*options)
        assert status == 2 and "--insecure" in said, (options, status, said)
    with Server(exe, "--bind_ip", "0.0.0.0", "--insecure"):
        pass
    with Server(exe, "--bind_ip", "0.0.0.0", "--auth"):
        pass


def main():
    with Server(sys.argv[1], "--auth") as server:
        first_user(server)
        root = user(server, "root")
        mechanisms(root, server)
        conversations(server)
        speculation(server)
        strangers(server)
        unknown_users(server)
        secrets(server, root)
        injection(server)
        changes(server, root)
        pipelines(server, root)
        own_account(server, root)
        kills(server, root)
        restricted(server, root)
        restored(server, root)
        brute_force(server, root)
        bad_commands(root)
        root.close()
        server.stop()
        lines = server.log().splitlines()
        assert not any(line.startswith("2026-01-01") for line in lines)
        assert SECRET not in server.log()
        server.start()
        assert code(lambda: server.client().admin.command("createUser", "b", pwd="b", roles=[])) == 13
        user(server, "root").admin.command("usersInfo", 1)
        refusals(server.exe, server.path("other"))


main()
