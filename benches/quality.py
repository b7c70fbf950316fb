#!/usr/bin/env python3
"""isd-qc beside ioos_qc, and isd-events beside isd-detect, on the same values, in one go.

Makes an archive with isd-synth, converts it with isd-convert, and runs the tools in turn, several times over; prints two
Markdown tables. Each is one process; the tools take all cores, or as many threads as --threads says, ioos_qc has one.

The work of isd-qc is its whole default profile over all measurements, stations beside their neighbours included: more than
the peer does. That of ioos_qc is four tests of each series: gross range, spike, rate of change and flat line. The work of
isd-events is wind without the values that a file of flags calls erroneous; that of isd-detect is its test of wind.

What is timed of the tools is the whole process, from its start to the written file; of ioos_qc, reading the dataset and the
tests, without its imports.
"""

import argparse
import collections
import json
import os
import pathlib
import statistics
import sys
import time

from peers import Failure, binaries, interpreters, machine, markdown, run_in_directory, say, spawn

QC, PROFILE, PEER = "isd-qc", "isd-qc --profile qartod", "ioos_qc"
DETECT, EVENTS = "isd-detect", "isd-events"
IMPORTS = ["ioos_qc", "numpy", "pyarrow"]
# By measurement: what fails, the change of a spike, the change in an hour, and the span of a flat line, as isd-qc has them.
# What has no such test there has none here.
LIMITS = {
    "air_temperature": ((-89.2, 56.7), 5.0, 5.0, 0.05),
    "dew_point_temperature": ((-100.0, 56.7), 5.0, 5.0, 0.05),
    "sea_level_pressure": ((870.0, 1083.3), 3.0, 3.0, 0.05),
    "wind_direction": ((0.0, 360.0), 180.0, 180.0, 0.5),
    "wind_speed_rate": ((0.0, 113.2), 8.0, 8.0, 0.05),
    "sky_condition": ((0.0, 9.0), 9.0, 9.0, 0.5),
    "liquid_precipitation_1h": ((0.0, 305.0), 50.0, 50.0, 0.05),
    "liquid_precipitation_6h": ((0.0, 1144.0), 50.0, 50.0, 0.05),
}
# Seconds of equal values that are suspect, and that fail.
FLAT_SECONDS = 2 * 86_400, 4 * 86_400

# What a run gives: `seconds` as timed, `cpu` in seconds, `peak` in bytes of the process; `values` is None where the tool does not
# count them; `result` must be the same in every run.
Run = collections.namedtuple("Run", "seconds cpu peak rows values result version")


def run_peer(dataset):
    """Runs ioos_qc in this process and prints what came of it as JSON."""
    import numpy as np
    import pyarrow.parquet as pq
    from importlib.metadata import version
    from ioos_qc import qartod

    start, spent = time.perf_counter(), time.process_time()
    rows, values, found = 0, 0, 0
    for file in sorted(pathlib.Path(dataset).glob("block=*/*.parquet")):
        groups = pq.ParquetFile(file)
        for number in range(groups.num_row_groups):
            table = groups.read_row_group(number)
            rows += table.num_rows
            station = table["station_id"].combine_chunks().dictionary_encode().indices.to_numpy()
            times = table["timestamp"].to_numpy().astype("datetime64[s]")
            bounds = [0, *(np.flatnonzero(station[1:] != station[:-1]) + 1), len(station)]
            for name, (span, spike, change, flat) in LIMITS.items():
                column = table[name].to_numpy()
                for first, end in zip(bounds[:-1], bounds[1:]):
                    kept = ~np.isnan(column[first:end])
                    series, moments = column[first:end][kept], times[first:end][kept]
                    values += len(series)
                    if len(series) < 3:
                        continue
                    flags = [
                        qartod.gross_range_test(series, fail_span=span),
                        qartod.spike_test(series, suspect_threshold=spike, fail_threshold=2 * spike),
                        qartod.rate_of_change_test(series, moments, threshold=change / 3600),
                        qartod.flat_line_test(series, moments, *FLAT_SECONDS, tolerance=flat),
                    ]
                    found += int(np.count_nonzero(np.any([np.isin(flag, [3, 4]) for flag in flags], axis=0)))
    seconds, cpu = time.perf_counter() - start, time.process_time() - spent
    told = {"seconds": seconds, "cpu": cpu, "rows": rows, "values": values, "result": found}
    print(json.dumps({**told, "version": version("ioos_qc")}))


def time_tool(command, threads, output, result_of):
    """Runs a tool that writes `output`; `result_of` says what of its summary must be the same in every run."""
    output.unlink(missing_ok=True)
    spent = spawn([*command, "-o", output, "--threads", threads, "--quiet", "--json"])
    summary = json.loads(spent.text)
    if not output.stat().st_size:
        raise Failure(f"{output}: is empty")
    values = sum(measurement["values"] for measurement in summary["measurements"]) if "tests" in summary else None
    return Run(spent.seconds, spent.cpu, spent.peak, summary["rows"], values, result_of(summary), None)


def time_peer(python, dataset):
    spent = spawn([python, __file__, "--run-peer", dataset])
    told = json.loads(spent.text)
    return Run(told["seconds"], told["cpu"], spent.peak, told["rows"], told["values"], told["result"], told["version"])


def race(tools, runs):
    """`runs` rounds of every tool in turn, the first behind one that does not count; its runs by tool."""
    results = {tool: [] for tool in tools}
    first = {}
    for number in range(runs + 1):
        for tool, run_once in tools.items():
            run = run_once()
            reference = first.setdefault(tool, run)
            if run.result != reference.result:
                raise Failure(f"{tool} found {run.result}, and {reference.result} before")
            other, reference = next(iter(first.items()))
            if (run.rows, run.values) != (reference.rows, reference.values):
                raise Failure(f"{tool} saw {run.rows} rows, {run.values} values; {other} {reference.rows}, {reference.values}")
            say(f"run {number}: {tool} {run.seconds:.2f} s, {run.cpu:.2f} s of the processor")
            if number > 0:
                results[tool].append(run)
    return results


def table(results, unit):
    """A table; the ratios are to the tool `unit`, pair by pair: what else the machine does weighs on both."""
    lines = [["tool", "median s", "CPU s", "M rows/s", "peak MiB", f"times {unit}", "in CPU"]]
    lines.append(["---"] + ["---:"] * (len(lines[0]) - 1))
    for tool, runs in results.items():
        seconds, cpu = (statistics.median(getattr(run, what) for run in runs) for what in ["seconds", "cpu"])
        pairs = list(zip(runs, results[unit]))
        lines.append([
            f"{tool} {runs[0].version}" if runs[0].version else tool,
            f"{seconds:.2f}",
            f"{cpu:.2f}",
            f"{runs[0].rows / seconds / 1e6:.2f}",
            f"{max(run.peak for run in runs) / 2**20:.0f}",
            f"{statistics.median(run.seconds / one.seconds for run, one in pairs):.2f}",
            f"{statistics.median(run.cpu / one.cpu for run, one in pairs):.2f}",
        ])
    return markdown(lines)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    path = pathlib.Path
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each tool (default: %(default)s)")
    parser.add_argument("--stations", type=int, default=100, help="of the archive (default: %(default)s)")
    parser.add_argument("--rows-per-station", type=int, default=65_000, help="(default: %(default)s)")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--threads", type=int, default=cores, help="of the tools (default: one a core)")
    parser.add_argument("--work", type=path, help="directory to work in, kept (default: a temporary one, removed)")
    parser.add_argument("--dataset", type=path, help="dataset to take instead of making one")
    parser.add_argument("--bin-dir", type=path, help="where the tools are (default: cargo builds them)")
    parser.add_argument("--python", default=sys.executable, help="interpreter of ioos_qc (default: this one)")
    parsed = parser.parse_args(arguments)
    for option in ["runs", "stations", "rows_per_station", "threads"]:
        if getattr(parsed, option) < 1:
            parser.error(f"--{option.replace('_', '-')}: expected at least 1")
    if parsed.dataset is not None and not parsed.dataset.exists():
        parser.error(f"--dataset {parsed.dataset}: no such directory")
    return parsed


def make_dataset(arguments, bins, directory):
    archive, places, dataset = directory / "archive.hdf5", directory / "stations.csv", directory / "observations"
    size = ["--stations", arguments.stations, "--rows-per-station", arguments.rows_per_station]
    say(f"making {dataset}")
    spawn([bins / "isd-synth", *size, "--overwrite", "--quiet", "-o", archive, "--station-list", places])
    spawn([bins / "isd-convert", archive, "--stations", places, "--overwrite", "--quiet", "-o", dataset])
    return dataset


def compare(arguments, directory):
    bins = binaries(arguments.bin_dir)
    for name in [QC, EVENTS]:
        if not (bins / name).exists():
            raise Failure(f"{bins / name}: no such binary")
    pythons = interpreters(arguments.python, {PEER: IMPORTS}, directory)
    dataset = arguments.dataset or make_dataset(arguments, bins, directory)
    flags, output = directory / "flags.parquet", directory / "result.parquet"
    load, threads = os.getloadavg()[0], arguments.threads

    control = [bins / QC, dataset]
    tools = {
        QC: lambda: time_tool(control, threads, flags, lambda summary: summary["tests"]),
        PROFILE: lambda: time_tool([*control, "--profile", "qartod"], threads, output, lambda summary: summary["tests"]),
    }
    if PEER in pythons:
        tools[PEER] = lambda: time_peer(pythons[PEER], dataset)
    quality = race(tools, arguments.runs)

    wind = ["-m", "wind_speed_rate"]
    events = [bins / EVENTS, dataset, "--kind", "wind", "--flags", flags]
    tools = {
        DETECT: lambda: time_tool([bins / DETECT, dataset, *wind], threads, output, lambda summary: summary["outliers"]),
        EVENTS: lambda: time_tool(events, threads, output, lambda summary: summary["kinds"]),
    }
    storms = race(tools, arguments.runs)
    rows = quality[QC][0].rows
    print(f"{rows:,} rows × {len(LIMITS)} measurements; {threads} threads; {arguments.runs} runs of each tool in turn\n")
    print(table(quality, QC))
    print(f"\n{table(storms, DETECT)}")
    print(f"\n{machine(bins / QC)}; load {load:.2f} before, {os.getloadavg()[0]:.2f} after")


def main():
    if sys.argv[1:2] == ["--run-peer"] and len(sys.argv) == 3:
        run_peer(sys.argv[2])
        return 0
    return run_in_directory(compare, parse(sys.argv[1:]), "isd-quality-")


if __name__ == "__main__":
    sys.exit(main())
