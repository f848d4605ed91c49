"""tools/bench.py - what tools/bench.sh does with numbers.

    line WHO ROUND FILE            one line about one measurement
    summary FILE ABOUT [JSON]      medians of each workload and their ratio; raw numbers to JSON
"""

import json
import statistics
import sys


def rate(result):
    """Documents a second where a command carries many, else operations a second."""
    many = result["workload"] == "insertMany"
    return result["documentsPerSecond" if many else "perSecond"]


def unit(workload):
    return "documents/s" if workload == "insertMany" else "operations/s"


def line(who, number, path):
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    latency = result["latencyMicros"]
    print(f"  {result['workload']:<15} round {number}  {who:<11} {rate(result):>10.0f} "
          f"{unit(result['workload'])}  p50 {latency['p50'] / 1e3:.3f} ms  "
          f"p99 {latency['p99'] / 1e3:.3f} ms", flush=True)


def medians(results, workload, peer):
    chosen = [r for r in results if r["workload"] == workload and r["peer"] == peer]
    return {
        "rounds": len(chosen),
        "rate": statistics.median(rate(r) for r in chosen),
        "rates": [rate(r) for r in chosen],
        "p50Micros": statistics.median(r["latencyMicros"]["p50"] for r in chosen),
        "p99Micros": statistics.median(r["latencyMicros"]["p99"] for r in chosen),
        "p99.9Micros": statistics.median(r["latencyMicros"]["p99.9"] for r in chosen),
    }


def summary(path, about, target=None):
    with open(path, encoding="utf-8") as file:
        results = [json.loads(text) for text in file]
    peers = list(dict.fromkeys(r["peer"] for r in results))
    workloads = list(dict.fromkeys(r["workload"] for r in results))
    table = {w: {p: medians(results, w, p) for p in peers} for w in workloads}
    print(f"\nmedians{' against ' + about if about else ''}")
    for workload, row in table.items():
        ours = row["largetable"]
        text = f"  {workload:<15} {ours['rate']:>10.0f} {unit(workload):<13}"
        for peer in peers[1:]:
            row[peer]["ratio"] = ours["rate"] / row[peer]["rate"]
            text += f" {peer} {row[peer]['rate']:>10.0f}  ratio {row[peer]['ratio']:.2f}"
        print(text)
    if target:
        with open(target, "w", encoding="utf-8") as file:
            json.dump({"peer": about, "medians": table, "raw": results}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    {"line": line, "summary": summary}[sys.argv[1]](*sys.argv[2:])
