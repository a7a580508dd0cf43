#!/usr/bin/env python3
"""One run that says how fast trueup is, and whether it is right.

On a generated book, in rounds that take turns: the floors (cat, wc -l, a bare loop over the csv crate's records), the
same sums in DuckDB, and the whole `trueup reconcile` with lineage and all outputs. Prints a Markdown table of medians
with ratios and peak memory, then holds trueup's quantities against DuckDB's on every client and product, exactly, and
the buckets against what the generator says it made. Exit code 1 if anything differs.

    pip install --target target/python duckdb
    python3 benches/compare.py --rows 10000000 --rounds 5
"""

import argparse
import csv
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
from decimal import Decimal

from measure import run

ROOT = pathlib.Path(__file__).resolve().parent.parent
PERIOD = "2026-10"


def main():
    args = arguments()
    os.chdir(ROOT)
    tools = build()
    book = args.book or generate(tools["generate-book"], args)
    made = json.loads((book / "made.json").read_text())
    files = sorted(str(path) for path in (book / "usage" / PERIOD).iterdir())
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="trueup-compare-"))
    packages, missing = find_duckdb(made)
    ways = {
        "`cat`": ["cat", *files],
        "`wc -l`": ["wc", "-l", *files],
        "`csv` crate, records on one thread": [tools["csv_loop"], *files],
    }
    if not missing:
        script = str(ROOT / "benches" / "duck.py")
        sums = str(scratch / "duckdb.csv")
        ways["DuckDB, the sums alone"] = [sys.executable, script, str(book), sums, str(args.threads), packages]
    reconcile = [tools["trueup"], "reconcile", "--quiet", "--period", PERIOD, "--threads", str(args.threads)]
    ways["**trueup, whole `reconcile`**"] = [*reconcile, "--book", str(book)]

    before = os.getloadavg()[0]
    runs = {way: [] for way in ways}
    for number in range(args.rounds):
        for way, command in ways.items():
            runs[way].append(run(command))
            print(f"round {number + 1}: {way}: {runs[way][-1]['wall']:.2f} s", file=sys.stderr)
    show(runs, made, args, before)
    if missing:
        print(f"\nDuckDB was not run: {missing}")
    wrong = check_buckets(book, made)
    if not missing:
        wrong += check_sums(book, scratch / "duckdb.csv")
    for text in wrong:
        print(f"\nDIFFERS: {text}")
    sys.exit(1 if wrong else 0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the book (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way runs (default 3)")
    parser.add_argument("--threads", type=int, default=2, help="threads of DuckDB and of trueup (default 2)")
    parser.add_argument("--book", type=pathlib.Path, help="a generated book that is there already")
    parser.add_argument("--books", type=pathlib.Path, default=ROOT / "target" / "books", help="where books are kept")
    return parser.parse_args()


def build():
    """Builds what is measured; the path of each program by name."""
    tools = {}
    for what in (["build", "--release", "--bin", "trueup", "--example", "generate-book"],
                 ["bench", "--no-run", "--bench", "csv_loop"]):
        command = ["cargo", *what, "--locked", "--message-format", "json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable"):
                tools[message["target"]["name"]] = message["executable"]
    return tools


def generate(program, args):
    book = args.books / f"rows-{args.rows}"
    if not (book / "made.json").exists():
        subprocess.run([program, "--rows", str(args.rows), str(book)], stdout=subprocess.DEVNULL, check=True)
    return book


def find_duckdb(made):
    """The folder to find DuckDB's package in (empty: Python's own), and why it cannot run, if so."""
    if made["plan"]["format"] != "trueup-usage":
        return "", "the same sums are written for books of format trueup-usage only"
    for packages in ("", str(ROOT / "target" / "python")):
        probe = f"import sys; sys.path[:0] = [{packages!r}] if {packages!r} else []; import duckdb"
        if subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0:
            return packages, None
    return "", "there is no Python package duckdb; `pip install --target target/python duckdb` gets it"


def median(runs, figure):
    return statistics.median(one[figure] for one in runs)


def show(runs, made, args, load):
    rows, size = made["rows"]["read"], made["bytes"]
    duck = next((r for way, r in runs.items() if "DuckDB" in way), None)
    print(f"{rows:,} rows, {size / 1e6:,.0f} MB in {made['plan']['files']} files; {machine()}; {args.threads} threads, "
          f"median of {args.rounds} interleaved rounds; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after"
          + (f"; DuckDB {duck[0]['version']}" if duck else "") + f"; trueup {commit()}.\n")
    print("| way | wall s (least–most) | CPU s | peak MB | rows/s | of DuckDB's wall |")
    print("|---|---|---|---|---|---|")
    for way, done in runs.items():
        walls = [one["wall"] for one in done]
        wall = median(done, "wall")
        ratio = f"{wall / median(duck, 'wall'):.2f}" if duck else "–"
        print(f"| {way} | {wall:.2f} ({min(walls):.2f}–{max(walls):.2f}) | {median(done, 'cpu'):.2f} | "
              f"{median(done, 'peak'):,.0f} | {rows / wall:,.0f} | {ratio} |")
    ours = next(r for way, r in runs.items() if "trueup" in way)
    peak = max(one["peak"] for one in ours)
    print(f"\nGoals: peak memory under 512 MB: {'met' if peak < 512 else 'NOT MET'} ({peak:,.0f} MB)", end="")
    if duck:
        ratio = median(ours, "wall") / median(duck, "wall")
        print(f"; at most half of DuckDB's wall: {'met' if ratio <= 0.5 else 'NOT MET'} ({ratio:.2f})", end="")
    print(".")


def machine():
    model = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        total = next(line for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
        memory = f", {int(total.split()[1]) / 1024 / 1024:.0f} GiB"
    except (OSError, StopIteration):
        memory = ""
    return f"{os.cpu_count()} cores ({model}{memory})"


def commit():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "of no commit"


def table(book, name):
    with open(book / "out" / PERIOD / name, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def check_buckets(book, made):
    """Where rows ended against where they were made to end."""
    controls = list(table(book, "controls.csv"))
    ended = {
        "read": "rows_read", "duplicate": "duplicate_rows", "rejected": "rejected_rows", "internal": "internal_rows",
        "out_of_period": "out_of_period_rows", "unmapped": "unmapped_rows",
    }
    found = {name: sum(int(row[column]) for row in controls) for name, column in ended.items()}
    buckets = ("billed_rows", "covered_rows", "unbilled_rows")
    found["metered"] = sum(int(row[column]) for row in controls for column in buckets)
    wrong = [f"{name} rows: {count:,} in controls.csv, {made['rows'][name]:,} made"
             for name, count in found.items() if count != made["rows"][name]]
    if any(row["balanced"] != "true" for row in controls):
        wrong.append("controls.csv does not balance")
    if not wrong:
        print(f"\nBuckets: as made. {found['duplicate']:,} duplicates, {found['rejected']:,} rejected, "
              f"{found['out_of_period']:,} of another month, {found['unmapped']:,} unmapped, "
              f"{found['internal']:,} internal, {found['metered']:,} metered.")
    return wrong


def check_sums(book, path):
    """Metered quantities by client and product, ours against DuckDB's, as decimals and without any tolerance."""
    ours = {}
    for row in table(book, "invoice_lines.csv"):
        add(ours, (row["client_id"], row["product_code"]), row["metered_quantity"])
    for row in table(book, "discrepancies.csv"):
        if row["code"] == "R403":
            add(ours, (row["client_id"], row["product_code"]), row["metered_quantity"])
    unmapped = sum((Decimal(row["quantity"]) for row in table(book, "unmapped.csv") if row["what"] == "account"),
                   Decimal(0))
    theirs, other, beside = {}, Decimal(0), Decimal(0)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["month"] != PERIOD:
                other += Decimal(row["quantity"])
            elif row["client_id"] and row["product_code"] and row["internal"] == "false":
                add(theirs, (row["client_id"], row["product_code"]), row["quantity"])
            elif not row["client_id"] and row["internal"] == "false":
                beside += Decimal(row["quantity"])
    ours = {key: value for key, value in ours.items() if value != 0}
    wrong = [f"{key}: {ours.get(key)} here, {theirs.get(key)} in DuckDB"
             for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    out = sum((Decimal(row["out_of_period_quantity"]) for row in table(book, "controls.csv")), Decimal(0))
    for what, mine, its in (("another month", out, other), ("unmapped accounts", unmapped, beside)):
        if mine != its:
            wrong.append(f"quantity of {what}: {mine} here, {its} in DuckDB")
    if not wrong:
        print(f"\nSums: equal to DuckDB's on all {len(ours):,} clients × products, compared exactly, "
              f"{sum(ours.values(), Decimal(0)):,} units; so are those of another month and of unmapped accounts.")
    return wrong[:10] + ([f"and {len(wrong) - 10:,} more"] if len(wrong) > 10 else [])


def add(sums, key, text):
    sums[key] = sums.get(key, Decimal(0)) + Decimal(text or 0)


if __name__ == "__main__":
    main()
