"""crash.py WHAT EXE [--shim SHIM] [--times N | --all] [--seed SEED] - a server is treated as badly as a machine can.

    kills   kill -9 under load, with a ledger and drivers that retry       (--all: 100 times)
    power   power loss on ext4 and XFS, and a control without syncs; root  (--all: 20 times each)
    eio     the k-th sync fails                                            (--all: k = 1 to 100)
    full    the disk is full, and has room again; root                     (--all: 5 times)
    flips   one bit of the data directory turns over                       (--all: 200 times)

Exits with 0 when all is well, 77 when the machine has not what it takes. Mounts, loop devices, files
and processes go with it, however it ends.
"""

import argparse
import pathlib
import random
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import eio  # noqa: E402
import flips  # noqa: E402
import full  # noqa: E402
import kills  # noqa: E402
import power  # noqa: E402
from volume import Missing  # noqa: E402

SKIPPED = 77
KINDS = {  # how often: in every test run, and with --all
    "kills": (20, 100),
    "power": (2, 20),
    "eio": (8, 100),
    "full": (1, 5),
    "flips": (15, 200),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=KINDS)
    parser.add_argument("exe")
    parser.add_argument("--shim", help="test/crash's shim, for power and eio")
    parser.add_argument("--times", type=int)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is cleaned up
    times = options.times or KINDS[options.what][options.all]
    print(f"seed {options.seed}", flush=True)
    runs = {
        "kills": lambda: kills.run(options.exe, times, options.seed),
        "power": lambda: power.run(options.exe, times, options.seed, options.shim),
        "eio": lambda: eio.run(options.exe, times, options.shim),
        "full": lambda: full.run(options.exe, times),
        "flips": lambda: flips.run(options.exe, times, options.seed),
    }
    try:
        runs[options.what]()
    except Missing as missing:
        print(f"skipped: {missing}")
        sys.exit(SKIPPED)


main()
