"""Writes a table of observations in every type, encoding and compression of Parquet and Arrow by pyarrow, Polars, DuckDB
and fastparquet, and in dialects of CSV; converts it with isd-convert and compares the values.

    python3 tables.py DIRECTORY OF THE BINARIES
"""

import concurrent.futures
import csv
import datetime
import decimal
import itertools
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import duckdb
import fastparquet
import pandas
import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
START = datetime.datetime(2017, 1, 1, tzinfo=UTC)
ROWS = 3000
STATIONS = ["725300-94846", "010010-99999", "A00001-00012"]
# Unsorted, and interleaved, so that stations and row groups are joined.
ORDER = [(row * 7919) % ROWS for row in range(ROWS)]
KEYS = [(STATIONS[row % 3], START + datetime.timedelta(hours=row // 3)) for row in ORDER]
WHOLE = [None if row % 11 == 0 else row % 120 for row in ORDER]
TENTHS = [None if value is None else value / 10 for value in WHOLE]

VALUES = {name: (WHOLE, pyarrow.array(WHOLE, getattr(pyarrow, name)())) for name in
          ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]}
VALUES |= {
    "float32": (TENTHS, pyarrow.array(TENTHS, pyarrow.float32())),
    "float64": (TENTHS, pyarrow.array(TENTHS, pyarrow.float64())),
    "decimal128": (TENTHS, pyarrow.array(
        [None if v is None else decimal.Decimal(v) / 10 for v in WHOLE], pyarrow.decimal128(12, 3))),
    "decimal256": (TENTHS, pyarrow.array(
        [None if v is None else decimal.Decimal(v) / 10 for v in WHOLE], pyarrow.decimal256(50, 20))),
    "bool": ([None if v is None else v % 2 for v in WHOLE],
             pyarrow.array([None if v is None else v % 2 == 1 for v in WHOLE])),
    "string": (TENTHS, pyarrow.array([None if v is None else str(v) for v in TENTHS])),
    "large_string": (TENTHS, pyarrow.array([None if v is None else str(v) for v in TENTHS], pyarrow.large_string())),
    "binary": (TENTHS, pyarrow.array([None if v is None else str(v).encode() for v in TENTHS])),
    "dictionary": (TENTHS, pyarrow.array([None if v is None else str(v) for v in TENTHS]).dictionary_encode()),
}
TIMES = {
    "timestamp[s]": pyarrow.timestamp("s"), "timestamp[ms]": pyarrow.timestamp("ms", "UTC"),
    "timestamp[us]": pyarrow.timestamp("us", "Europe/Berlin"), "timestamp[ns]": pyarrow.timestamp("ns"),
}
DIALECTS = 120
SEED = 13
failures = []
tables = 0


def check(convert, path, expected, what, *options):
    """Converts the file and compares rows, which are removed with the file; what differs goes to `failures`."""
    output = path.with_suffix(".dataset")
    run = subprocess.run([convert, path, "-o", output, "-m", "air_temperature", *options], capture_output=True, text=True)
    path.unlink()
    if run.returncode:
        failures.append(f"{what}: {run.stderr.strip()}")
        return
    read = pyarrow.parquet.read_table(output)
    shutil.rmtree(output)
    found = sorted(zip(read["station_id"].cast(pyarrow.string()).to_pylist(),
                       read["timestamp"].cast(pyarrow.int64()).to_pylist(), read["air_temperature"].to_pylist()))
    wanted = sorted((station, int((time - EPOCH).total_seconds()) * 1_000_000, None if value is None else float(value))
                    for (station, time), value in zip(KEYS, expected))
    if found != wanted:
        wrong = next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), (len(found), len(wanted)))
        failures.append(f"{what}: {wrong}")


def table(values, time=pyarrow.timestamp("us", "UTC"), station=None):
    times = pyarrow.array([key[1] for key in KEYS], pyarrow.timestamp("us", "UTC"))
    times = times.cast(time) if getattr(time, "tz", None) else times.cast(pyarrow.timestamp("us")).cast(time)
    stations = pyarrow.array([key[0] for key in KEYS], station or pyarrow.string())
    return pyarrow.table({"station": stations, "valid": times, "air_temperature": values})


def cases():
    """Every table: what it is, the values it holds, a function that writes it to a path."""
    parquet = pyarrow.parquet.write_table
    for name, (expected, array) in VALUES.items():
        own = table(array)
        for compression in ["none", "snappy", "gzip", "zstd", "lz4"]:
            for settings in [{"use_dictionary": True}, {"use_dictionary": False}, {"data_page_version": "2.0"}]:
                yield (f"pyarrow {name} {compression} {settings}", expected, lambda path, own=own, c=compression,
                       s=settings: parquet(own, path, compression=c, row_group_size=700, **s))
        for compression in ["uncompressed", "lz4", "zstd"]:
            yield (f"feather {name} {compression}", expected,
                   lambda path, own=own, c=compression: pyarrow.feather.write_feather(own, path, compression=c))
        yield f"stream {name}", expected, lambda path, own=own: stream(own, path)
        if name != "decimal256":
            frame = polars.from_arrow(own)
            yield f"polars {name}", expected, lambda path, f=frame: f.write_parquet(path, row_group_size=500)
            yield f"polars ipc {name}", expected, lambda path, f=frame: f.write_ipc(path, compression="zstd")
            if name != "dictionary":
                yield f"duckdb {name}", expected, lambda path, own=own: duck(own, path)
        if name not in ("decimal128", "decimal256", "large_string", "dictionary", "binary"):
            frame = own.to_pandas()
            # fastparquet takes times of other units for nanoseconds where it writes 96 bits.
            frame["valid"] = frame["valid"].astype("datetime64[ns, UTC]")
            for times in ["int64", "int96"]:
                yield (f"fastparquet {name} {times}", expected, lambda path, f=frame, t=times:
                       fastparquet.write(str(path), f, row_group_offsets=900, times=t))
    floats = VALUES["float64"][1]
    for name, kind in TIMES.items():
        yield f"pyarrow {name}", TENTHS, lambda path, k=kind: parquet(table(floats, k), path, version="2.6")
    for name, kind in {"large_string": pyarrow.large_string(), "binary": pyarrow.binary()}.items():
        yield f"pyarrow station of {name}", TENTHS, lambda path, k=kind: parquet(table(floats, station=k), path)
    encodings = {"float64": ["PLAIN", "BYTE_STREAM_SPLIT"], "int32": ["DELTA_BINARY_PACKED", "PLAIN"],
                 "string": ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]}
    for name, kind in [(name, kind) for name, kinds in encodings.items() for kind in kinds]:
        yield (f"pyarrow {name} {kind}", VALUES[name][0], lambda path, n=name, k=kind: parquet(
            table(VALUES[n][1]), path, use_dictionary=False, column_encoding={"air_temperature": k}))
    yield "pyarrow int96", TENTHS, lambda path: parquet(table(floats), path, use_deprecated_int96_timestamps=True)
    yield ("pandas with an index of times", TENTHS,
           lambda path: table(floats).to_pandas().set_index("valid").to_parquet(path))


def stream(own, path):
    with pyarrow.ipc.new_stream(path, own.schema) as writer:
        writer.write_table(own, max_chunksize=500)


def duck(own, path):
    with duckdb.connect() as connection:
        connection.register("own", own)
        connection.sql(f"copy (select * from own) to '{path}' (format parquet, row_group_size 2048)")


def dialects():
    """A sample of all dialects of CSV, likewise."""
    separators, decimals = [",", ";", "\t", "|"], [".", ","]
    quoting = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
    encodings = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"]
    ends, marks = ["\n", "\r\n", "\r"], ["", "NA", "NaN", "M", "null", "-"]
    heads = ["", "# written by a logger\n#\n", "sep"]
    all_of_them = itertools.product(separators, decimals, quoting, encodings, ends, marks, heads, SPELLED)
    for dialect in random.Random(SEED).sample(list(all_of_them), DIALECTS):
        yield f"csv {dialect}", TENTHS, lambda path, dialect=dialect: write_csv(path, *dialect)


SPELLED = {
    "iso": lambda time: {"valid": time.strftime("%Y-%m-%dT%H:%M:%SZ")},
    "sql": lambda time: {"timestamp": time.strftime("%Y-%m-%d %H:%M")},
    "seconds": lambda time: {"time": int(time.timestamp())},
    "milliseconds": lambda time: {"time": int(time.timestamp()) * 1000},
    "digits": lambda time: {"DATE": time.strftime("%Y%m%d%H")},
    "two columns": lambda time: {"date": time.strftime("%Y-%m-%d"), "time": time.strftime("%H:%M")},
    "date and hour": lambda time: {"date": time.strftime("%Y%m%d"), "hour": time.hour},
}


def write_csv(path, separator, decimals, quoting, encoding, end, mark, head, spelled):
    rows = [{"station": station, **SPELLED[spelled](time), "air_temperature": value}
            for (station, time), value in zip(KEYS, TENTHS)]
    text = pandas.DataFrame(rows).to_csv(sep=separator, decimal=decimals, index=False, na_rep=mark, quoting=quoting,
                                         lineterminator=end)
    head = f"sep={separator}\n" if head == "sep" else head
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes((mark + head.replace("\n", end) + text).encode(encoding))


def main(binaries):
    global tables
    convert = pathlib.Path(binaries) / "isd-convert"
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(2) as threads:
        checks = []
        for what, expected, write in itertools.chain(cases(), dialects()):
            path = pathlib.Path(directory) / f"table-{tables}"
            tables += 1
            write(path)
            checks.append(threads.submit(check, convert, path, expected, what))
        for done in checks:
            done.result()
    print(f"{tables} tables of other writers, {len(failures)} wrong")
    for failure in failures[:40]:
        print(failure)
    sys.exit(bool(failures))


main(sys.argv[1])
