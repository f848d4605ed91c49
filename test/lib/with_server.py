"""with_server.py EXE COMMAND... - run a command against a server of its own.

The command gets LARGETABLE_URI and LARGETABLE_PORT; {port} in its words is replaced. Exits with the
command's code, or 1 when the server did not end cleanly.
"""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402

with Server(sys.argv[1]) as server:
    words = [word.replace("{port}", str(server.port)) for word in sys.argv[2:]]
    environment = dict(os.environ, LARGETABLE_URI=server.uri, LARGETABLE_PORT=str(server.port))
    code = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
sys.exit(code)
