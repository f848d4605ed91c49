"""tools/bench_process.py - servers of our own, what /proc tells, what a run can lack."""

import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test/lib"))

from server import Server  # noqa: E402, F401

PAGE = os.sysconf("SC_PAGE_SIZE")


class Missing(Exception):
    """A program, data or room that a run needs is not here: the run is skipped."""


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def anonymous(pid):
    """Resident bytes that are not of files."""
    fields = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    return (int(fields[1]) - int(fields[2])) * PAGE


def memory_free():
    """What programs may take before others must give something up."""
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"MemAvailable:\s+(\d+)", text).group(1)) * 1024


def processor(pid):
    """Seconds of a processor that it has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
