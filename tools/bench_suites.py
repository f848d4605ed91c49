"""tools/bench_suites.py - what is measured, beside whom, and which bar it must reach: a table.

A suite's runs follow each other in every round. A bar compares medians: the figure of one run,
alone or divided by that of another.
"""

import dataclasses

import bench_costs
import bench_policies
from bench_trace import traces


# How much is measured; `full` is what the bars are meant for.
AMOUNTS = {  # full, short, smoke
    "rounds": (5, 3, 1),
    "seconds": (10, 5, 0.3),
    "warmup": (2, 1, 0),
    "documents": (100_000, 100_000, 1_000),
    "ycsb": (1_000_000, 100_000, 1_000),  # documents of YCSB
    "growth": (1_000_000, 100_000, 200),  # documents before they become ten times as many
    "calm": (8, 6, 0),  # warm-up until a store of `documents` has sorted what was loaded
    "rest": (20, 6, 0),  # warm-up until most of a load is sorted, and what is asked for most known
    "settle": (60, 15, 0),  # the same where there are many more
    "many": (10_000, 10_000, 300),  # connections where there are ten thousand
    "crowd": (15_000, 15_000, 450),  # connections where there are fifteen thousand
    "writers": (512, 512, 96),  # connections where there are 512
    "batches": (64, 64, 4),  # connections that send a hundred documents each
    "generated": (200_000, 100_000, 2_000),  # documents of each generated data set
    "looks": (12, 12, 2),  # as many equal sizes, a second apart, are those at rest
    "streams": (1_000, 1_000, 20),  # that follow one collection
    "followed": (20_000, 20_000, 2_000),  # writes a second that they follow
    "deleted": (500_000, 500_000, 5_000),  # documents of which every second is deleted
    "watched": (10, 10, 1.5),  # seconds that memory is watched after that
    "requests": (5_000_000, 1_000_000, 2_000),  # of a recorded trace
    "counted": (500, 500, 20),  # operations of each kind whose costs are counted
    "pages": (1_000_000, 125_000, 2_000),  # documents of 4 KB that are read from levels
    "fill": (120, 20, 0.5),  # seconds of reading that fill them
}
Size = dataclasses.make_dataclass("Size", AMOUNTS, frozen=True)
SIZES = {name: Size(*column)
         for name, column in zip(("full", "short", "smoke"), zip(*AMOUNTS.values()))}


@dataclasses.dataclass(frozen=True)
class Run:
    label: str
    who: str                  # largetable, echo, or a peer of bench_peers
    options: dict             # of `largetable bench`, or of `kind`
    kind: str = "client"      # a row of bench_rounds.KINDS
    half_of: str | None = None  # open loop, at half of the rate that run had in this round,
    load: float = 0.5         # or at another part of it
    server: tuple = ()        # more options of Largetable's server
    extra: tuple = ()         # more arguments of `largetable bench`


@dataclasses.dataclass(frozen=True)
class Bar:
    text: str
    run: str
    figure: str
    over: str | None = None   # divide by the same figure of this run
    least: float | None = None
    most: float | None = None


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    title: str
    figure: str               # what is drawn and told
    unit: str
    runs: list
    bars: list
    rounds: int | None = None  # where a figure does not vary
    note: str = ""            # what a reader of the figures must know
    columns: tuple = ()       # of the table of runs, beside the usual: (figure, heading, digits)
    disk_gb: float = 1        # what it needs free
    memory_gb: float = 0


def read(size):
    options = {"workload": "read", "connections": 64, "documents": size.documents,
               "warmup": size.calm}
    return Suite(
        "read", "Point read by _id, 64 connections, 512 B", "rate", "operations/s",
        [Run("largetable", "largetable", options), Run("redis", "redis", options),
         Run("echo", "echo", options),
         Run("half load", "largetable", options, half_of="largetable")],
        [Bar("redis GET", "largetable", "rate", over="redis", least=1.0),
         Bar("a raw epoll echo of the same sizes", "largetable", "rate", over="echo", least=0.85),
         Bar("p99 at half load, ms", "half load", "p99", most=1.0)])


def connections(size):
    many = {"workload": "read", "connections": size.many, "documents": size.documents,
            "warmup": size.calm}
    few = {**many, "connections": 64}
    crowd = {**many, "connections": size.crowd}
    return Suite(
        "connections", f"Point read at {size.many:,} connections", "rate", "operations/s",
        [Run("largetable", "largetable", many), Run("redis", "redis", many),
         Run(f"{size.crowd:,}", "largetable", crowd),
         Run(f"{size.crowd:,}: redis", "redis", crowd),
         Run("many, half load", "largetable", many, half_of="largetable"),
         Run("64, same load", "largetable", few, half_of="largetable")],
        [Bar("redis GET", "largetable", "rate", over="redis", least=1.0),
         Bar(f"redis GET, {size.crowd:,} connections", f"{size.crowd:,}", "rate",
             over=f"{size.crowd:,}: redis", least=1.0),
         Bar("p99 over that of 64 connections at equal load", "many, half load", "p99",
             over="64, same load", most=2.0)])


def insert(size):
    runs, bars = [], []
    for count in 64, size.writers:
        options = {"workload": "insert", "connections": count, "documents": size.documents // 10}
        for who in "largetable", "postgres", "redis":
            runs.append(Run(f"{count}: {who}", who, options))
        for who, least in ("postgres", 5.0), ("redis", 1.5):
            bars.append(Bar(f"{who}, {count} connections", f"{count}: largetable", "rate",
                            over=f"{count}: {who}", least=least))
    return Suite("insert", "Durable insert, one document a request", "rate", "operations/s", runs,
                 bars)


def insert_many(size):
    options = {"workload": "insertMany", "connections": size.batches, "documents": 0, "batch": 100,
               "indexes": 3}
    return Suite(
        "insert-many", "insertMany of 100, 512 B, three indexes", "documents", "documents/s",
        [Run("largetable", "largetable", options), Run("postgres", "postgres", options)],
        [Bar("PostgreSQL multi-row INSERT", "largetable", "documents", over="postgres", least=5.0),
         Bar("documents a second", "largetable", "documents", least=100_000)])


def hot(size):
    options = {"workload": "update-hot", "connections": 64, "documents": 1000}
    return Suite(
        "hot", "Update $inc on one hot document, 64 connections", "rate", "operations/s",
        [Run("largetable", "largetable", options), Run("postgres", "postgres", options)],
        [Bar("PostgreSQL UPDATE", "largetable", "rate", over="postgres", least=20.0)])


def ycsb(size):
    return ycsb_of("ycsb", size.ycsb, size)


def ycsb_large(size):
    """More documents than the memory budget holds."""
    return ycsb_of("ycsb-large", 10 * size.ycsb, size)


def ycsb_of(name, documents, size):
    runs, bars = [], []
    for letter in "abcdef":
        options = {"workload": f"ycsb-{letter}", "connections": 64, "documents": documents,
                   "warmup": size.rest}
        for who in "largetable", "postgres":
            runs.append(Run(f"{letter.upper()}: {who}", who, options))
        bars.append(Bar(f"PostgreSQL jsonb, {letter.upper()}", f"{letter.upper()}: largetable",
                        "rate", over=f"{letter.upper()}: postgres", least=3.0))
    return Suite(name, f"YCSB A-F, {documents:,} documents", "rate", "operations/s", runs, bars,
                 disk_gb=5e-6 * documents)


def idle(size):
    options = {"count": size.many}
    return Suite(
        "idle", f"{size.many:,} idle connections", "bytes", "bytes each",
        [Run(who, who, options, kind="idle")
         for who in ("largetable", "redis", "memcached", "pgbouncer")],
        [Bar("resident bytes of each", "largetable", "bytes", most=2048),
         Bar("of a processor, %", "largetable", "processor", most=3.0)], rounds=1)


def fair(size):
    runs, bars = [], []
    for count in size.many, size.crowd:
        options = {"count": count, "slow": count // 50, "greedy": max(count // 200, 2)}
        label = f"{count:,}"
        runs.append(Run(label, "largetable", options, kind="fair"))
        bars.append(Bar(f"p99 of polite connections, {label}, ms", label, "p99", most=50.0))
        bars.append(Bar(f"resident bytes of each afterwards, {label}", label, "bytes", most=2048))
    return Suite(
        "fair", "Polite connections beside slow and greedy ones", "p99", "ms", runs, bars, rounds=1,
        note="One connection in fifty sends a request byte by byte, one in two hundred always has "
        "a hundred requests on the way; every other one asks once and must be answered.")


def streams(size):
    label = f"{size.streams:,} streams"
    return Suite(
        "streams", f"{size.followed:,} writes/s to one collection, open loop, and who follows them",
        "extra", "processors",
        [Run(name, "largetable", {"count": count, "rate": size.followed}, kind="streams")
         for name, count in (("1 stream", 1), (label, size.streams))],
        [Bar("of the writes that were to be done in a second", label, "kept", least=0.99),
         Bar("processors, over what the writes alone take", label, "extra", most=1.0)], rounds=1,
        columns=(("alone", "processors, nobody follows", 2), ("lag50", "lag p50, ms", 1),
                 ("lag99", "lag p99, ms", 1), ("events", "events/s", 0)),
        note="Each stream wants one value of a field ($match), and of ten writes one is wanted by "
        "a stream; streams without a filter would be sent every write, twenty million documents a "
        "second for a thousand of them, which no wire takes. Every stream gets exactly its own, in "
        "order. A lag is from sending the write, twenty documents, to reading the event.")


def overload(size):
    places = 4
    options = {"workload": "scan", "documents": size.documents, "connections": 256,
               "scan-length": min(1000, size.documents // 2)}
    server = ("--admissionScans", str(places))
    runs = [Run("peak", "largetable", {**options, "connections": places}, server=server)]
    for load in 0.5, 1, 2, 5:
        runs.append(Run(f"{load:g} of peak", "largetable", options, half_of="peak", load=load,
                        server=server))
    return Suite(
        "overload", f"Scans of {options['scan-length']:,} documents, open loop, {places} places",
        "rate", "operations/s", runs,
        [Bar("of the peak, at five times the load", "5 of peak", "rate", over="peak", least=0.8),
         Bar("p99 over that at half load", "5 of peak", "p99", over="0.5 of peak", most=3.0)],
        note="What is past the load that a node can carry is refused with error 462; the rate and "
        "the latencies are of what was answered.")


def disk(size):
    runs, bars = [], []
    for codec, most in ("zstd", 30.0), ("lz4", 45.0):
        for data in "cities", "countries", "log-like", "order-like":
            label = f"{codec}: {data}"
            options = {"codec": codec, "data": data, "count": size.generated, "looks": size.looks}
            runs.append(Run(label, "largetable", options, kind="disk"))
            bars.append(Bar(f"{data} with {codec}, %", label, "percent", most=most))
    return Suite("disk", "Data on disk against raw BSON", "percent", "% of BSON", runs, bars,
                 rounds=1, note="At rest: seconds after the last write the store has packed what "
                 "lay plain. Sizes are those of the store's files, with their keys, filters and "
                 "indexes.")


def deletes(size):
    options = {"count": size.deleted, "watched": size.watched}
    return Suite(
        "deletes", f"After deleting every second of {size.deleted:,} documents of 150 B", "ratio",
        "resident / used",
        [Run(who, who, options, kind="deletes") for who in ("largetable", "redis")],
        [Bar("resident over used, 10 s later", "largetable", "ratio", most=1.10),
         Bar("of a processor meanwhile, %", "largetable", "processor", most=25.0),
         Bar("p99.9 of reads meanwhile, ms", "largetable", "p99.9", most=1.0)], rounds=1,
        note="Without what is resident before there are data; what is used is the server's own "
        "count. What is left is compared with what must be left. Debian's redis is built "
        "without active defragmentation.")


def levels(size):
    options = {"requests": size.requests}
    bars = [Bar("part of the reads that had to ask the store", "largetable", "misses", most=0.04)]
    for figure in "rss", "p50", "p99", "p99.9":
        bars.append(Bar(f"{figure} over memcached's", "largetable", figure, over="memcached",
                        most=1.0))
    return Suite(
        "levels", f"Three levels: orm-busy, {size.requests:,} requests, 16 MB and a file of 128 MB",
        "rate", "requests/s",
        [Run("largetable", "largetable", options, kind="trace"),
         Run("memcached", "memcached-extstore", options, kind="trace")],
        bars, rounds=1,
        note="One connection. Values are 2 to 5 KB and do not compress. A miss of Largetable is "
        "answered from the store's disk and its time is in the figures; one of memcached is told "
        "at once, and what the application would do then is not. Fewer than all 5,000,000 requests "
        "have more first ones in them, which nobody can have.")


def mapped(size):
    bytes_each, bytes_all = 4096, 4096 * size.pages
    total_mb = max(bytes_all * 5 // 4 // 10**6, 64)
    options = {"workload": "read", "connections": 16, "documents": size.pages,
               "document-size": bytes_each}
    servers = {"heap only": ("--cacheSizeMB", str(total_mb)),
               "mapped": ("--cacheTotalMB", str(total_mb), "--cacheMemoryPercent", "20",
                          "--cacheMappedPercent", "80", "--cacheDiskPercent", "0",
                          "--cacheCompression", "none", "--cacheWriteMBPerSecond", "0")}
    runs = [Run(label, "largetable", options, kind="kept", server=server)
            for label, server in servers.items()]
    runs += [Run(f"{label}, same load", "largetable", options, kind="kept", server=server,
                 half_of="heap only") for label, server in servers.items()]
    return Suite(
        "mapped", f"Reading {bytes_all / 1e9:.2g} GB with a mapped level and from the heap only",
        "anonymous", "MB anonymous", runs,
        [Bar("anonymous memory over the heap's", "mapped", "anonymous", over="heap only",
             most=0.40),
         Bar("p99 over the heap's, both at half of its rate", "mapped, same load", "p99",
             over="heap only, same load", most=1.0)],
        rounds=min(size.rounds, 3), columns=(("rss", "MB resident", 0), ("rate", "reads/s", 0)),
        note=f"Point reads of documents of 4 KB at random, each as likely as any other, from 16 "
        f"connections. Both servers have {total_mb:,} MB for what they cache: one all in memory, "
        "the other a fifth there and the rest in a mapped file, uncompressed. Both are loaded "
        f"once, asked for {size.fill:g} s, and then measured in turns; what is anonymous is taken "
        "after each run.", disk_gb=5 * bytes_all / 1e9, memory_gb=4 * bytes_all / 1e9)


def restart(size):
    requests = size.requests // 8
    return Suite(
        "restart", "Until the cache is as good as before a restart: orm-busy, three levels, 136 MB",
        "requests", "requests",
        [Run(state, "largetable", {"state": state, "requests": requests}, kind="restart")
         for state in ("steady", "restarted", "cold")],
        [Bar("requests until hits are within 2 points, over a cold start's", "restarted",
             "requests", over="cold", most=0.10)],
        rounds=1, columns=(("hits", "hits, %", 2),),
        note=f"After {requests:,} requests half as many more are asked of a server that goes on, "
        "of one that was stopped cleanly and started, and of one that has cached nothing. A window "
        "of a tenth of them moves on; counted are the requests before the first one in which the "
        "hits are within 2 points of those that the first server has in it. A hit is a read that "
        "did not ask the store's disk.")


def policies(size):
    runs = [Run(f"{trace}, {share} %", "largetable",
                {"trace": trace, "share": share, "requests": size.requests}, kind="policies")
            for trace in traces.TRACES for share in traces.SHARES]
    sized = [run.label for run in runs if traces.TRACES[run.options["trace"]][1] == "sized"]
    runs += [Run("all", "largetable", {"sized": sized}, kind="policies"),
             Run("libCacheSim", "largetable", {}, kind="policies")]
    columns = [(name, name, 4) for name in bench_policies.POLICIES]
    return Suite(
        "policies", "Cache policies on recorded traces, at shares of their distinct keys", "worse",
        "adaptive's misses / LRU's", runs,
        [Bar("LRU, FIFO, LFU, optimum and S3-FIFO that are not libCacheSim's", "libCacheSim",
             "wrong", most=0),
         Bar("adaptive on the way from LRU to the optimum, mean, %", "all", "way", least=25.0),
         Bar("adaptive's misses over LRU's, worst", "all", "worse", most=1.02)],
        rounds=1, columns=(*columns, ("way", "way to the optimum, %", 1)),
        note="Miss ratios of the simulator, which runs the server's own policies; the optimum "
        "knows the future. The mean leaves out traces where LRU is the optimum and the one that is "
        "run by bytes, cdn-bytes, for which the furthest next use is not the optimum.")


def costs(size):
    return Suite(
        "costs", "What one operation takes", "instructions", "instructions",
        [Run(name, "largetable", {"count": size.counted}, kind="costs")
         for name in bench_costs.OPERATIONS], [], rounds=1,
        columns=(("calls", "system calls", 1), ("allocations", "allocations", 2),
                 ("own", "of our own code", 2), ("copied", "bytes copied", 0)),
        note=f"One connection, one operation after the other, documents of 430 B; the mean of "
        f"{size.counted:,}. Instructions are those outside the system, by callgrind; system calls "
        "of all threads, by strace; allocations are calls of the allocator, once a second's own "
        "among them; bytes are those that memcpy and its like move, by DHAT, not what the compiler "
        "copies in place nor what the system copies.")


def flame(size):
    return Suite(
        "flame", "Where the time of a point read and of an insert goes", "kernel",
        "in the kernel, %",
        [Run(workload, "largetable", {"workload": workload, "documents": documents}, kind="flame")
         for workload, documents in (("read", size.documents // 10), ("insert", 0))],
        [], rounds=1,
        columns=(("own", "in our own code, %", 1), ("rocksdb", "in RocksDB, %", 1),
                 ("other", "in other libraries, %", 1), ("samples", "samples", 0)),
        note="64 connections; all threads of the server, by the processor's clock (cpu-clock), so "
        "without what waits. A frame stands on its caller and is as wide as its part of the time; "
        "what is below two thousandths is left out. Libraries without names of their functions are "
        "one frame.")


def growth(size):
    runs, bars = [], []
    for workload in "read", "update":
        for count in size.growth, 10 * size.growth:
            options = {"workload": workload, "connections": 64, "documents": count,
                       "warmup": size.settle}
            runs.append(Run(f"{workload}, {count:,}", "largetable", options))
        bars.append(Bar(f"time of a {workload}, ten times the documents", runs[-2].label, "rate",
                        over=runs[-1].label, most=1.3))
    return Suite("growth", f"Cost growth, {size.growth:,} to {10 * size.growth:,} documents",
                 "rate", "operations/s", runs, bars, disk_gb=2e-6 * 10 * size.growth)


def transactions(size):
    """Ten writes in a transaction beside ten in one command; ten reads beside ten of their own."""
    options = {"connections": 64, "documents": size.documents, "batch": 10}
    works = ["txn-insert", "insertMany", "txn-read", "read"]
    return Suite(
        "transactions", "Transactions of ten commands, 64 connections", "documents", "documents/s",
        [Run(work, "largetable", {**options, "workload": work}) for work in works],
        [Bar("insertMany of 10", "txn-insert", "documents", over="insertMany", least=0.6),
         Bar("time of a read, in a transaction", "read", "documents", over="txn-read", most=1.3)])


SUITES = {"read": read, "connections": connections, "insert": insert, "insert-many": insert_many,
          "hot": hot, "ycsb": ycsb, "ycsb-large": ycsb_large, "idle": idle, "fair": fair,
          "streams": streams, "overload": overload, "disk": disk, "deletes": deletes, "levels": levels,
          "mapped": mapped, "restart": restart, "policies": policies, "costs": costs,
          "transactions": transactions,
          "flame": flame, "growth": growth}
