"""stream.py EXE - hello that waits, hello as a stream of replies (exhaust), requests in a stream; replies large and compressed."""

import pathlib
import struct
import sys
import time
import zlib
from ctypes import CDLL, byref, c_size_t, create_string_buffer

import bson

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "lib")]
from raw import COMPRESSED, MSG, QUERY, Connection, message, msg  # noqa: E402
from server import Server  # noqa: E402

MORE_TO_COME, EXHAUST_ALLOWED = 1 << 1, 1 << 16
SNAPPY, ZLIB, ZSTD = 1, 2, 3


def waits(port):
    with Connection(port) as c:
        first = c.run({"hello": 1, "$db": "admin"})
        began = time.monotonic()
        again = c.run({"hello": 1, "topologyVersion": first["topologyVersion"], "maxAwaitTimeMS": 300, "$db": "admin"})
        assert again["topologyVersion"] == first["topologyVersion"]
        assert time.monotonic() - began >= 0.3, "the server did not wait"
        stale = dict(first["topologyVersion"], counter=first["topologyVersion"]["counter"] - 1)
        c.run({"hello": 1, "topologyVersion": stale, "maxAwaitTimeMS": 5000, "$db": "admin"})
        alone = c.run({"hello": 1, "maxAwaitTimeMS": 5, "$db": "admin"})
        assert alone["ok"] == 0


def streams(port):
    with Connection(port) as c:
        version = c.run({"hello": 1, "$db": "admin"})["topologyVersion"]
        c.send(msg({"hello": 1, "topologyVersion": version, "maxAwaitTimeMS": 50, "$db": "admin"}, flags=EXHAUST_ALLOWED))
        previous = 1
        for _ in range(4):
            (request_id, response_to, _), body = c.receive()
            assert struct.unpack("<I", body[:4])[0] & MORE_TO_COME
            assert response_to == previous, (response_to, previous)
            previous = request_id


def no_reply(port):
    with Connection(port) as c:
        c.send(msg({"insert": "w", "documents": [{"_id": 1}], "writeConcern": {"w": 0}, "$db": "a"}, flags=MORE_TO_COME))
        assert c.run({"count": "w", "$db": "a"})["n"] == 1


def first_hello_by_query(port):
    with Connection(port) as c:
        body = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1)
        c.send(message(body + bson.encode({"isMaster": 1, "helloOk": True}), QUERY))
        reply = c.reply()
        assert reply["ismaster"] is True and reply["helloOk"] is True and reply["setName"] == "rs0"


def in_order(port):
    """Small replies wait for the end of the server's turn, large ones do not: none overtakes another."""
    sizes = (10, 3000, 70000, 5000000)
    requests, expected = b"", []
    for number in range(2, 120):
        size = sizes[number % 3] if number != 77 else sizes[3]
        requests += msg({"find": "o", "filter": {"_id": size}, "$db": "a"}, request_id=number)
        expected.append((number, size))
    with Connection(port) as first:
        for size in sizes:
            first.run({"insert": "o", "documents": [{"_id": size, "x": "x" * size}], "$db": "a"})
    connections = [Connection(port, 60) for _ in range(8)]
    for c in connections:
        c.send(requests)
    for c in connections:
        for number, size in expected:
            (_, response_to, _), body = c.receive()
            (document,) = bson.decode(body[5:])["cursor"]["firstBatch"]
            assert (response_to, document["x"]) == (number, "x" * size)
        c.socket.close()


def by_library(soname, pack, unpack):
    """Compress and decompress with the C library that the server uses, too: Python has none of its own."""
    library = CDLL(soname)
    for name in (pack, unpack):
        getattr(library, name).restype = c_size_t

    def run(name, data, room):
        out, size = create_string_buffer(room), c_size_t(room)
        if soname.startswith("libsnappy"):
            assert getattr(library, name)(data, c_size_t(len(data)), out, byref(size)) == 0
            return out.raw[:size.value]
        extra = (3,) if name == pack else ()
        used = getattr(library, name)(out, size, data, c_size_t(len(data)), *extra)
        return out.raw[:used]

    return (lambda data: run(pack, data, 2 * len(data) + 1000)), (lambda data, size: run(unpack, data, size))


CODECS = {
    SNAPPY: by_library("libsnappy.so.1", "snappy_compress", "snappy_uncompress"),
    ZLIB: (zlib.compress, lambda data, size: zlib.decompress(data)),
    ZSTD: by_library("libzstd.so.1", "ZSTD_compress", "ZSTD_decompress"),
}


def pack(document, compressor):
    plain = msg(document)[16:]
    return message(struct.pack("<iib", MSG, len(plain), compressor) + CODECS[compressor][0](plain), COMPRESSED)


def compressed(port):
    """An answer is packed as its question was."""
    for used in CODECS:
        with Connection(port) as c:
            c.send(pack({"find": "o", "filter": {"_id": 70000}, "$db": "a"}, used))
            (_, _, opcode), body = c.receive()
            original, size, compressor = struct.unpack("<iib", body[:9])
            unpacked = CODECS[used][1](body[9:], size)
            assert (opcode, original, compressor, size) == (COMPRESSED, MSG, used, len(unpacked))
            (document,) = bson.decode(unpacked[5:])["cursor"]["firstBatch"]
            assert document == {"_id": 70000, "x": "x" * 70000}
            assert c.run({"find": "o", "filter": {"_id": 10}, "$db": "a"})["ok"] == 1  # not packed


def compression_agreed(port):
    for given, agreed in ((["none", "zstd", "bogus", "snappy", "zlib"], ["zstd", "snappy", "zlib"]), (["bogus"], None), ([], None), (None, None)):
        with Connection(port) as c:
            assert c.run({"hello": 1, "compression": given, "$db": "admin"}).get("compression") == agreed


def never_compressed(port):
    """What says who one is."""
    for name in ("hello", "isMaster", "saslStart", "saslContinue", "createUser"):
        with Connection(port) as c:
            c.send(pack({name: 1, "$db": "admin"}, ZLIB))
            reply = c.reply()
            assert reply is None or reply["ok"] == 0, reply


with Server(sys.argv[1]) as server:
    for step in (waits, streams, no_reply, first_hello_by_query, in_order, compressed, compression_agreed, never_compressed):
        step(server.port)
        print("ok", step.__name__)
