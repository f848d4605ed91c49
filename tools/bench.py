"""Measure Largetable, alone or beside other servers; every answer is checked.

  ./dev bench [--workload W,W] [OPTION of `largetable bench`]    one round of our workloads
  ./dev bench --peer redis|postgres|echo [--rounds N] ...        rounds that alternate, their ratio
  ./dev bench --suite NAME[,NAME]                                suites with bars; see below
  ./dev bench --report [--suite NAME[,NAME]]                     the same, and doc/benchmarks/
  ./dev bench --smoke                                            every suite, small: a test
  ./dev bench --soak MINUTES [--limit MB]                        a mixed load at a limit of memory

Arguments after -- go to Largetable's server.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import bench_report  # noqa: E402
import bench_rounds  # noqa: E402
import bench_soak  # noqa: E402
import bench_suites  # noqa: E402

OWN = ["read", "read-secondary", "insert", "insertMany", "update", "update-hot", "scan", "ycsb-a",
       "ycsb-b", "ycsb-c", "ycsb-d", "ycsb-e", "ycsb-f"]
PEERS = {"redis": ["read", "insert", "insertMany"], "postgres": OWN, "echo": ["read"]}
RELEASE = ROOT / "build/release/largetable"


def parse(arguments):
    """(what is ours, what `largetable bench` gets, what the server gets)."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="suites: " + ", ".join(bench_suites.SUITES) +
               "\n`build/release/largetable bench --help` tells the other options")
    parser.add_argument("--suite", help="names with commas between them; all: every one")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--limit", type=int, default=512, metavar="MB", help="of --soak (512)")
    parser.add_argument("--size", choices=["full", "short"], default="full",
                        help="of suites (full)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "doc/benchmarks",
                        help="where --report writes (doc/benchmarks)")
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--fsync", choices=["always", "everysec"], default="always",
                        help="of redis (always)")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--workload", help="names with commas between them")
    parser.add_argument("--documents", type=int, help="of workloads, of YCSB and of --soak")
    parser.add_argument("--json", metavar="FILE", help="of workloads: the raw numbers")
    parser.add_argument("--exe", type=pathlib.Path, default=RELEASE, help="the program to measure")
    options, rest = parser.parse_known_args(arguments[:at])
    if rest and (options.suite or options.report or options.smoke or options.soak):
        parser.error(f"unknown for suites and soak: {' '.join(rest)}")
    if options.soak is not None and options.soak <= 0:
        parser.error("--soak must be more than 0 minutes")
    if options.suite not in (None, "all"):
        for name in options.suite.split(","):
            if name not in bench_suites.SUITES:
                parser.error(f"there is no suite '{name}'; there are "
                             f"{', '.join(bench_suites.SUITES)}")
    return options, rest, arguments[at + 1:]


def sized(options):
    """The size of the suites with what the command line changes of it."""
    size = bench_suites.SIZES["smoke" if options.smoke else options.size]
    changes = {"rounds": options.rounds, "seconds": options.seconds}
    if options.documents:
        changes |= {"documents": options.documents, "ycsb": options.documents}
    return dataclasses.replace(size, **{k: v for k, v in changes.items() if v is not None})


def chosen(options):
    names = options.suite.split(",") if options.suite not in (None, "all") else bench_suites.SUITES
    return [bench_suites.SUITES[name](sized(options)) for name in names]


# ---- suites ----

def suites(session, options, server_arguments):
    """Bars that are not reached are told, not failures: what fails is a wrong answer."""
    for suite in chosen(options):
        results = bench_rounds.run_suite(session, suite, sized(options), server_arguments)
        if results:
            bench_rounds.tell(bench_rounds.judge(suite, results))
            bench_report.save(options.out, suite, sized(options), session, results, ROOT)
    if options.report:
        bench_report.write(options.out)
        print(f"bench: wrote {options.out / 'README.md'}")
    return 0


def echo_is_the_same(suite, results):
    """The ceiling is one only while it moves as many bytes as a point read."""
    if suite.name != "read":
        return
    for figure in "sent", "received":
        ours, echo = (bench_rounds.median(results, who, figure) for who in ("largetable", "echo"))
        if ours != echo:
            raise bench_rounds.BenchError(f"a point read has {ours} bytes {figure}, echo {echo}: "
                                          "put the sizes at the head of bench_echo.c right")


def smoke(session, options, server_arguments):
    """Every suite small: what it does must be right."""
    folder, skipped = pathlib.Path(session.directory) / "report", []
    for suite in chosen(options):
        results = bench_rounds.run_suite(session, suite, sized(options), server_arguments)
        if results:
            echo_is_the_same(suite, results)
            bench_report.save(folder, suite, sized(options), session, results, ROOT)
        else:
            skipped.append(suite.name)
    bench_report.write(folder)
    print(f"smoke: {len(list(folder.glob('raw/*')))} suites, every answer right" +
          (f"; skipped: {', '.join(skipped)}" if skipped else ""))
    return 0


def smoke_exe(exe):
    """The release binary, unless a source is newer than it."""
    if not RELEASE.exists():
        return exe
    newest = max(path.stat().st_mtime for path in (ROOT / "src").rglob("*.[chd]*"))
    return RELEASE if RELEASE.stat().st_mtime >= newest else exe


# ---- workloads of one's own choice ----

def workload_suite(workload, options, rest):
    """Runs that alternate between Largetable and the peer."""
    figure = "documents" if workload == "insertMany" else "rate"
    wanted = {"workload": workload}
    if options.documents is not None:
        wanted["documents"] = options.documents
    runs = [bench_suites.Run(who, who, wanted, extra=tuple(rest))
            for who in ("largetable", options.peer)]
    bar = bench_suites.Bar(options.peer, "largetable", figure, over=options.peer, least=1.0)
    unit = "documents/s" if workload == "insertMany" else "operations/s"
    return bench_suites.Suite(workload, f"largetable bench --workload {workload}", figure, unit,
                              runs, [bar])


def beside(session, options, rest, server_arguments):
    """Medians and ratios; the raw numbers to --json."""
    raw, ratios = {}, []
    for workload in (options.workload or ",".join(PEERS[options.peer])).split(","):
        suite = workload_suite(workload, options, rest)
        raw[workload] = bench_rounds.run_suite(session, suite, sized(options), server_arguments)
        if options.peer not in raw[workload]:
            return 1
        ratios.append((suite, bench_rounds.judge(suite, raw[workload])[0]))
    print(f"\nmedians against {session.about.get(options.peer, options.peer)}")
    for suite, bar in ratios:
        print(f"  {suite.name:<15} {bar['median']:>10,.0f} {suite.unit:<13} {options.peer} "
              f"{bar['other']:>10,.0f}  ratio {bar['found']:.2f}")
    if options.json:
        about = {"peer": session.about.get(options.peer), "machine": bench_report.machine()}
        pathlib.Path(options.json).write_text(json.dumps({**about, "raw": raw}, indent=1) + "\n",
                                              encoding="utf-8")
    return 0


def alone(session, options, rest, server_arguments):
    """The tables of `largetable bench` itself; the raw numbers, one a line, to --json."""
    lines = []
    for workload in (options.workload or ",".join(OWN)).split(","):
        for _ in range(options.rounds or 1):
            file = os.path.join(session.directory, "one.json")
            arguments = ["--spawn", "--workload", workload, "--idle", "1000", "--json", file]
            for name in "seconds", "documents":
                if getattr(options, name) is not None:
                    arguments += [f"--{name}", str(getattr(options, name))]
            session.run_client([*arguments, *rest, "--", *server_arguments])
            lines.append(pathlib.Path(file).read_text(encoding="utf-8"))
    if options.json:
        pathlib.Path(options.json).write_text("".join(lines), encoding="utf-8")
    return 0


def run(session, options, rest, server_arguments):
    if options.soak:
        return bench_soak.soak(session, options.soak, options.limit, options.documents or 100_000,
                               server_arguments)
    if options.smoke:
        return smoke(session, options, server_arguments)
    if options.suite or options.report:
        return suites(session, options, server_arguments)
    if options.peer:
        return beside(session, options, rest, server_arguments)
    return alone(session, options, rest, server_arguments)


def main():
    options, rest, server_arguments = parse(sys.argv[1:])
    for number in signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    if options.smoke:
        options.exe = smoke_exe(options.exe)
    if not options.exe.exists():
        sys.exit(f"bench: there is no {options.exe}; ./dev build makes it")
    try:
        with bench_rounds.Session(options.exe.resolve(), options.fsync) as session:
            return run(session, options, rest, server_arguments)
    except (bench_rounds.BenchError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
