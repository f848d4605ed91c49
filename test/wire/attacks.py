"""attacks.py EXE - what hostile or broken peers send; each is answered or closed, and harms nobody else.

After each attack another connection must still be answered; at the end the server must have given
its memory back and stop cleanly.
"""

import pathlib
import struct
import sys
import zlib

import bson

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import COMPRESSED, MSG, QUERY, Connection, header, message, msg  # noqa: E402
from server import Server  # noqa: E402

MEGABYTE = 1 << 20


def closed(port, data):
    """The server closes without a word, or after one error."""
    with Connection(port) as c:
        c.send(data)
        answer = c.reply()
        assert answer is None or answer["ok"] == 0, answer
        assert answer is None or c.reply() is None, "the connection stays open"


def code(port, document, expected, **keywords):
    with Connection(port) as c:
        answer = c.run(document, **keywords)
        assert answer is not None, f"closed instead of {expected}"
        if answer.get("writeErrors"):
            answer = answer["writeErrors"][0]
        else:
            assert answer["ok"] == 0, answer
        assert answer["code"] in (expected if isinstance(expected, tuple) else (expected,)), answer
        assert c.run({"ping": 1, "$db": "admin"})["ok"] == 1


def frame_lengths(port):
    for length in (0, 1, 15, -1, -(2**31), 48_000_001, 2**31 - 1):
        closed(port, header(length) + b"\0" * 64)


def frame_longer_than_sent(port):
    with Connection(port) as c:
        c.send(header(48_000_000) + b"\0" * 100)
    with Connection(port) as c:
        c.send(b"\x20\0\0")


def legacy_opcodes(port):
    for opcode in (2001, 2002, 2005, 2006, 2007, 0, 999):
        closed(port, message(b"\0" * 30, opcode))


def query_of_another_command(port):
    body = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + bson.encode({"ping": 1})
    with Connection(port) as c:
        c.send(message(body, QUERY))
        assert c.reply()["code"] == 352


def flags_and_sections(port):
    document = {"ping": 1, "$db": "admin"}
    closed(port, msg(document, flags=1 << 4))
    with Connection(port) as c:
        assert c.run(document, flags=1 << 20)["ok"] == 1
    body = bson.encode(document)
    closed(port, message(struct.pack("<I", 0) + b"\0" + body + b"\0" + body))
    closed(port, message(struct.pack("<I", 0) + b"\x07" + body))
    closed(port, message(struct.pack("<I", 0)))
    twice = [("documents", [{"a": 1}]), ("documents", [{"a": 2}])]
    closed(port, msg({"insert": "c", "$db": "a"}, sequences=twice))


def checksum(port):
    body = struct.pack("<I", 1) + b"\0" + bson.encode({"ping": 1, "$db": "admin"}) + b"\1\2\3\4"
    closed(port, message(body))


def malformed_documents(port):
    good = bson.encode({"ping": 1, "$db": "admin", "text": "hello"})
    for at in range(4, len(good)):
        for byte in (0x00, 0xff, 0x7f, 0x80):
            bad = good[:at] + bytes([byte]) + good[at + 1:]
            with Connection(port) as c:
                c.send(message(struct.pack("<I", 0) + b"\0" + bad))
                c.reply()
    for length in (0, 4, len(good) - 1, len(good) + 1, 2**31 - 1):
        bad = struct.pack("<i", length) + good[4:]
        with Connection(port) as c:
            c.send(message(struct.pack("<I", 0) + b"\0" + bad))
            c.reply()


def nested(depth, array=False):
    document = b"\x05\0\0\0\0"
    kind = b"\x04" if array else b"\x03"
    for _ in range(depth - 1):
        inner = kind + b"0\0" + document + b"\0"
        document = struct.pack("<i", len(inner) + 4) + inner
    return document


def nesting(port):
    for depth in (50, 179, 180, 181, 200, 201, 1000, 100_000):
        if depth * 8 > 15 * MEGABYTE:
            continue
        raw = nested(depth)
        part = b"documents\0" + raw
        body = (struct.pack("<I", 0) + b"\0" + bson.encode({"insert": "deep", "$db": "a"}) + b"\x01" +
                struct.pack("<i", len(part) + 4) + part)
        with Connection(port) as c:
            c.send(message(body))
            answer = c.reply()
            if depth <= 180:
                assert answer["n"] == 1, (depth, answer)
            elif answer is not None:
                assert answer["ok"] == 0 or answer.get("writeErrors"), (depth, answer)


def sizes(port):
    overhead = len(bson.encode({"_id": 1, "pad": ""}))
    with Connection(port) as c:
        fits = {"_id": 1, "pad": "x" * (16 * MEGABYTE - overhead)}
        assert c.run({"insert": "big", "$db": "a"}, sequences=[("documents", [fits])])["n"] == 1
        over = {"_id": 2, "pad": "x" * (16 * MEGABYTE - overhead + 1)}
        answer = c.run({"insert": "big", "$db": "a"}, sequences=[("documents", [over])])
        assert answer is None or answer["ok"] == 0 or answer["writeErrors"][0]["code"] in (2, 10334), answer
    with Connection(port) as c:
        c.run({"drop": "big", "$db": "a"})


def compressed(original, size, compressor, data):
    return message(struct.pack("<iiB", original, size, compressor) + data, COMPRESSED)


def compression(port):
    inner = msg({"ping": 1, "$db": "admin"})[16:]
    with Connection(port) as c:
        c.send(compressed(MSG, len(inner), 2, zlib.compress(inner)))
        (_, _, opcode), body = c.receive()
        assert opcode == COMPRESSED
        assert bson.decode(zlib.decompress(body[9:])[5:])["ok"] == 1
    bomb = zlib.compress(b"\0" * (40 * MEGABYTE))
    for original, size, compressor, data in (
            (MSG, len(inner) + 1, 2, zlib.compress(inner)), (MSG, 10, 2, zlib.compress(inner)),
            (MSG, -1, 2, zlib.compress(inner)), (MSG, 2**31 - 1, 2, zlib.compress(inner)),
            (MSG, len(inner), 9, zlib.compress(inner)), (MSG, len(inner), 2, b"garbage"),
            (MSG, len(inner), 1, b"\xff" * 40), (MSG, len(inner), 3, b"\xff" * 40),
            (MSG, 40 * MEGABYTE, 2, bomb), (MSG, 47_999_984, 2, bomb),
            (COMPRESSED, len(inner), 2, zlib.compress(inner))):
        closed(port, compressed(original, size, compressor, data))
    hello = msg({"hello": 1, "$db": "admin"})[16:]
    closed(port, compressed(MSG, len(hello), 2, zlib.compress(hello)))


def expensive_queries(port):
    with Connection(port, timeout=60) as c:
        docs = [{"_id": i, "s": "a" * 30 + "!"} for i in range(200)]
        c.run({"insert": "q", "$db": "a"}, sequences=[("documents", docs)])
        answer = c.run({"find": "q", "filter": {"s": {"$regex": "(a+)+$"}}, "$db": "a"})
        assert answer is not None
        many = list(range(100_000))
        assert c.run({"find": "q", "filter": {"_id": {"$in": many}}, "$db": "a", "batchSize": 1000})["ok"] == 1
        answer = c.run({"aggregate": "q", "pipeline": [{"$match": {}}] * 100_000, "cursor": {}, "$db": "a"})
        assert answer["ok"] == 0
        answer = c.run({"find": "q", "filter": {}, "skip": 10**9, "$db": "a"})
        assert answer["cursor"]["firstBatch"] == []
        answer = c.run({"find": "q", "filter": {"$and": [{"a": 1}] * 100_000}, "$db": "a"})
        assert answer is not None
        product = [{"$facet": {"x": [{"$limit": 200}], "y": [{"$limit": 200}]}}, {"$unwind": "$x"},
                   {"$unwind": "$y"}, {"$group": {"_id": None, "all": {"$push": "$$ROOT"}}}]
        answer = c.run({"aggregate": "q", "pipeline": product, "cursor": {}, "$db": "a", "maxTimeMS": 20000})
        assert answer["ok"] == 0 or answer["ok"] == 1
        answer = c.run({"aggregate": "q", "pipeline": [{"$unwind": "$s"}] * 10 + [{"$match": {"s": 1}}],
                        "cursor": {}, "$db": "a", "maxTimeMS": 5000})
        assert answer["ok"] == 1


def names(port):
    code(port, {"insert": "", "documents": [{"a": 1}], "$db": "a"}, 73)
    code(port, {"insert": "x$y", "documents": [{"a": 1}], "$db": "a"}, 73)
    code(port, {"insert": "system.secret", "documents": [{"a": 1}], "$db": "a"}, 73)
    code(port, {"insert": "c" * 300, "documents": [{"a": 1}], "$db": "a"}, 73)
    code(port, {"insert": "c", "documents": [{"a": 1}], "$db": "a/b"}, 73)
    code(port, {"insert": "c", "documents": [{"a": 1}], "$db": "d" * 64}, 73)
    code(port, {"find": 1, "$db": "a"}, 73)
    code(port, {"nonsense": 1, "$db": "a"}, 59)
    code(port, {"find": "c", "surprise": 1, "$db": "a"}, 40415)
    code(port, {"find": "c", "filter": 1, "$db": "a"}, 14)
    code(port, {"insert": "c", "documents": [], "$db": "a"}, 16)


def unread_replies(port):
    """A reader that never reads is closed, and the server keeps at most 64 MB for it."""
    with Connection(port) as c:
        docs = [{"_id": i, "pad": "x" * MEGABYTE} for i in range(12)]
        c.run({"insert": "pads", "$db": "a"}, sequences=[("documents", docs)])
        request = msg({"find": "pads", "$db": "a"})
        try:
            for _ in range(40):
                c.send(request)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
    with Connection(port) as c:
        c.run({"drop": "pads", "$db": "a"})


def half_open(port):
    connections = [Connection(port) for _ in range(200)]
    for c in connections:
        c.send(b"\x30\0\0\0")
    with Connection(port) as c:
        assert c.run({"ping": 1, "$db": "admin"})["ok"] == 1
    for c in connections:
        c.socket.close()


def main():
    with Server(sys.argv[1]) as server:
        for attack in (frame_lengths, frame_longer_than_sent, legacy_opcodes, query_of_another_command,
                       flags_and_sections, checksum, malformed_documents, nesting, sizes, compression,
                       names, expensive_queries, unread_replies, half_open):
            attack(server.port)
            with Connection(server.port) as c:
                assert c.run({"ping": 1, "$db": "admin"})["ok"] == 1, attack.__name__
            print("ok", attack.__name__, flush=True)


main()
