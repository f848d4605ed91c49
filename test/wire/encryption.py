"""encryption.py EXE - encryption at rest: nothing lies on the disk in the clear, and keys change."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
from server import Server  # noqa: E402

KEYS = {"key": "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
        "other": "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="}
SECRET = "what nobody else may read"
OPTIONS = ("--cacheTotalMB", "96", "--writeBufferMB", "1", "--compression", "none",
           "--cacheCompression", "none", "--journalSegmentMB", "1")


def write_keys(server):
    for name, key in KEYS.items():
        path = pathlib.Path(server.path(name))
        path.write_text(key + "\n")
        path.chmod(0o600)


def shows(server, text):
    """The files under the data directory that have the text."""
    found = []
    for folder, _, names in os.walk(server.path("db")):
        for name in names:
            if text.encode() in pathlib.Path(folder, name).read_bytes():
                found.append(name)
    return found


def work(server):
    """Enough to be in the journal, in tables and in the cache's files."""
    collection = server.client().shop.vault
    collection.create_index("name")
    for begin in range(0, 6000, 500):
        collection.insert_many([{"_id": i, "name": f"{SECRET} {i}", "pad": "x" * 500}
                                for i in range(begin, begin + 500)])
    for _ in range(3):
        for i in range(300):
            assert collection.find_one({"_id": i})["name"] == f"{SECRET} {i}"


def check(server):
    collection = server.client().shop.vault
    assert collection.count_documents({}) == 6000
    for i in range(0, 6000, 7):
        assert collection.find_one({"name": f"{SECRET} {i}"})["_id"] == i


def refused(server, *options):
    """What it says when it does not start."""
    command = [server.exe, "serve", "--dbpath", server.path("db"), "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0, done
    return done.stderr


def rekey(server, *options):
    command = [server.exe, "rekey", "--dbpath", server.path("db"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_plain(exe):
    """What the other tests look for is found where nothing is encrypted."""
    with Server(exe, *OPTIONS) as server:
        write_keys(server)
        work(server)
        server.stop()
        assert shows(server, SECRET)
        said = refused(server, "--enableEncryption", "--encryptionKeyFile", server.path("key"))
        assert "without encryption" in said, said
        said = refused(server, "--encryptionKeyFile", server.path("key"))
        assert "--enableEncryption" in said, said
        said = refused(server, "--enableEncryption")
        assert "needs a master key" in said, said
        assert "not encrypted" in rekey(server, "--encryptionKeyFile", server.path("key"),
                                        "--newDataKey").stderr


def test_hidden(exe, server):
    work(server)
    status = server.client().admin.command("serverStatus")["encryptionAtRest"]
    assert status["encryptionEnabled"] and status["newestDataKey"] == 1, status
    server.kill()
    assert not shows(server, SECRET) and not shows(server, "shop"), shows(server, SECRET)
    server.start()
    check(server)
    server.stop()
    assert not shows(server, SECRET) and not shows(server, "shop"), shows(server, SECRET)
    for key in KEYS.values():
        assert not shows(server, key)
    assert all(key not in server.log() for key in KEYS.values())


def test_wrong_keys(server):
    assert "is encrypted" in refused(server)
    said = refused(server, "--enableEncryption", "--encryptionKeyFile", server.path("other"))
    assert "does not open" in said, said
    os.chmod(server.path("other"), 0o644)
    said = refused(server, "--enableEncryption", "--encryptionKeyFile", server.path("other"))
    assert "too open" in said, said
    os.chmod(server.path("other"), 0o600)
    said = refused(server, "--enableEncryption", "--encryptionKeyCommand", "exit 7")
    assert "status 7" in said, said


def test_rotation(server):
    """A new data key for new files, then a new master key, which a command prints."""
    done = rekey(server, "--encryptionKeyFile", server.path("key"), "--newDataKey")
    assert done.returncode == 0 and "new files use number 2" in done.stdout, done
    server.start()
    assert "another process" in rekey(server, "--encryptionKeyFile", server.path("key"),
                                      "--newDataKey").stderr
    check(server)
    server.client().shop.vault.update_many({}, {"$set": {"more": SECRET}})
    server.stop()
    done = rekey(server, "--encryptionKeyFile", server.path("key"), "--newEncryptionKeyFile",
                 server.path("other"))
    assert done.returncode == 0, done
    said = refused(server, "--enableEncryption", "--encryptionKeyFile", server.path("key"))
    assert "does not open" in said, said
    server.options[-2:] = ["--encryptionKeyCommand", f"cat {server.path('other')}"]
    server.start()
    check(server)
    status = server.client().admin.command("serverStatus")["encryptionAtRest"]
    assert status["newestDataKey"] == 2, status
    server.stop()
    assert not shows(server, SECRET)


def test_damage(server):
    """A bit of a table that was changed is told, never served; a keyring too."""
    keyring = pathlib.Path(server.path("db"), "keyring")
    kept = keyring.read_text()
    keyring.write_text(kept.replace('"number":', '"numbr":'))
    assert "damaged" in refused(server, *server.options[len(OPTIONS):])
    keyring.write_text(kept)
    server.start()
    check(server)


def main():
    exe = sys.argv[1]
    test_plain(exe)
    with Server(exe, *OPTIONS) as server:  # a first start without a key is a start in the clear
        server.stop()
        write_keys(server)
        subprocess.run(["rm", "-r", server.path("db")], check=True)
        server.options += ["--enableEncryption", "--encryptionKeyFile", server.path("key")]
        server.start()
        test_hidden(exe, server)
        test_wrong_keys(server)
        test_rotation(server)
        test_damage(server)


if __name__ == "__main__":
    main()
