"""power.py - the power goes under load: nothing acknowledged may be missing.

A file system in a file is shut down without flushing anything, the server is killed, the file system
is mounted again, and the ledger must be there. Half of the losses befall an encrypted directory. With a shim that swallows all syncs the same test must
fail: then it would notice. For root; skipped otherwise.
"""

import random
import time

from ledger import Lost, Writers
from server import ENCRYPTED, Server
from volume import Missing, Volume, needs

CONTROL_TRIES = 5
OPTIONS = ("--journalSegmentMB", "8")


def cut(server, volume, rng):
    time.sleep(rng.uniform(0.2, 0.9))
    volume.lose_power()
    server.kill()


def power_loss(server, volume, writers, rng):
    writers.run(server, lambda: cut(server, volume, rng))
    volume.unmount()
    volume.mount()


def run_on(exe, kind, more, times, rng):
    with Volume(kind) as volume, Writers() as writers:
        with Server(exe, *OPTIONS, *more, directory=volume.path) as server:
            writers.prepare(server)
            for number in range(times):
                power_loss(server, volume, writers, rng)
                server.start()
                checked = writers.check(server)
                print(f"{kind}{', encrypted' if more else ''}: power loss {number + 1}: {checked} acknowledged writes are there", flush=True)


def notices(exe, kind, shim, rng):
    """Does a server that syncs nothing lose something, or refuse to start?"""
    under = ["env", f"LD_PRELOAD={shim}", "CRASH_SHIM=swallow", "ASAN_OPTIONS=verify_asan_link_order=0"]
    with Volume(kind) as volume, Writers() as writers:
        server = Server(exe, *OPTIONS, directory=volume.path, under=under)
        try:
            server.start()
            writers.prepare(server)
            power_loss(server, volume, writers, rng)
            server.start()
            writers.check(server)
            return False
        except (Lost, RuntimeError):
            return True
        finally:
            if server.process is not None:
                server.kill()


def run(exe, times, seed, shim):
    needs("mkfs.ext4", "mkfs.xfs", "xfs_io", "mount")
    rng = random.Random(seed)
    for kind in ("ext4", "xfs"):
        run_on(exe, kind, (), (times + 1) // 2, rng)
        run_on(exe, kind, ENCRYPTED, (times + 1) // 2, rng)
        if not any(notices(exe, kind, shim, rng) for _ in range(CONTROL_TRIES)):
            raise AssertionError(f"{kind}: a server that syncs nothing loses nothing: this test proves nothing")
        print(f"{kind}: without syncs the test notices a loss, as it should")


__all__ = ["Missing", "run"]
