"""with_server.py [--uri OPTIONS] [--server OPTIONS] EXE COMMAND... - run a command against a server of its own.

The command gets LARGETABLE_URI, with those options behind it, and LARGETABLE_PORT; {port} in its words is
replaced. The server's options have commas between. Exits with the command's code, or 1 when the server did
not end cleanly.
"""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server  # noqa: E402

arguments = sys.argv[1:]
given = {"--uri": "", "--server": ""}
while arguments[0] in given:
    given[arguments[0]] = arguments[1]
    arguments = arguments[2:]
with Server(arguments[0], *filter(None, given["--server"].split(","))) as server:
    words = [word.replace("{port}", str(server.port)) for word in arguments[1:]]
    uri = server.uri + ("?" + given["--uri"] if given["--uri"] else "")
    environment = dict(os.environ, LARGETABLE_URI=uri, LARGETABLE_PORT=str(server.port))
    code = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
sys.exit(code)
