"""rights.py EXE TABLE [--write] - who may run what: every command as every built-in role.

Each role is given to a user; db-wide ones on the database `own`. Each command is run on `own`, on
`other` and on `admin`. Error 13 is a refusal, anything else is none. What comes out is compared with
TABLE, doc/rights.md; with --write it is written there.
"""

import pathlib
import sys

import bson
from pymongo.errors import AutoReconnect, OperationFailure

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from server import Server  # noqa: E402

DATABASES = {"own": "o", "other": "x", "admin": "a"}
EVERY_DB = ("read", "readWrite", "dbAdmin", "userAdmin", "dbOwner", "enableSharding")
ONE = {"q": {"_id": 1}, "u": {"$set": {"a": 1}}}
SPEC = {"key": {"a": 1}, "name": "a_1"}
PLACE = {"resource": {"db": "{db}", "collection": "c"}, "actions": ["find"]}
OWN_C = [{"ns": "own.c"}]

# What is run for each command; {db} stands for the database.
COMMANDS = {
    "abortTransaction": {"abortTransaction": 1},
    "aggregate": {"aggregate": "c", "pipeline": [], "cursor": {}},
    "aggregate $collStats": {"aggregate": "c", "pipeline": [{"$collStats": {"count": {}}}],
                             "cursor": {}},
    "aggregate $changeStream": {"aggregate": "c", "pipeline": [{"$changeStream": {}}], "cursor": {}},
    "aggregate $changeStream of all": {"aggregate": 1, "cursor": {}, "pipeline": [
        {"$changeStream": {"allChangesForCluster": True}}]},
    "aggregate $changeStream of a database": {"aggregate": 1, "pipeline": [{"$changeStream": {}}],
                                              "cursor": {}},
    "aggregate $documents": {"aggregate": 1, "pipeline": [{"$documents": []}], "cursor": {}},
    "aggregate $listLocalSessions": {"aggregate": 1, "pipeline": [{"$listLocalSessions": {}}],
                                     "cursor": {}},
    "aggregate $listLocalSessions, all": {"aggregate": 1, "cursor": {}, "pipeline": [
        {"$listLocalSessions": {"allUsers": True}}]},
    "aggregate $lookup": {"aggregate": "c", "cursor": {}, "pipeline": [
        {"$lookup": {"from": "system.users", "pipeline": [], "as": "a"}}]},
    "aggregate $unionWith": {"aggregate": "c", "cursor": {}, "pipeline": [
        {"$facet": {"a": [{"$unionWith": "system.users"}]}}]},
    "aggregate $graphLookup": {"aggregate": "c", "cursor": {}, "pipeline": [{"$graphLookup": {
        "from": "system.users", "startWith": "$a", "connectFromField": "a", "connectToField": "b",
        "as": "c"}}]},
    "aggregate $out": {"aggregate": "c", "pipeline": [{"$out": "d"}], "cursor": {}},
    "aggregate $out elsewhere": {"aggregate": "c", "cursor": {}, "pipeline": [
        {"$out": {"db": "third", "coll": "d"}}]},
    "aggregate $merge": {"aggregate": "c", "pipeline": [{"$merge": {"into": "d"}}], "cursor": {}},
    "aggregate $merge past validation": {"aggregate": "c", "cursor": {}, "bypassDocumentValidation": True,
                                         "pipeline": [{"$merge": "d"}]},
    "applyOps": {"applyOps": []},
    "authenticate": {"authenticate": 1, "mechanism": "MONGODB-X509"},
    "buildInfo": {"buildInfo": 1},
    "bulkWrite": {"bulkWrite": 1, "nsInfo": OWN_C, "ops": [
        {"insert": 0, "document": {}}, {"update": 0, "filter": {}, "updateMods": {"$set": {"a": 1}}, "upsert": True},
        {"delete": 0, "filter": {}}]},
    "bulkWrite elsewhere": {"bulkWrite": 1, "nsInfo": [*OWN_C, {"ns": "other.c"}],
                            "ops": [{"insert": 1, "document": {}}]},
    "bulkWrite past validation": {"bulkWrite": 1, "nsInfo": OWN_C, "ops": [{"insert": 0, "document": {}}],
                                  "bypassDocumentValidation": True},
    "cacheStats": {"cacheStats": 1},
    "cacheStats of a collection": {"cacheStats": "c"},
    "cleanupStructuredEncryptionData": {"cleanupStructuredEncryptionData": "c", "cleanupTokens": {}},
    "collMod": {"collMod": "c"},
    "collStats": {"collStats": "c"},
    "compactStructuredEncryptionData": {"compactStructuredEncryptionData": "c", "compactionTokens": {}},
    "planCacheClear": {"planCacheClear": "c"},
    "planCacheSetFilter": {"planCacheSetFilter": "c", "query": {"a": 1}, "indexes": [{"a": 1}]},
    "planCacheListFilters": {"planCacheListFilters": "c"},
    "planCacheClearFilters": {"planCacheClearFilters": "c"},
    "commitTransaction": {"commitTransaction": 1},
    "compactMemory": {"compactMemory": 1},
    "connectionStatus": {"connectionStatus": 1},
    "count": {"count": "c"},
    "cloneCollectionAsCapped": {"cloneCollectionAsCapped": "c", "toCollection": "made", "size": 1},
    "convertToCapped": {"convertToCapped": "gone", "size": 1},
    "create": {"create": "made"},
    "createIndexes": {"createIndexes": "c", "indexes": [SPEC]},
    "createRole": {"createRole": "r", "roles": [], "privileges": [PLACE]},
    "createRole for the server": {"createRole": "s", "roles": [], "privileges": [
        {"resource": {"cluster": True}, "actions": ["shutdown"]}]},
    "createUser": {"createUser": "u", "pwd": "p", "roles": ["read"], "mechanisms": ["SCRAM-SHA-1"]},
    "createUser with root": {"createUser": "v", "pwd": "p", "mechanisms": ["SCRAM-SHA-1"],
                             "roles": [{"role": "root", "db": "admin"}]},
    "currentOp": {"currentOp": 1},
    "currentOp of one's own": {"currentOp": 1, "$ownOps": True},
    "dataSize": {"dataSize": "{db}.c"},
    "dbHash": {"dbHash": 1},
    "dbStats": {"dbStats": 1},
    "delete": {"delete": "c", "deletes": [{"q": {"_id": 1}, "limit": 1}]},
    "distinct": {"distinct": "c", "key": "a"},
    "drop": {"drop": "gone"},
    "drop of system.users": {"drop": "system.users"},
    "dropAllRolesFromDatabase": {"dropAllRolesFromDatabase": 1},
    "dropAllUsersFromDatabase": {"dropAllUsersFromDatabase": 1},
    "dropDatabase": {"dropDatabase": 1},
    "dropIndexes": {"dropIndexes": "c", "index": "a_1"},
    "dropRole": {"dropRole": "r"},
    "dropUser": {"dropUser": "u"},
    "endSessions": {"endSessions": []},
    "explain": {"explain": {"find": "c"}},
    "explain delete": {"explain": {"delete": "c", "deletes": [{"q": {}, "limit": 1}]}},
    "find": {"find": "c"},
    "find in system.js": {"find": "system.js"},
    "find in system.users": {"find": "system.users"},
    "findAndModify": {"findAndModify": "c", "query": {"_id": 1}, "update": {"$set": {"a": 1}}},
    "findAndModify remove": {"findAndModify": "c", "query": {"_id": 1}, "remove": True},
    "findAndModify upsert": {"findAndModify": "c", "query": {"_id": 1}, "update": {"a": 1},
                             "upsert": True},
    "getCmdLineOpts": {"getCmdLineOpts": 1},
    "getClusterParameter": {"getClusterParameter": "*"},
    "getDefaultRWConcern": {"getDefaultRWConcern": 1},
    "getLog": {"getLog": "global"},
    "getMore": {"getMore": bson.Int64(1), "collection": "c"},
    "getParameter": {"getParameter": 1, "quiet": 1},
    "grantPrivilegesToRole": {"grantPrivilegesToRole": "r", "privileges": [PLACE]},
    "grantRolesToRole": {"grantRolesToRole": "r", "roles": ["read"]},
    "grantRolesToUser": {"grantRolesToUser": "u", "roles": ["read"]},
    "hello": {"hello": 1},
    "hostInfo": {"hostInfo": 1},
    "insert": {"insert": "c", "documents": [{}]},
    "insert past validation": {"insert": "c", "documents": [{}], "bypassDocumentValidation": True},
    "insert into system.users": {"insert": "system.users", "documents": [{"_id": "x"}]},
    "_mergeAuthzCollections": {"_mergeAuthzCollections": 1, "tempUsersCollection": "admin.tempusers",
                               "db": "", "drop": False},
    "invalidateUserCache": {"invalidateUserCache": 1},
    "killAllSessions": {"killAllSessions": []},
    "killAllSessionsByPattern": {"killAllSessionsByPattern": []},
    "killCursors": {"killCursors": "c", "cursors": [bson.Int64(1)]},
    "killOp": {"killOp": 1, "op": 0},
    "killSessions": {"killSessions": []},
    "listCollections": {"listCollections": 1},
    "listCollections of one's own": {"listCollections": 1, "nameOnly": True,
                                     "authorizedCollections": True},
    "listCommands": {"listCommands": 1},
    "listDatabases": {"listDatabases": 1},
    "listDatabases, all": {"listDatabases": 1, "authorizedDatabases": False},
    "listIndexes": {"listIndexes": "c"},
    "logout": {"logout": 1},
    "memoryStats": {"memoryStats": 1},
    "ping": {"ping": 1},
    "refreshSessions": {"refreshSessions": []},
    "renameCollection": {"renameCollection": "own.gone", "to": "own.renamed"},
    "renameCollection elsewhere": {"renameCollection": "own.gone", "to": "other.renamed"},
    "renameCollection over users": {"renameCollection": "own.gone", "to": "admin.system.users",
                                    "dropTarget": True},
    "replSetFreeze": {"replSetFreeze": 0},
    "replSetGetConfig": {"replSetGetConfig": 1},
    "replSetGetStatus": {"replSetGetStatus": 1},
    "replSetStepDown": {"replSetStepDown": -1},
    "revokePrivilegesFromRole": {"revokePrivilegesFromRole": "r", "privileges": [PLACE]},
    "revokeRolesFromRole": {"revokeRolesFromRole": "r", "roles": ["read"]},
    "revokeRolesFromUser": {"revokeRolesFromUser": "u", "roles": ["read"]},
    "rolesInfo": {"rolesInfo": 1},
    "dropConnections": {"dropConnections": 1, "hostAndPort": []},
    "rotateCertificates": {"rotateCertificates": 1},
    "saslContinue": {"saslContinue": 1, "conversationId": 1, "payload": b""},
    "saslStart": {"saslStart": 1, "mechanism": "PLAIN", "payload": b""},
    "serverStatus": {"serverStatus": 1},
    "setClusterParameter": {"setClusterParameter": {"defaultMaxTimeMS": {"readOperations": 0}}},
    "setDefaultRWConcern": {"setDefaultRWConcern": 1, "defaultReadConcern": {"level": "local"}},
    "setParameter": {"setParameter": 1, "quiet": False},
    "shutdown": {"shutdown": 1},
    "startSession": {"startSession": 1},
    "update": {"update": "c", "updates": [ONE]},
    "update upsert": {"update": "c", "updates": [ONE, {**ONE, "upsert": True}]},
    "updateRole": {"updateRole": "r", "roles": []},
    "updateUser": {"updateUser": "u", "customData": {}},
    "updateUser, roles": {"updateUser": "u", "roles": ["read"]},
    "usersInfo": {"usersInfo": 1},
    "usersInfo everywhere": {"usersInfo": {"forAllDBs": True}},
    "validate": {"validate": "c"},
    "validateDBMetadata": {"validateDBMetadata": 1, "apiParameters": {"version": "1", "strict": True}},
    "warmCache": {"warmCache": "c"},
    "whatsmyuri": {"whatsmyuri": 1},
}
ALIASES = {"isMaster": "hello", "ismaster": "hello", "buildinfo": "buildInfo", "collstats": "collStats",
           "datasize": "dataSize", "dbhash": "dbHash", "dbstats": "dbStats", "deleteIndexes": "dropIndexes", "findandmodify": "findAndModify"}

HEAD = """# Who may do what

Made by `test/wire/rights.py`, which runs every command as every built-in role and compares; do not edit.

Without a login only these are answered: {free}.

A letter says where a command is allowed: `o` on the database that the role is given on, `x` on another one, `a` on `admin`. Roles from
`readAnyDatabase` on belong to `admin`. A name with a remark is the same command with other fields.
"""


def fill(value, db):
    """The template with {db} replaced."""
    if isinstance(value, dict):
        return {key: fill(one, db) for key, one in value.items()}
    if isinstance(value, list):
        return [fill(one, db) for one in value]
    return value.replace("{db}", db) if isinstance(value, str) else value


class Matrix:
    def __init__(self, server):
        self.server = server
        self.clients = {}
        server.client().admin.command("createUser", "boss", pwd="boss", roles=["__system"])
        self.boss = self.login("boss", "admin")
        # where no command looks: dropping the users of admin must not drop these
        self.boss.people.command("createUser", "boss", pwd="boss",
                                 roles=[{"role": "__system", "db": "admin"}])
        self.boss = self.login("boss", "people")
        self.roles = [one["role"] for one in self.boss.admin.command(
            "rolesInfo", 1, showBuiltinRoles=True)["roles"] if one["isBuiltin"]]
        self.roles.sort(key=lambda role: (role not in EVERY_DB, role))
        for role in self.roles:
            db = "own" if role in EVERY_DB else "admin"
            self.boss.people.command("createUser", role, pwd=role, mechanisms=["SCRAM-SHA-1"],
                                     roles=[{"role": role, "db": db}])

    def login(self, name, source):
        return self.server.client(username=name, password=name, authSource=source,
                                  authMechanism="SCRAM-SHA-1", maxPoolSize=1)

    def prepare(self):
        for db in DATABASES:
            self.boss[db].c.insert_one({})
            self.boss[db].gone.insert_one({})

    def may(self, client, name, db):
        document = fill(COMMANDS[name], db)
        try:
            client[db].command(document, check=True)
        except OperationFailure as error:
            return error.code != 13
        except AutoReconnect:
            assert name == "shutdown", name
            return True
        return True

    def cell(self, role, name):
        letters = ""
        for db, letter in DATABASES.items():
            if role not in self.clients:
                self.clients[role] = self.login(role, "people")
            allowed = self.may(self.clients[role], name, db)
            letters += letter if allowed else ""
            if name in ("logout", "saslStart", "saslContinue"):
                self.clients.pop(role).close()
            if name == "shutdown" and allowed:
                self.restart()
        return letters

    def restart(self):
        self.server.wait()
        self.server.start()
        for client in [self.boss, *self.clients.values()]:
            client.close()  # it says goodbye: there must be a server
        self.clients = {}
        self.boss = self.login("boss", "people")

    def row(self, name):
        self.prepare()
        return [self.cell(role, name) for role in self.roles]

    def free(self):
        """The commands that are answered without a login."""
        client = self.server.client()
        names = [name for name in self.known() if self.may(client, ALIASES.get(name, name), "own")]
        client.close()
        return names

    def known(self):
        return sorted(self.boss.admin.command("listCommands")["commands"])


def table(server):
    matrix = Matrix(server)
    known = matrix.known()
    missing = [name for name in known if ALIASES.get(name, name) not in COMMANDS]
    assert not missing, f"rights.py runs no {missing}"
    matrix.prepare()
    free = matrix.free()
    lines = [HEAD.format(free=", ".join(f"`{name}`" for name in free))]
    lines.append("| command | " + " | ".join(matrix.roles) + " |")
    lines.append("|---" * (len(matrix.roles) + 1) + "|")
    for name in COMMANDS:
        cells = matrix.row(name)
        whole = dict(zip(matrix.roles, cells))
        admin_only = whole["__system"] == "a"
        assert whole["__system"] == "oxa" or admin_only, f"{name}: __system may do all"
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    path = pathlib.Path(sys.argv[2])
    with Server(sys.argv[1], "--auth") as server:
        made = table(server)
    if "--write" in sys.argv:
        path.write_text(made)
        return
    wanted = path.read_text()
    if made != wanted:
        for new, old in zip(made.splitlines(), wanted.splitlines()):
            if new != old:
                print(f"is     {new}\nwanted {old}")
        sys.exit(f"{path} is not what the server does; if it should be: rights.py EXE {path} --write")


main()
