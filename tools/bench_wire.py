"""tools/bench_wire.py - messages of the wire protocol, without a driver's own work around them."""

import struct

OP_MSG, HEAD = 2013, 21


def message(body):
    """One command as a frame; `body` is its BSON."""
    return struct.pack("<iiiiIB", HEAD + len(body), 1, 0, OP_MSG, 0, 0) + body


def reply(file):
    """The BSON of the next reply."""
    size, = struct.unpack("<i", file.read(4))
    return file.read(size - 4)[HEAD - 4:]
