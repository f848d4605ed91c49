"""operators.py EXE DOC [--write] - the help on operators: the server knows each of them, and DOC is the page of all."""

import pathlib
import re
import subprocess
import sys

from pymongo.errors import OperationFailure

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from server import Server  # noqa: E402


def said(run):
    """What a command with nonsense in it is told."""
    try:
        run()
    except OperationFailure as error:
        return f"{error.code} {error.details['errmsg']}"
    return ""


def unknown(text):
    return re.search(r"Unrecognized (expression|pipeline stage|window)|unknown (top level operator|operator: \$|group operator)"
                     r"|Unknown (modifier|expression)", text)


def try_one(client, kind, name):
    """As what it stands, with an argument that no operator has."""
    c = client.db.c
    nonsense = {"nonsense": 1}
    if kind == "stage":
        return said(lambda: list(c.aggregate([{name: nonsense}])))
    if kind == "expression":
        return said(lambda: list(c.aggregate([{"$project": {"x": {name: nonsense}}}])))
    if kind == "accumulator":
        return said(lambda: list(c.aggregate([{"$group": {"_id": 1, "x": {name: nonsense}}}])))
    if kind == "window operator":
        return said(lambda: list(c.aggregate([{"$setWindowFields": {
            "sortBy": {"_id": 1}, "output": {"x": {name: nonsense}}}}])))
    if kind == "update":
        return said(lambda: c.update_one({}, {name: {"x": nonsense}}))
    top = said(lambda: list(c.find({name: nonsense})))
    return said(lambda: list(c.find({"x": {name: nonsense}}))) if unknown(top) else top


def main():
    exe, page = sys.argv[1], pathlib.Path(sys.argv[2])
    text = subprocess.run([exe, "help", "operators"], check=True, capture_output=True, text=True).stdout
    if "--write" in sys.argv:
        page.write_text(text, encoding="utf-8")
    assert text == page.read_text(encoding="utf-8"), f"{page} is old: run operators.py with --write"
    one = subprocess.run([exe, "help", "$dateTrunc"], check=True, capture_output=True, text=True).stdout
    assert "startOfWeek" in one and one == subprocess.run(
        [exe, "help", "dateTrunc"], check=True, capture_output=True, text=True).stdout
    assert subprocess.run([exe, "help", "$none"], check=False, capture_output=True).returncode == 2
    kind, rows = None, set()
    with Server(exe) as server:
        client = server.client()
        client.db.c.insert_one({"x": 1})
        for line in text.splitlines():
            if line.startswith("## As "):
                kind = line[6:]
            elif line.startswith("| `$"):
                name = line.split("`")[1]
                assert (kind, name) not in rows, f"{name} is there twice"
                rows.add((kind, name))
                answer = try_one(client, kind, name)
                assert not unknown(answer), f"{kind} {name}: {answer}"
        assert unknown(try_one(client, "expression", "$none")) and unknown(try_one(client, "stage", "$none"))
        assert unknown(try_one(client, "filter", "$none")) and unknown(try_one(client, "update", "$none"))
        assert unknown(try_one(client, "accumulator", "$none"))
    assert len(rows) > 250, len(rows)


if __name__ == "__main__":
    main()
