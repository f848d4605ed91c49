"""Raw MongoDB messages over a socket, well formed or not."""

import socket
import struct

import bson

QUERY, COMPRESSED, MSG, REPLY = 2004, 2012, 2013, 1


def header(length, request_id=1, response_to=0, opcode=MSG):
    return struct.pack("<iiii", length, request_id, response_to, opcode)


def message(body, opcode=MSG, request_id=1):
    return header(16 + len(body), request_id, 0, opcode) + body


def msg(document, flags=0, sequences=(), request_id=1):
    """An OP_MSG with one body and sequences [(name, [documents])]."""
    body = struct.pack("<I", flags) + b"\0" + bson.encode(document)
    for name, documents in sequences:
        encoded = b"".join(bson.encode(one) for one in documents)
        part = name.encode() + b"\0" + encoded
        body += b"\x01" + struct.pack("<i", len(part) + 4) + part
    return message(body, request_id=request_id)


class Connection:
    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """(header fields, bytes after the header), or None when the server has closed."""
        head = self._exactly(16)
        if head is None:
            return None
        length, request_id, response_to, opcode = struct.unpack("<iiii", head)
        return (request_id, response_to, opcode), self._exactly(length - 16)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(min(1 << 20, count - len(data)))
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
        return data

    def reply(self):
        """The document of the next OP_MSG or OP_REPLY, or None when the server has closed."""
        got = self.receive()
        if got is None:
            return None
        (_, _, opcode), body = got
        if opcode == REPLY:
            return bson.decode(body[20:])
        flags = struct.unpack("<I", body[:4])[0]
        document = bson.decode(body[5:])
        document["$flags"] = flags
        return document

    def run(self, document, **keywords):
        self.send(msg(document, **keywords))
        return self.reply()
