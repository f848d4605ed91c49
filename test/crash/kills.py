"""kills.py - kill -9 under load: nothing acknowledged may be missing, nothing may be done twice.

Beside the ledger's writers, drivers that retry: the Node driver counts by retryable writes, mongoose
and PyMongo move money in transactions. The server is killed at a random moment of 50 to 800 ms and
started again; after each start the ledger and the bank are compared, at the end the counter.
"""

import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import threading
import time

from pymongo import errors

from ledger import Writers, must
from server import Server

ACCOUNTS = 6
BALANCE = 100
SCRIPTS = pathlib.Path(__file__).parent
MODULES = SCRIPTS.parent / "clients" / "node_modules"


class Script:
    """A Node program that prints a line for each thing that was acknowledged, until its input ends."""

    def __init__(self, name, uri):
        environment = dict(os.environ, LARGETABLE_URI=uri, CRASH_MODULES=str(MODULES))
        self.process = subprocess.Popen(["node", str(SCRIPTS / name)], env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(60)
        self.reader.join()
        must(code == 0, f"a Node client ended with {code}")

    def count(self, word):
        return sum(line.startswith(word) for line in self.lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Bank:
    """PyMongo moves money in transactions, on a thread of its own, for as long as it is told."""

    def __init__(self, server):
        self.client = server.client()
        self.accounts = self.client.crash.accounts
        self.accounts.insert_many([{"_id": i, "b": BALANCE} for i in range(ACCOUNTS)])
        self.stopping = threading.Event()
        self.moves = 0
        self.thread = threading.Thread(target=self._run, daemon=True)  # a transaction may be tried for minutes
        self.thread.start()

    def _move(self, session):
        source, target = random.sample(range(ACCOUNTS), 2)
        amount = random.randint(1, 10)
        self.accounts.update_one({"_id": source}, {"$inc": {"b": -amount}}, session=session)
        self.accounts.update_one({"_id": target}, {"$inc": {"b": amount}}, session=session)

    def _run(self):
        while not self.stopping.is_set():
            try:
                with self.client.start_session() as session:
                    session.with_transaction(self._move)
                self.moves += 1
            except errors.PyMongoError:
                time.sleep(0.02)

    def check(self):
        balances = [account["b"] for account in self.accounts.find()]
        must(len(balances) == ACCOUNTS and sum(balances) == ACCOUNTS * BALANCE, f"half a transfer: {balances}")

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.check()
        self.client.close()


def check_counter(server, script):
    """Every increment counts once; of those that the driver gave up on nobody knows."""
    with server.client() as client:
        counter = (client.crash.retried.find_one({"_id": "n"}) or {"n": 0})["n"]
    done, unknown = script.count("done"), script.count("unknown")
    must(done <= counter <= done + unknown, f"{done} increments were acknowledged, {unknown} are unknown, {counter} are there")
    return done, unknown


def run(exe, times, seed):
    rng = random.Random(seed)
    has_node = shutil.which("node") is not None and (MODULES / "mongoose").exists()
    if not has_node:
        print("without the Node drivers: node or test/clients/node_modules is missing")
    with Writers() as writers, Server(exe) as server, contextlib.ExitStack() as stack:
        writers.prepare(server)
        bank = Bank(server)
        stack.callback(bank.stopping.set)
        scripts = [stack.enter_context(Script(name, server.uri)) for name in ("counter.mjs", "bank.mjs") if has_node]

        def end():
            time.sleep(rng.uniform(0.05, 0.8))
            server.kill()

        for kill in range(times):
            writers.run(server, end)
            server.start()
            checked = writers.check(server)
            bank.check()
            print(f"kill {kill + 1}: {checked} acknowledged writes are there", flush=True)
        for script in scripts:
            script.stop()
        bank.stop()
        if scripts:
            done, unknown = check_counter(server, scripts[0])
            print(f"{done} retried increments counted once, {unknown} unknown; "
                  f"{scripts[1].count('done')} transfers by mongoose, {bank.moves} by PyMongo")
