"""tools/bench_report.py - raw numbers as JSON, and the page that is made of them.

The page holds every suite that has a file under raw/, so suites can be measured one after another.
"""

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess

import bench_flame
import bench_plot
import bench_rounds
from bench_suites import SUITES

# Of each run, what any run of the suite has: figure, heading, digits.
COLUMNS = [("p50", "p50 ms", 3), ("p99", "p99 ms", 3), ("p99.9", "p99.9 ms", 3),
           ("server", "server, processors", 2), ("client", "client, processors", 2)]


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    sizes = pathlib.Path("/proc/meminfo").read_text()
    memory = int(re.search(r"MemTotal:\s+(\d+)", sizes).group(1))
    release = pathlib.Path("/etc/os-release").read_text()
    return {"processor": model.group(1) if model else platform.machine(),
            "cores": len(os.sched_getaffinity(0)), "memoryGB": round(memory / 2**20, 1),
            "kernel": platform.release(),
            "system": re.search(r'PRETTY_NAME="(.*)"', release).group(1)}


def file_system(path):
    text = subprocess.run(["df", "--output=fstype", path], capture_output=True, text=True).stdout
    return text.split()[-1]


def commit(root):
    done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--exclude=*"],
                          capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def save(folder, suite, size, session, results, root):
    """Write raw/NAME.json: all that the page tells of this suite."""
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    judged = bench_rounds.judge(suite, results)
    content = {"suite": suite.name, "title": suite.title, "figure": suite.figure,
               "unit": suite.unit, "columns": suite.columns, "note": suite.note,
               "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes"),
               "machine": {**machine(), "fileSystem": file_system(session.directory)},
               "commit": commit(root), "size": dataclasses.asdict(size),
               "background": round(session.background, 1),
               "peers": {run.who: session.about[run.who] for run in suite.runs
                         if run.who in session.about},
               "skipped": [run.label for run in suite.runs if run.label not in results],
               "runs": {run.label: run.who for run in suite.runs}, "bars": judged,
               "results": results}
    with open(folder / "raw" / f"{suite.name}.json", "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.write("\n")


# ---- the page ----

def figure(value, digits=2):
    return "–" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:,.{digits}f}"


def found_text(bar):
    return figure(bar["found"]) + (" ×" if bar["over"] and bar["found"] is not None else "")


def bar_rows(saved):
    rows = []
    for bar in saved["bars"]:
        ours = figure(bar["median"])
        theirs = figure(bar["other"]) if bar["over"] else ""
        rows.append(f"| {bar['text']} | {bench_rounds.bar_text(bar)} | {ours} | {theirs} | "
                    f"{found_text(bar)} | {bench_rounds.verdict(bar)} |")
    return rows


def run_table(saved):
    """Medians of each run; which processors were busy says what bounds it."""
    results = saved["results"]
    wanted = [(saved["figure"], saved["unit"], 2), *map(tuple, saved.get("columns", [])), *COLUMNS]
    found = {label: [bench_rounds.median(results, label, name) for name, _, _ in wanted]
             for label in saved["runs"] if label in results}
    shown = [i for i in range(len(wanted)) if any(row[i] is not None for row in found.values())]
    lines = ["| run | rounds | " + " | ".join(wanted[i][1] for i in shown) + " |",
             "|---|---|" + "---|" * len(shown)]
    return lines + [f"| {label} | {len(results[label])} | " +
                    " | ".join(figure(row[i], wanted[i][2]) for i in shown) + " |"
                    for label, row in found.items()]


def plot(saved):
    rows = []
    for label, who in saved["runs"].items():
        values = [result[saved["figure"]] for result in saved["results"].get(label, [])
                  if saved["figure"] in result]
        if values:
            rows.append((label, who, bench_rounds.median(saved["results"], label, saved["figure"]),
                         values))
    return bench_plot.draw(saved["title"], saved["unit"], rows)


def pictures(saved):
    """{file: SVG}: one of the figures, or of each run's stacks where there are some."""
    stacks = {label: results[0]["raw"]["stacks"] for label, results in saved["results"].items()
              if "stacks" in results[0].get("raw", {})}
    if not stacks:
        return {f"{saved['suite']}.svg": plot(saved)}
    return {f"{saved['suite']}-{label}.svg": bench_flame.draw(f"{saved['title']}: {label}", found)
            for label, found in stacks.items()}


def bounds(saved, folder):
    """What somebody found to bound a bar that is not reached: bounds/SUITE.md."""
    path = folder / "bounds" / f"{saved['suite']}.md"
    if all(bar["reached"] is not False for bar in saved["bars"]) or not path.exists():
        return []
    return ["", "**What bounds it.** " + path.read_text(encoding="utf-8").strip()]


def suite_section(saved, folder):
    size = saved["size"]
    lines = [f"## {saved['title']}", "",
             *(f"![{name[:-4]}]({name})" for name in pictures(saved)), ""]
    if saved["bars"]:
        lines += ["| bar | wanted | measured | beside | found | |", "|---|---|---|---|---|---|",
                  *bar_rows(saved), ""]
    lines += [*run_table(saved), "",
             f"Measured {saved['when']} at {saved['commit']}: {size['seconds']} s a run after "
             f"{size['warmup']} s of warm-up; other work of low priority took "
             f"{saved['background']} % of the processors meanwhile. Raw numbers: "
             f"[raw/{saved['suite']}.json](raw/{saved['suite']}.json)."]
    if saved["note"]:
        lines.append(saved["note"])
    if saved["skipped"]:
        lines.append(f"Not measured here: {', '.join(saved['skipped'])}.")
    return lines + bounds(saved, folder) + [""]


def head(all_saved):
    machines = list(dict.fromkeys(
        f"{m['processor']}, {m['cores']} cores, {m['memoryGB']} GB, {m['system']}, Linux "
        f"{m['kernel']}, data on {m['fileSystem']}" for m in (s["machine"] for s in all_saved)))
    peers = list(dict.fromkeys(text for s in all_saved for text in s["peers"].values()))
    bars = [bar for s in all_saved for bar in s["bars"]]
    reached = sum(bar["reached"] is True for bar in bars)
    return ["# Measured", "",
            "Made by `./dev bench --report`; every answer was checked. Runs of a suite alternate, "
            "the figures are medians over its rounds. Server and client share the machine. The "
            "bars are meant for `--size full`; what was measured here stands below each suite.", "",
            "- machine: " + "; ".join(machines),
            "- beside: " + ("; ".join(peers) or "no other server was installed"),
            f"- {reached} of {len(bars)} bars reached", "",
            "| suite | bar | wanted | found | |", "|---|---|---|---|---|"]


def summary_rows(saved):
    return [f"| [{saved['suite']}](#{anchor(saved['title'])}) | {bar['text']} | "
            f"{bench_rounds.bar_text(bar)} | {found_text(bar)} | {bench_rounds.verdict(bar)} |"
            for bar in saved["bars"]]


def anchor(title):
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def write(folder):
    """README.md and the plots, of all raw files that are there."""
    paths = [folder / "raw" / f"{name}.json" for name in SUITES]
    all_saved = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    lines = head(all_saved)
    for saved in all_saved:
        lines += summary_rows(saved)
    lines.append("")
    for saved in all_saved:
        for name, picture in pictures(saved).items():
            (folder / name).write_text(picture, encoding="utf-8")
        lines += suite_section(saved, folder)
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")
