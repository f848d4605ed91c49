"""conformance.py EXE REPLAYER RATCHET - replay recorded behaviour; no area may pass less than before.

Skipped, with a line that says so, where the vectors are not there.
"""

import os
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "lib"))
from server import Server  # noqa: E402

vectors = pathlib.Path(os.environ.get("LARGETABLE_CONFORMANCE") or here.parents[2] / "shared/conformance")
if not vectors.is_dir():
    print(f"skipped: there are no vectors in {vectors}; set LARGETABLE_CONFORMANCE")
    sys.exit(77)
exe, replayer, ratchet = sys.argv[1:4]
with Server(exe) as server:
    command = [replayer, "--port", str(server.port), "--dir", str(vectors), "--jobs", "4", "--ratchet",
               ratchet, *sys.argv[4:]]
    code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
sys.exit(code)
