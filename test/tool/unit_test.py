"""unit_test.py UNIT - systemd's own judgement of our unit: an exposure of 1.5 or less."""

import re
import shutil
import subprocess
import sys

if shutil.which("systemd-analyze") is None:
    sys.exit(77)  # skipped
for verb in ("security", "verify"):
    words = ["--offline=true"] if verb == "security" else ["--man=no"]
    done = subprocess.run(["systemd-analyze", verb, *words, sys.argv[1]], capture_output=True, text=True,
                          timeout=60)
    text = done.stdout + done.stderr
    if verb == "verify":
        # the program is not installed where this runs
        rest = [line for line in text.splitlines() if "is not executable" not in line]
        assert not any("largetable.service" in line for line in rest), text
        continue
    level = re.search(r"Overall exposure level for .*: ([0-9.]+)", text)
    assert level is not None, text
    assert float(level.group(1)) <= 1.5, level.group(0)
