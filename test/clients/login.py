"""login.py EXE FOLDER [NODE] - real clients log in, by both mechanisms and over TLS, and hear what they
may not do.

FOLDER has node_modules. Without NODE only what Debian has is run.
"""

import json
import os
import pathlib
import subprocess
import sys

from pymongo.errors import OperationFailure

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from certificates import Certificates  # noqa: E402
from server import Server  # noqa: E402

PASSWORD = "gr\u00fc\u00dfe, =1"


def refused(run, code):
    try:
        run()
    except OperationFailure as error:
        assert error.code == code, error
        return
    raise AssertionError(f"not refused with {code}")


def pymongo(server, **tls):
    for mechanism in (None, "SCRAM-SHA-1", "SCRAM-SHA-256"):
        chosen = {"authMechanism": mechanism} if mechanism else {}
        client = server.client(username="ada", password=PASSWORD, authSource="shop", **chosen,
                               **tls)
        client.shop.c.insert_one({"by": "pymongo"})
        refused(lambda: client.other.c.insert_one({}), 13)
        client.close()
        client = server.client(username="ada", password="wrong", authSource="shop", **chosen,
                               **tls)
        refused(lambda: client.shop.c.find_one(), 18)
        client.close()


def run(server, *command, **options):
    environment = dict(os.environ, LARGETABLE_PORT=str(server.port), LARGETABLE_PASSWORD=PASSWORD,
                       LARGETABLE_OPTIONS=json.dumps(options))
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=240)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def mongosh(server, folder, *words):
    """As an administrator at a terminal: users and roles by the shell's own helpers."""
    script = """
        const shop = db.getSiblingDB('shop');
        shop.createRole({role: 'clerk', roles: [], privileges: [
          {resource: {db: 'shop', collection: 'orders'}, actions: ['insert', 'find']}]});
        shop.createUser({user: 'bob', pwd: 'bob', roles: ['clerk']});
        shop.grantRolesToUser('bob', [{role: 'read', db: 'shop'}]);
        shop.updateUser('bob', {customData: {desk: 4}});
        const bob = shop.getUser('bob', {showPrivileges: true});
        if (bob.customData.desk !== 4 || bob.roles.length !== 2) throw new Error(tojson(bob));
        if (!shop.getRole('clerk', {showPrivileges: true}).privileges.length) throw new Error('role');
        if (!shop.getRoles({showBuiltinRoles: true}).roles.length) throw new Error('roles');
        if (shop.getUsers().users.length !== 2) throw new Error('users');
        shop.changeUserPassword('bob', 'bobby');
        shop.revokeRolesFromUser('bob', ['clerk']);
        shop.dropRole('clerk');
        shop.dropUser('bob');
        if (db.runCommand({connectionStatus: 1}).authInfo.authenticatedUsers[0].user !== 'root')
          throw new Error('status');
        print('done');
    """
    out = run(server, str(folder / "node_modules/.bin/mongosh"), "--quiet", "--norc",
              f"mongodb://127.0.0.1:{server.port}/admin", "-u", "root", "-p", PASSWORD,
              "--authenticationDatabase", "admin", *words, "--eval", script)
    assert "done" in out, out


def prepare(server, **tls):
    first = server.client(**tls)
    first.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
    first.close()
    root = server.client(username="root", password=PASSWORD, **tls)
    root.shop.command("createUser", "ada", pwd=PASSWORD, roles=["readWrite"])
    root.close()


def every_client(server, tls, words):
    folder = pathlib.Path(sys.argv[2])
    prepare(server, **tls)
    pymongo(server, **tls)
    if len(sys.argv) > 3:
        for driver in ("mongodb", "mongodb6"):
            run(server, sys.argv[3], str(folder / "login.mjs"), driver, **tls)
        mongosh(server, folder, *words)


def main():
    with Server(sys.argv[1], "--auth") as server:
        every_client(server, {}, [])
    with Server(sys.argv[1], "--auth") as server:
        made = Certificates(server.path("certificates"))
        ours = made.make("server", "/CN=server", sans="IP:127.0.0.1")
        theirs = made.make("client", "/CN=client")
        server.options += ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", ours, "--tlsCAFile",
                           made.authority]
        server.stop()
        server.start()
        every_client(server, {"tls": True, "tlsCAFile": made.authority,
                              "tlsCertificateKeyFile": theirs},
                     ["--tls", "--tlsCAFile", made.authority, "--tlsCertificateKeyFile", theirs])


main()
