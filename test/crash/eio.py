"""eio.py - the k-th sync fails: what it should have made durable is never acknowledged.

One client inserts, one document after the other. When the sync of a journal file fails the server must
end, say why, and not have answered; of another file it may end, or go on where nothing depends on it
(RocksDB's own notes). Started again on a good disk it has all that was acknowledged.
"""

import re

import pymongo
from pymongo import errors

from ledger import must
from server import Server

WRITES_MAX = 200
EXIT_JOURNAL = 14


def write(server):
    """Insert until it fails: how many were acknowledged."""
    client = pymongo.MongoClient(server.uri, serverSelectionTimeoutMS=5000, retryWrites=False)
    acknowledged = 0
    try:
        while acknowledged < WRITES_MAX:
            client.crash.docs.insert_one({"_id": acknowledged})
            acknowledged += 1
    except errors.PyMongoError:
        pass
    finally:
        client.close()
    return acknowledged


def ended(server, k, acknowledged):
    """The server was started; it must be gone now, but for a sync that does not matter."""
    if acknowledged == WRITES_MAX:
        server.kill()
        failed = re.search(r"crash shim: no sync of (\S+)", server.log())
        must(failed, f"sync {k} did not fail")
        must("/journal" not in failed.group(1), f"the server goes on without the sync of {failed.group(1)}")
        return f"of {failed.group(1).rsplit('/', 1)[-1]} does not matter"
    must(acknowledged < k, f"{acknowledged} writes were acknowledged by {k - 1} syncs")
    code = server.process.wait(30)
    must(code == EXIT_JOURNAL, f"the server ended with {code}")
    server.kill()
    must(" failed (" in server.log(), "the server did not say why it ended")
    return "ends it"


def fail_at(exe, k, shim):
    server = Server(exe, under=["env", f"LD_PRELOAD={shim}", f"CRASH_SHIM=eio:{k}", "ASAN_OPTIONS=verify_asan_link_order=0"])
    acknowledged = 0
    try:
        server.start()
        acknowledged = write(server)
        what = ended(server, k, acknowledged)
    except RuntimeError as error:  # it did not start
        must("\nlargetable: " in str(error) or " failed (" in str(error), f"refused without a word: {error}")
        what = "keeps it from starting"
    except BaseException:
        server.close(failed=True)
        raise
    server.under = []
    with server:
        with server.client() as client:
            there = {doc["_id"] for doc in client.crash.docs.find()}
        missing = set(range(acknowledged)) - there
        must(not missing, f"lost: {sorted(missing)}")
        must(len(there) <= acknowledged + 1, "more is there than was asked for")
    return f"{what}; {acknowledged} writes were acknowledged, and are there"


def run(exe, times, shim):
    """`times` of the first hundred syncs, evenly."""
    for i in range(times):
        k = 1 + i * 100 // times
        print(f"sync {k}: {fail_at(exe, k, shim)}", flush=True)
