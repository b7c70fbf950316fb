#!/usr/bin/env python3
"""isd-query beside DuckDB, on everyday statements over one dataset, in one go; prints a Markdown table.

Each statement runs in both, in turn, several times over, each time in a new process; the answers must be the same. What is
timed of isd-query is the whole process, from its start to the answer on standard output. What is timed of DuckDB is less:
from opening the dataset to the rows in memory; its import comes before.
"""

import argparse
import csv
import datetime
import io
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# What the figures in docs/benchmarks.md were measured with.
PLANTED = ["--plant", "storm,stuck,gross_error"]
WIND = "wind_speed_rate"
# By name: the statement, and how often DuckDB's time it may take.
STATEMENTS = {
    "count": ("select count(*) from observations", 1.1),
    "mean": (f"select avg({WIND}), max({WIND}) from observations", 1.1),
    "filter": (f"select station_id, timestamp, {WIND} from observations where {WIND} > 40 order by 1, 2", 1.1),
    "by station": (
        f"select station_id, count(*) as n, max({WIND}) as top from observations group by station_id order by 1",
        1.1,
    ),
    "by month": (
        f"select date_trunc('month', timestamp) as month, count({WIND}) as n from observations group by 1 order by 1",
        1.1,
    ),
    "one station": (
        f"select timestamp, {WIND} from observations where station_id = '{{station}}' and {WIND} > 10 order by 1",
        1.1,
    ),
    "top": (f"select station_id, timestamp, {WIND} from observations where {WIND} is not null order by 3 desc, 1, 2 limit 10", 1.1),
    "block and year": (
        f"select block, extract(year from timestamp) as year, sum({WIND}) as total from observations group by 1, 2 order by 1, 2",
        1.1,
    ),
    "window": (
        f"select count(*) from (select {WIND} - lag({WIND}) over (partition by station_id order by timestamp) as step"
        " from observations) as steps where step > 5",
        0.6,
    ),
}


def run_duckdb(dataset, sql):
    """Runs in a process of its own; prints the time and the answer."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    start = time.perf_counter()
    connection.execute(
        f"create view observations as select * from read_parquet('{dataset}/**/*.parquet', hive_partitioning = true,"
        " hive_types_autocast = false)"
    )
    answer = connection.execute(sql).to_arrow_table()
    seconds = time.perf_counter() - start
    columns = []
    for column in answer.columns:
        # Times as seconds since 1970.
        is_time = str(column.type).startswith("timestamp")
        values = column.cast("int64").to_pylist() if is_time else column.to_pylist()
        columns.append([value / 1e6 for value in values] if is_time else values)
    rows = list(zip(*columns))
    print(json.dumps({"seconds": seconds, "version": duckdb.__version__, "rows": rows}, default=str))


def time_duckdb(python, dataset, sql):
    command = [python, __file__, "--run-duckdb", str(dataset), sql]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer["seconds"], answer["rows"], answer["version"]


def time_isd(binary, dataset, sql):
    start = time.perf_counter()
    done = subprocess.run([binary, str(dataset), sql, "--quiet"], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    return seconds, list(csv.reader(io.StringIO(done.stdout)))[1:]


def comparable(value):
    """A value of either tool: a number where it is one, a time as seconds since 1970, else its text."""
    text = "" if value is None else str(value)
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return moment.replace(tzinfo=moment.tzinfo or datetime.timezone.utc).timestamp()


def same(ours, theirs):
    if len(ours) != len(theirs):
        return False
    for one, other in zip(ours, theirs):
        for a, b in zip(map(comparable, one), map(comparable, other)):
            # Sums of doubles depend on their order.
            close = isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=1e-9)
            if not (close or a == b):
                return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each tool (default: 5)")
    parser.add_argument("--stations", type=int, default=800, help="of the archive (default: 800)")
    parser.add_argument("--rows-per-station", type=int, default=65000, help="(default: 65000)")
    parser.add_argument("--dataset", type=pathlib.Path, help="dataset to take instead of making one")
    parser.add_argument("--bin-dir", type=pathlib.Path, required=True, help="where isd-query and the other tools are")
    parser.add_argument("--against", type=pathlib.Path, help="another isd-query, to run beside both")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has duckdb (default: this one)")
    parser.add_argument("--statements", help="names of statements, with commas between them (default: all)")
    parser.add_argument("--run-duckdb", nargs=2, help=argparse.SUPPRESS)
    if sys.argv[1:2] == ["--run-duckdb"]:
        return run_duckdb(*sys.argv[2:])
    arguments = parser.parse_args()
    names = arguments.statements.split(",") if arguments.statements else list(STATEMENTS)
    with tempfile.TemporaryDirectory() as work:
        dataset = arguments.dataset
        if dataset is None:
            archive, dataset = pathlib.Path(work, "archive.hdf5"), pathlib.Path(work, "observations")
            size = ["--stations", str(arguments.stations), "--rows-per-station", str(arguments.rows_per_station), *PLANTED]
            subprocess.run([arguments.bin_dir / "isd-synth", "-o", archive, "--quiet", *size], check=True)
            subprocess.run([arguments.bin_dir / "isd-convert", archive, "-o", dataset, "--quiet"], check=True)
        tools = {"isd-query": arguments.bin_dir / "isd-query"}
        if arguments.against:
            tools["the other"] = arguments.against
        _, stations = time_isd(tools["isd-query"], dataset, "select max(station_id) from observations")
        print("| statement | " + "".join(f"{tool} s | " for tool in tools) + "DuckDB s | ratio | asked |")
        print("|---|" + "---:|" * (len(tools) + 3))
        for name in names:
            sql, asked = STATEMENTS[name]
            sql = sql.replace("{station}", stations[0][0])
            times = {tool: [] for tool in [*tools, "DuckDB"]}
            for _run in range(arguments.runs):
                answers = {}
                for tool, binary in tools.items():
                    # One that does not count: the tool before has pushed this one's files and memory out of the way.
                    time_isd(binary, dataset, sql)
                    seconds, answers[tool] = time_isd(binary, dataset, sql)
                    times[tool].append(seconds)
                time_duckdb(arguments.python, dataset, sql)
                seconds, expected, version = time_duckdb(arguments.python, dataset, sql)
                times["DuckDB"].append(seconds)
                for tool, answer in answers.items():
                    if not same(answer, expected):
                        raise SystemExit(f"{name}: {tool} answers {answer[:3]}…, DuckDB {expected[:3]}…")
            ratio = statistics.median(a / b for a, b in zip(times["isd-query"], times["DuckDB"]))
            medians = " | ".join(f"{statistics.median(values):.3f}" for values in times.values())
            print(f"| {name} | {medians} | {ratio:.2f} | {asked} |", flush=True)
        print(f"\nDuckDB {version}; {arguments.runs} runs of each, in turn, each in a process of its own.")


if __name__ == "__main__":
    main()
