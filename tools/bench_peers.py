"""tools/bench_peers.py - the servers that Largetable is measured beside.

Each runs in a directory and on a port of its own, with data that is durable when it is
acknowledged, and ends with the suite that needed it. A peer that is not installed is Missing,
with the name of its Debian package.
"""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import time

from bench_process import Missing, processor, resident

START_S, PATIENCE_S = 30, 2
PACKAGES = {"redis": "redis-server", "redis-everysec": "redis-server",
            "postgres": "postgresql and libpq5", "pgbouncer": "pgbouncer",
            "memcached": "memcached", "memcached-extstore": "memcached"}
EXTSTORE_MB = 16, 128  # memory and file
PGBOUNCER_INI = """[databases]
postgres = host=127.0.0.1 port={behind} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
max_client_conn = 16000
"""
# What a client sends first, and how the last of what it then gets ends. PostgreSQL's protocol: the
# version, who asks for which database; ready for a query, outside a transaction.
STARTUP = struct.pack(">II", 41, 3 << 16) + b"user\0postgres\0database\0postgres\0\0"
GREETINGS = {"redis": (b"PING\r\n", b"+PONG\r\n"), "memcached": (b"mn\r\n", b"MN\r\n"),
             "pgbouncer": (STARTUP, b"Z\0\0\0\5I")}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def installed(name, program):
    path = shutil.which(program)
    if path is None:
        raise Missing(f"{name} is not installed (Debian package {PACKAGES[name]})")
    return path


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]


def account(user):
    """Who runs a program, as subprocess wants it; None: who runs this one."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


class Peer:
    """A started server; `kind` is what `largetable bench --peer` calls it, `behind` one that goes
    with it."""

    def __init__(self, name, directory, behind=None):
        self.name = name
        self.kind = name.split("-")[0]
        self.port = free_port()
        self.directory = pathlib.Path(directory) / f"peer-{name}"
        self.directory.mkdir()
        self.process = None
        self.behind = behind
        self.about = ""

    def run(self, command, ready, user=None):
        """Start `command` and wait until ready() says so."""
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.directory,
                                            start_new_session=True, **account(user))
        end = time.monotonic() + START_S
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                text = (self.directory / "log").read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"{self.name} did not start:\n{text[-2000:]}")
            time.sleep(0.05)
        return self

    def ask(self, request, ending):
        """A connection that sent this and got something that ends so."""
        one = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        one.sendall(request)
        got = b""
        while not got.endswith(ending):
            more = one.recv(4096)
            if not more:
                raise OSError(f"{self.name} answers {got!r}")
            got += more
        return one

    def answers(self, request, ending):
        try:
            self.ask(request, ending).close()
            return True
        except OSError:
            return False

    def empty(self):
        """Nothing is left of the run before; PostgreSQL's table is dropped by the client."""
        if self.kind == "redis" and not self.answers(b"FLUSHALL\r\n", b"+OK\r\n"):
            raise RuntimeError("redis does not empty itself")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(START_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        if self.behind is not None:
            self.behind.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def start_redis(name, directory):
    exe = installed(name, "redis-server")
    peer = Peer(name, directory)
    fsync = "everysec" if name.endswith("everysec") else "always"
    version = first_line(exe, "--version").split(" sha=")[0]
    peer.about = f"{version}, appendonly, appendfsync {fsync}"
    return peer.run([exe, "--bind", "127.0.0.1", "--port", str(peer.port), "--dir",
                     str(peer.directory), "--save", "", "--appendonly", "yes", "--appendfsync",
                     fsync, "--maxclients", "16000"],
                    lambda: peer.answers(*GREETINGS["redis"]))


def start_memcached(name, directory):
    exe = installed(name, "memcached")
    peer = Peer(name, directory)
    peer.about = first_line(exe, "--version")
    command = [exe, "-l", "127.0.0.1", "-p", str(peer.port), "-c", "15000", "-m", "64"]
    if os.getuid() == 0:
        command += ["-u", "nobody"]
    return peer.run(command, lambda: peer.answers(*GREETINGS["memcached"]))


def start_extstore(name, directory):
    """memcached with little memory and a file; its pages are as small as suits such a file."""
    exe = installed(name, "memcached")
    peer = Peer(name, directory)
    os.chmod(peer.directory, 0o777)
    memory, file = EXTSTORE_MB
    peer.about = f"{first_line(exe, '--version')}, -m {memory}, ext_path {file} MB"
    command = [exe, "-l", "127.0.0.1", "-p", str(peer.port), "-m", str(memory), "-t", "1", "-o",
               f"ext_page_size=4,ext_path={peer.directory}/file:{file}m"]
    if os.getuid() == 0:
        command += ["-u", "nobody"]
    return peer.run(command, lambda: peer.answers(*GREETINGS["memcached"]))


def start_postgres(name, directory):
    """PostgreSQL refuses to run as root."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda f: int(f.split("/")[4]))
    folder = folders[-1] if folders else os.path.dirname(installed(name, "postgres"))
    user = "postgres" if os.getuid() == 0 else None
    peer = Peer(name, directory)
    if user:
        shutil.chown(peer.directory, user)
    subprocess.run([f"{folder}/initdb", "-D", f"{peer.directory}/db", "-U", "postgres", "-A",
                    "trust", "-E", "UTF8", "--locale=C.UTF-8"], check=True,
                   cwd=peer.directory, stdout=subprocess.DEVNULL, **account(user))
    peer.about = first_line(f"{folder}/postgres", "--version") + \
        ", synchronous_commit on, shared_buffers 256 MB"
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": peer.directory,
                "max_connections": 600, "shared_buffers": "256MB", "fsync": "on",
                "synchronous_commit": "on", "max_wal_size": "4GB"}
    command = [f"{folder}/postgres", "-D", f"{peer.directory}/db", "-p", str(peer.port)]
    for key, value in settings.items():
        command += ["-c", f"{key}={value}"]
    psql = [f"{folder}/psql", "-h", "127.0.0.1", "-p", str(peer.port), "-U", "postgres", "-c",
            "select 1"]
    return peer.run(command, lambda: subprocess.run(psql, capture_output=True).returncode == 0,
                    user=user)


def start_pgbouncer(name, directory):
    """A pooler in front of a PostgreSQL of its own; it refuses to run as root."""
    exe = installed(name, "pgbouncer")
    user = "postgres" if os.getuid() == 0 else None
    behind = start_postgres("postgres-behind", directory)
    peer = Peer(name, directory, behind)
    peer.about = f"{first_line(exe, '--version')} in front of PostgreSQL"
    settings = peer.directory / "pgbouncer.ini"
    settings.write_text(PGBOUNCER_INI.format(behind=behind.port, port=peer.port))
    return peer.run([exe, str(settings)], lambda: peer.answers(*GREETINGS["pgbouncer"]), user=user)


STARTERS = {"redis": start_redis, "redis-everysec": start_redis, "postgres": start_postgres,
            "pgbouncer": start_pgbouncer, "memcached": start_memcached,
            "memcached-extstore": start_extstore}


def start(name, directory):
    return STARTERS[name](name, directory)


# ---- what idle connections cost a peer ----

SETTLE_S, IDLE_S = 0.3, 2


def idle(peer, count):
    """Bytes of one of `count` greeted connections, and the processor all of them take."""
    pid, sockets = peer.process.pid, []
    time.sleep(SETTLE_S)
    before = resident(pid)
    try:
        for _ in range(count):
            sockets.append(peer.ask(*GREETINGS[peer.kind]))
        time.sleep(SETTLE_S)
        cost, begin = resident(pid) - before, processor(pid)
        time.sleep(IDLE_S)
        return max(cost, 0) / count, (processor(pid) - begin) / IDLE_S
    finally:
        for one in sockets:
            one.close()
