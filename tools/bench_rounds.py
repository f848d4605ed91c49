"""tools/bench_rounds.py - the runs of a suite, round by round, and what they come to.

A session owns the directory of everything that is started; it goes with the session. A result is a
dict of figures with the client's own JSON in `raw`. Milliseconds are ms, rates are a second.
"""

import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import tempfile

import bench_costs
import bench_deletes
import bench_disk
import bench_fair
import bench_flame
import bench_peers
import bench_policies
import bench_restart
import bench_streams
import bench_trace
from bench_process import Missing, Server, anonymous, memory_free, resident


class BenchError(Exception):
    pass


@dataclasses.dataclass
class Round:
    """What a run may look at: the suite's size and what ran before it in the same round."""
    size: object
    server_arguments: list
    results: dict = dataclasses.field(default_factory=dict)  # {label: result}
    counted: dict | None = None  # what operations take: all are counted at once


class Session:
    def __init__(self, exe, fsync="always"):
        self.exe = str(exe)
        self.fsync = fsync
        self.directory = tempfile.mkdtemp(prefix="largetable-bench-")
        os.chmod(self.directory, 0o755)  # PostgreSQL runs as another user
        self.peers = {}
        self.kept = {}  # {options: Largetable's server}, loaded once for all rounds
        self.missing = {}
        self.about = {}
        self.background = 0  # % of the processors that other work took during the last suite

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop_servers()
        shutil.rmtree(self.directory, ignore_errors=True)

    def peer(self, name):
        """The started peer; Missing when it is not installed."""
        if name in self.missing:
            raise Missing(self.missing[name])
        if name not in self.peers:
            which = f"{name}-everysec" if (name, self.fsync) == ("redis", "everysec") else name
            try:
                self.peers[name] = bench_peers.start(which, self.directory)
            except Missing as error:
                self.missing[name] = str(error)
                raise
            self.about[name] = self.peers[name].about
        return self.peers[name]

    def stop_servers(self):
        while self.peers:
            self.peers.popitem()[1].stop()
        while self.kept:
            self.kept.popitem()[1].close()

    def run_client(self, arguments, **how):
        """`largetable bench` with its temporary files where they go with the session."""
        done = subprocess.run([self.exe, "bench", *arguments], text=True,
                              env={**os.environ, "TMPDIR": self.directory,
                                   "PGUSER": "postgres"}, **how)
        if done.returncode != 0:
            raise BenchError(f"`largetable bench {' '.join(arguments)}` ended with "
                             f"{done.returncode}\n{(done.stderr or '').strip()}")
        return done.stdout

    def run_bench(self, arguments):
        """What it measures, as it tells it."""
        return json.loads(self.run_client(["--json", "-", *arguments], capture_output=True))


def option_arguments(run):
    return [word for name, value in run.options.items() for word in (f"--{name}", str(value))]


def client_arguments(session, run, now):
    arguments = ["--warmup", str(now.size.warmup), "--seconds", str(now.size.seconds),
                 *option_arguments(run)]
    if run.half_of:
        arguments += ["--rate", str(max(int(now.results[run.half_of]["rate"] * run.load), 1))]
    arguments += run.extra
    if run.kind == "kept":
        arguments += ["--loaded", "--port", str(session.kept[run.server].port)]
    elif run.who == "largetable":
        server = [*run.server, *now.server_arguments]
        arguments += ["--spawn"] + (["--", *server] if server else [])
    elif run.who == "echo":
        arguments += ["--spawn", "--peer", "echo"]
    else:
        peer = session.peer(run.who)
        peer.empty()
        arguments += ["--peer", peer.kind, "--port", str(peer.port)]
    return arguments


def measure_client(session, run, now):
    raw = session.run_bench(client_arguments(session, run, now))
    latency, operations = raw["latencyMicros"], max(raw["operations"], 1)
    if raw["operations"] == 0:
        raise BenchError(f"{run.label}: nothing was done in {now.size.seconds} s")
    figures = {"rate": raw["perSecond"], "documents": raw["documentsPerSecond"],
               "client": raw["clientProcessorSeconds"] / raw["seconds"],
               "sent": raw["bytesSent"] / operations, "received": raw["bytesReceived"] / operations}
    for name in "p50", "p99", "p99.9":
        figures[name] = latency[name] / 1e3
    if "server" in raw:
        figures["server"] = raw["server"]["processorSeconds"] / raw["seconds"]
    return {**figures, "raw": raw}


def measure_kept(session, run, now):
    """A server that is loaded at its first run and stays, with what it has in memory."""
    if run.server not in session.kept:
        server = session.kept[run.server] = Server(session.exe, *run.server, *now.server_arguments)
        server.start()
        session.run_bench(["--port", str(server.port), *option_arguments(run), "--warmup", "0",
                           "--seconds", str(now.size.fill)])
    figures = measure_client(session, run, now)
    pid = session.kept[run.server].process.pid
    return {**figures, "anonymous": anonymous(pid) / 2**20, "rss": resident(pid) / 2**20}


def measure_idle(session, run, now):
    count = run.options["count"]
    if run.who != "largetable":
        cost, share = bench_peers.idle(session.peer(run.who), count)
        return {"bytes": cost, "processor": share * 100}
    raw = session.run_bench(["--spawn", "--idle", str(count), "--documents", "100", "--warmup", "0",
                             "--seconds", str(min(now.size.seconds, 1)),
                             *(["--", *now.server_arguments] if now.server_arguments else [])])
    server = raw["server"]
    return {"bytes": server["idleConnectionBytes"], "processor": server["idleProcessors"] * 100,
            "raw": raw}


def measure_disk(session, run, _):
    found = bench_disk.measure(session.exe, run.options, session.directory)
    if found["documents"] == 0 or found["documents"] != found["imported"]:
        raise BenchError(f"{run.label}: {found['imported']} documents were imported, "
                         f"{found['documents']} are there")
    return found


def measure_deletes(session, run, now):
    return bench_deletes.measure(session, run.who, run.options["count"], run.options["watched"],
                                 now.server_arguments)


def measure_fair(session, run, now):
    options = run.options
    return bench_fair.measure(session.exe, options["count"], options["slow"], options["greedy"],
                              now.server_arguments)


def measure_streams(session, run, now):
    options = run.options
    return bench_streams.measure(session.exe, options["count"], options["rate"], now.size.seconds,
                                 now.server_arguments)


def measure_trace(session, run, now):
    return bench_trace.measure(session, run.who, run.options["requests"], now.server_arguments)


def measure_restart(session, run, now):
    return bench_restart.measure(session.exe, run.options["state"], run.options["requests"],
                                 now.results.get("steady"), now.server_arguments)


def measure_policies(session, run, now):
    options = run.options
    if "trace" in options:
        return bench_policies.simulate(session.exe, options["trace"], options["share"],
                                       options["requests"])
    if "sized" in options:
        return bench_policies.summary(now.results, options["sized"])
    return bench_policies.references(session.exe)


def measure_costs(session, run, now):
    if now.counted is None:
        now.counted = bench_costs.measure(session, run.options["count"])
    return now.counted[run.label]


def measure_flame(session, run, now):
    options = run.options
    return bench_flame.measure(session, options["workload"], options["documents"],
                               now.size.seconds, now.server_arguments)


KINDS = {"client": measure_client, "kept": measure_kept, "idle": measure_idle, "disk": measure_disk,
         "deletes": measure_deletes, "fair": measure_fair, "streams": measure_streams,
         "trace": measure_trace,
         "restart": measure_restart, "policies": measure_policies,
         "costs": measure_costs, "flame": measure_flame}


def niced():
    """(time the processors spent on work of low priority, all their time) since they were started:
    measured programs have the usual priority."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return fields[1], sum(fields)


def told(suite, run, number, result):
    text = f"  {run.label:<20} round {number}"
    if suite.figure in result:
        text += f" {result[suite.figure]:>12,.1f} {suite.unit}"
    if "p99" in result:
        text += f"  p50 {result['p50']:.3f} ms  p99 {result['p99']:.3f} ms"
    return text


def run_suite(session, suite, size, server_arguments=()):
    """All rounds: {label: [result of each round]}; what cannot be run has no label in it."""
    print(f"{suite.name}: {suite.title}", flush=True)
    for what, needed, free in (
            (session.directory, suite.disk_gb, shutil.disk_usage(session.directory).free / 1e9),
            ("memory", suite.memory_gb, memory_free() / 1e9)):
        if free < needed:
            print(f"  skipped: it needs {needed:.1f} GB in {what}, {free:.1f} are free", flush=True)
            return {}
    nice, total = niced()
    results = {}
    try:
        for number in range(1, (suite.rounds or size.rounds) + 1):
            now = Round(size, server_arguments)
            for run in suite.runs:
                try:
                    result = KINDS[run.kind](session, run, now)
                except Missing as error:
                    if number == 1:
                        print(f"  {run.label:<20} skipped: {error}", flush=True)
                    continue
                now.results[run.label] = result
                results.setdefault(run.label, []).append(result)
                print(told(suite, run, number, result), flush=True)
    finally:
        session.stop_servers()
    after = niced()
    session.background = 100 * (after[0] - nice) / max(after[1] - total, 1)
    return results


# ---- what it comes to ----

def median(results, label, figure):
    """None when there was no such run."""
    values = [result[figure] for result in results.get(label, []) if figure in result]
    return statistics.median(values) if values else None


def judge(suite, results):
    """Each bar with what was measured and whether that reaches it; None: not measured."""
    judged = []
    for bar in suite.bars:
        value = median(results, bar.run, bar.figure)
        other = median(results, bar.over, bar.figure) if bar.over else 1
        found = value / other if value is not None and other else None
        reached = found is not None and (bar.least is None or found >= bar.least) and \
            (bar.most is None or found <= bar.most)
        judged.append({"text": bar.text, "run": bar.run, "over": bar.over, "figure": bar.figure,
                       "least": bar.least, "most": bar.most, "median": value,
                       "other": other if bar.over else None, "found": found,
                       "reached": reached if found is not None else None})
    return judged


def bar_text(bar):
    limit = f"≥ {bar['least']:,g}" if bar["least"] is not None else f"≤ {bar['most']:,g}"
    return limit + (" ×" if bar["over"] else "")


def verdict(bar):
    return {None: "not measured", True: "reached", False: "not reached"}[bar["reached"]]


def tell(judged):
    for bar in judged:
        times = " ×" if bar["over"] else ""
        found = "" if bar["found"] is None else f"{bar['found']:,.2f}{times}, "
        print(f"  bar {bar['text']}: {bar_text(bar)}: {found}{verdict(bar)}", flush=True)
