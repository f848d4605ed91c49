"""tls.py EXE - TLS on the port: modes, protocols, ciphers, certificates, and changing them."""

import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import bson
from pymongo.errors import ConnectionFailure, OperationFailure

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lib"))
import raw  # noqa: E402
from certificates import Certificates  # noqa: E402
from server import Server  # noqa: E402

ADA = "/O=Largetable/OU=people/CN=ada, l\u00f6w"
ADA_NAME = "CN=ada\\, l\u00f6w,OU=people,O=Largetable"
WEAK = ["AES128-SHA", "AES256-SHA256", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES128-GCM-SHA256", "NULL-SHA256",
        "ECDHE-ECDSA-NULL-SHA", "AECDH-AES128-SHA", "PSK-AES128-CBC-SHA"]


class Files:
    """What all servers of the test use."""

    def __init__(self, folder):
        self.ca = Certificates(folder)
        self.server = self.ca.make("server", "/CN=server one", sans="IP:127.0.0.1,DNS:localhost")
        self.ada = self.ca.make("ada", ADA)
        self.gone = self.ca.make("gone", "/CN=gone")
        self.crl = self.ca.revoke("gone")
        other = Certificates(pathlib.Path(folder) / "other", "stranger")
        self.stranger = other.make("client", ADA)


def start(exe, files, mode="requireTLS", *options, ca=False, certificate=None):
    words = ["--tlsMode", mode, "--tlsCertificateKeyFile", certificate or files.server, *options]
    return Server(exe, *words, *(["--tlsCAFile", files.ca.authority] if ca else []))


def speaks(server, files, certificate=None, **options):
    """Does a driver with TLS get an answer?"""
    keywords = {"tlsCertificateKeyFile": certificate} if certificate else {}
    client = server.client(tls=True, tlsCAFile=files.ca.authority, **{**keywords, **options})
    try:
        return client.admin.command("ping")["ok"] == 1
    except ConnectionFailure:
        return False
    finally:
        client.close()


def quick(server, files, certificate=None):
    """The same for what will be refused, without a driver's patience."""
    context = ssl.create_default_context(cafile=files.ca.authority)
    if certificate:
        context.load_cert_chain(certificate)
    try:
        with raw.Connection(server.port) as connection:
            connection.socket = context.wrap_socket(connection.socket, server_hostname="127.0.0.1")
            reply = connection.run({"ping": 1, "$db": "admin"})
            return reply is not None and reply["ok"] == 1
    except (ssl.SSLError, ConnectionError):
        return False


def plain(server):
    with raw.Connection(server.port) as connection:
        try:
            reply = connection.run({"ping": 1, "$db": "admin"})
        except ConnectionError:
            return False
        return reply is not None and reply["ok"] == 1


def s_client(server, *words):
    """The output of openssl's client; None when there was no handshake."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    return done.stdout if "Cipher is (NONE)" not in done.stdout and "Cipher is" in done.stdout else None


def modes(exe, files):
    for mode, with_tls, without in (("disabled", False, True), ("allowTLS", True, True),
                                    ("preferTLS", True, True), ("requireTLS", True, False)):
        with start(exe, files, mode) as server:
            assert quick(server, files) == with_tls, mode
            assert plain(server) == without, mode
    for options in (["--tlsMode", "requireTLS"],
                    ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", "/nowhere"],
                    ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", files.ca.authority],
                    ["--tlsMode", "allowTLS", "--tlsCertificateKeyFile", files.server,
                     "--tlsDisabledProtocols", "TLS1_2,TLS1_3"],
                    ["--tlsMode", "allowTLS", "--tlsCertificateKeyFile", files.server,
                     "--tlsDisabledProtocols", "SSL"]):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([exe, "serve", "--port", "0", "--dbpath", folder + "/db", *options],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode in (1, 2) and "net.tls" in done.stderr, (options, done.stderr)


def protocols(exe, files):
    with start(exe, files) as server:
        assert "TLSv1.3" in s_client(server, "-tls1_3")
        assert "TLSv1.2" in s_client(server, "-tls1_2")
        for old in ("-tls1_1", "-tls1"):
            assert s_client(server, old, "-cipher", "ALL:@SECLEVEL=0") is None
        for cipher in WEAK:
            assert s_client(server, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0") is None, cipher
        out = s_client(server, "-tls1_2")
        assert "Compression: NONE" in out and "Secure Renegotiation IS supported" in out
        assert "TLS session ticket" not in out
    with start(exe, files, "requireTLS", "--tlsDisabledProtocols", "TLS1_2") as server:
        assert s_client(server, "-tls1_2") is None
        assert s_client(server, "-tls1_3") is not None


def fragments(exe, files):
    """Handshakes and frames in pieces, garbage, and clients that leave in between."""
    with start(exe, files, "allowTLS") as server:
        context = ssl.create_default_context(cafile=files.ca.authority)
        for size in (1, 5, 6, 7, 1000):
            into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(into, out, server_hostname="127.0.0.1")
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

                def drive(step):
                    while True:
                        try:
                            return step()
                        except ssl.SSLWantReadError:
                            data = out.read()
                            for at in range(0, len(data), size):
                                connection.sendall(data[at:at + size])
                            into.write(connection.recv(65536))

                drive(tls.do_handshake)
                tls.write(raw.msg({"ping": 1, "$db": "admin"}))
                assert bson.decode(drive(lambda: tls.read(65536))[21:])["ok"] == 1
        hello = b"\x16\x03\x01\x02\x00\x01" + os.urandom(600)
        for data in (hello, hello[:50], b"\x16", b"\x16\x03\x01", b"\x16\x03\x09\x02\x00\x01" + bytes(600),
                     b"\x16\x03\x01\xff\xff\x01" + bytes(70000)):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                try:
                    connection.sendall(data)
                except ConnectionError:
                    pass
        # plain messages whose length begins like TLS
        with raw.Connection(server.port) as connection:
            for length in (0x16 + 256 * 3, 0x16 + 256):
                pad = "x" * (length - len(raw.msg({"ping": 1, "$db": "admin", "comment": ""})))
                message = raw.msg({"ping": 1, "$db": "admin", "comment": pad})
                assert len(message) == length
                connection.send(message)
                assert connection.reply()["ok"] == 1
        assert plain(server) and quick(server, files)


def large(exe, files):
    with start(exe, files) as server:
        client = server.client(tls=True, tlsCAFile=files.ca.authority)
        documents = [{"_id": i, "v": os.urandom(1 << 20)} for i in range(30)]
        client.x.c.insert_many(documents)
        assert list(client.x.c.find().sort("_id", 1)) == documents
        failed = []

        def work(number):
            try:
                for i in range(50):
                    assert client.x.c.find_one({"_id": i % 30}) == documents[i % 30]
                    client.x.d.insert_one({"n": number})
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed, failed
        assert client.x.d.count_documents({}) == 400
        client.close()


def clients(exe, files):
    with start(exe, files, ca=True) as server:
        assert quick(server, files, files.ada) and not quick(server, files)
        assert not quick(server, files, files.stranger)
        assert quick(server, files, files.gone)
    with start(exe, files, "requireTLS", "--tlsCRLFile", files.crl, ca=True) as server:
        assert quick(server, files, files.ada) and not quick(server, files, files.gone)
    with start(exe, files, "requireTLS", "--tlsAllowConnectionsWithoutCertificates",
               ca=True) as server:
        assert quick(server, files) and not quick(server, files, files.stranger)


def code(run):
    try:
        run()
    except OperationFailure as error:
        return error.code
    return 0


def x509(exe, files):
    """A certificate's subject is a user of $external."""
    with start(exe, files, "preferTLS", "--auth", "--tlsAllowConnectionsWithoutCertificates",
               ca=True) as server:
        def client(certificate=None, **options):
            keywords = {"tlsCertificateKeyFile": certificate} if certificate else {}
            return server.client(tls=True, tlsCAFile=files.ca.authority, **keywords, **options)

        client().admin.command("createUser", "root", pwd="root", roles=["root"])
        root = client(username="root", password="root")
        external = root["$external"]
        assert code(lambda: external.command("createUser", "x", pwd="x", roles=[])) == 2
        ada = client(files.ada, authMechanism="MONGODB-X509")
        assert code(lambda: ada.shop.c.find_one()) == 18
        external.command("createUser", ADA_NAME, roles=[{"role": "read", "db": "shop"}])
        ada = client(files.ada, authMechanism="MONGODB-X509")
        ada.shop.c.find_one()
        assert ada.admin.command("connectionStatus")["authInfo"]["authenticatedUsers"] == [
            {"user": ADA_NAME, "db": "$external"}]
        assert code(lambda: ada.shop.c.insert_one({})) == 13
        begin = {"authenticate": 1, "mechanism": "MONGODB-X509"}
        assert code(lambda: client(files.ada)["$external"].command({**begin, "user": "CN=root"})) == 18
        assert code(lambda: client(files.gone)["$external"].command({**begin, "user": ADA_NAME})) == 18
        assert code(lambda: client()["$external"].command(begin)) == 18
        assert code(lambda: client(files.ada).admin.command(begin)) == 17
        with raw.Connection(server.port) as connection:  # without TLS
            assert connection.run({**begin, "$db": "$external", "user": ADA_NAME})["code"] == 18
        # SCRAM has no way into $external
        assert code(lambda: client(username=ADA_NAME, password="x", authSource="$external",
                                   authMechanism="SCRAM-SHA-256").shop.c.find_one()) == 18


def subject(server):
    out = s_client(server)
    return next(line for line in out.splitlines() if "subject=" in line)


def until(check):
    """Wait for what another thread of the server does; no clock decides."""
    deadline = time.monotonic() + 20
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def rotation(exe, files):
    certificate = files.ca.make("turning", "/CN=turn one", sans="IP:127.0.0.1")
    with start(exe, files, certificate=certificate) as server:
        client = server.client(tls=True, tlsCAFile=files.ca.authority)
        client.admin.command("ping")
        assert "turn one" in subject(server)
        files.ca.make("turning", "/CN=turn two", sans="IP:127.0.0.1")
        assert "turn one" in subject(server)
        client.admin.command("rotateCertificates")
        assert "turn two" in subject(server)
        files.ca.make("turning", "/CN=turn three", sans="IP:127.0.0.1")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "turn three" in subject(server))
        pathlib.Path(certificate).write_text("nothing")
        assert code(lambda: client.admin.command("rotateCertificates")) == 2
        assert "turn three" in subject(server)
        client.admin.command("ping")  # on its first connection still
        client.close()
    locked = files.ca.make("locked", "/CN=locked", sans="IP:127.0.0.1", password="secret")
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "largetable.conf"
        config.write_text("net:\n  tls:\n    certificateKeyFilePassword: secret\n")
        with start(exe, files, "requireTLS", "--config", str(config), certificate=locked) as server:
            assert quick(server, files)
            options = server.client(tls=True, tlsCAFile=files.ca.authority).admin.command("getCmdLineOpts")
            assert options["parsed"]["net"]["tls"]["certificateKeyFilePassword"] == "<password>"
            assert "secret" not in server.log()


def sandbox(exe, files):
    """Where the kernel can see to it, a link out of the folders that the server was given leads nowhere."""
    with tempfile.TemporaryDirectory() as elsewhere:
        other = Certificates(elsewhere).make("server", "/CN=elsewhere", sans="IP:127.0.0.1")
        for options, allowed in ((["-v"], False), (["-v", "--sandbox", "off"], True)):
            certificate = files.ca.make("linked", "/CN=here", sans="IP:127.0.0.1")
            with start(exe, files, "allowTLS", *options, certificate=certificate) as server:
                confined = "can be touched" in server.log()
                os.remove(certificate)
                os.symlink(other, certificate)
                got = code(lambda: server.client().admin.command("rotateCertificates"))
                assert got == (0 if allowed or not confined else 2), (options, got)
                os.remove(certificate)


def main():
    exe = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="largetable-tls-") as folder:
        files = Files(folder)
        for part in (modes, protocols, fragments, large, clients, x509, rotation, sandbox):
            part(exe, files)


main()
