"""Print an apt source for Debian 12's backports suite, made from the machine's own Debian source."""

import pathlib
import re
import sys


def deb822(text):
    """The first stanza of a .sources file that serves the bookworm suite."""
    for stanza in re.split(r"\n\s*\n", text):
        if re.search(r"^Suites:.*\bbookworm\b(?!-security)", stanza, re.M):
            return re.sub(r"^Suites:.*$", "Suites: bookworm-backports", stanza, flags=re.M)
    return None


def one_line(text):
    """The same from a sources.list."""
    match = re.search(r"^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+bookworm\s", text, re.M)
    if match is None:
        return None
    options = re.search(r"signed-by=([^\s\]]+)", match.group(1) or "")
    signed = f"\nSigned-By: {options.group(1)}" if options else ""
    return f"Types: deb\nURIs: {match.group(2)}\nSuites: bookworm-backports\nComponents: main{signed}"


def main():
    folder = pathlib.Path("/etc/apt")
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        stanza = deb822(path.read_text())
        if stanza:
            return stanza
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        stanza = one_line(path.read_text()) if path.exists() else None
        if stanza:
            return stanza
    sys.exit("setup: no Debian source for bookworm found under /etc/apt")


if __name__ == "__main__":
    print(main())
