"""Writes a table of observations in every type, encoding and compression by pyarrow, Polars, DuckDB and fastparquet, reads
it with the example `rows` and compares the values.

    cargo build --release -p isd-converters --example rows
    python3 tables.py PATH_OF_THE_EXAMPLE
"""

import datetime
import decimal
import pathlib
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
failures = []
checks = 0


def check(example, path, expected, what, *options):
    global checks
    checks += 1
    run = subprocess.run([example, path, "-m", "air_temperature", *options], capture_output=True, text=True)
    if run.returncode:
        failures.append(f"{what}: {run.stderr.strip()}")
        return
    wanted = sorted((station, int((time - datetime.datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000, value)
                    for (station, time), value in zip(KEYS, expected))
    found = [line.split("\t") for line in run.stdout.splitlines()]
    found = [(station, int(time), float(value) if value else None) for station, time, value in found]
    if found != [(s, t, None if v is None else float(v)) for s, t, v in wanted]:
        wrong = next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), (len(found), len(wanted)))
        failures.append(f"{what}: {wrong}")


def table(values, time=pyarrow.timestamp("us", "UTC"), station=None):
    times = pyarrow.array([key[1] for key in KEYS], pyarrow.timestamp("us", "UTC"))
    times = times.cast(time) if getattr(time, "tz", None) else times.cast(pyarrow.timestamp("us")).cast(time)
    stations = pyarrow.array([key[0] for key in KEYS], station or pyarrow.string())
    return pyarrow.table({"station": stations, "valid": times, "air_temperature": values})


def main(example):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "table"
        for name, (expected, array) in VALUES.items():
            for compression in ["none", "snappy", "gzip", "zstd", "lz4"]:
                for settings in [{"use_dictionary": True}, {"use_dictionary": False}, {"data_page_version": "2.0"}]:
                    pyarrow.parquet.write_table(table(array), path, compression=compression, row_group_size=700, **settings)
                    check(example, path, expected, f"pyarrow {name} {compression} {settings}")
            for compression in ["uncompressed", "lz4", "zstd"]:
                pyarrow.feather.write_feather(table(array), path, compression=compression)
                check(example, path, expected, f"feather {name} {compression}")
            with pyarrow.ipc.new_stream(path, table(array).schema) as stream:
                stream.write_table(table(array), max_chunksize=500)
            check(example, path, expected, f"stream {name}")
            if name not in ("decimal256",):
                frame = polars.from_arrow(table(array))
                frame.write_parquet(path, row_group_size=500)
                check(example, path, expected, f"polars {name}")
                frame.write_ipc(path, compression="zstd")
                check(example, path, expected, f"polars ipc {name}")
                if name != "dictionary":
                    arrow = table(array)
                    duckdb.sql(f"copy (select * from arrow) to '{path}' (format parquet, row_group_size 2048)")
                    check(example, path, expected, f"duckdb {name}")
            if name not in ("decimal128", "decimal256", "large_string", "dictionary", "binary"):
                frame = table(array).to_pandas()
                for times in ["int64", "int96"]:
                    fastparquet.write(str(path), frame, row_group_offsets=900, times=times)
                    check(example, path, expected, f"fastparquet {name} {times}")
        for name, kind in TIMES.items():
            pyarrow.parquet.write_table(table(VALUES["float64"][1], kind), path, version="2.6")
            check(example, path, TENTHS, f"pyarrow {name}")
        for name, kind in {"large_string": pyarrow.large_string(), "binary": pyarrow.binary()}.items():
            pyarrow.parquet.write_table(table(VALUES["float64"][1], station=kind), path)
            check(example, path, TENTHS, f"pyarrow station of {name}")
        encodings = {"float64": ["PLAIN", "BYTE_STREAM_SPLIT"], "int32": ["DELTA_BINARY_PACKED", "PLAIN"],
                     "string": ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]}
        for name, kinds in encodings.items():
            for kind in kinds:
                pyarrow.parquet.write_table(table(VALUES[name][1]), path, use_dictionary=False,
                                            column_encoding={"air_temperature": kind})
                check(example, path, VALUES[name][0], f"pyarrow {name} {kind}")
        pyarrow.parquet.write_table(table(VALUES["float64"][1]), path, use_deprecated_int96_timestamps=True)
        check(example, path, TENTHS, "pyarrow int96")
        pandas.DataFrame(table(VALUES["float64"][1]).to_pandas()).set_index("valid").to_parquet(path)
        check(example, path, TENTHS, "pandas with an index of times")
        table(VALUES["float64"][1]).to_pandas().to_csv(path, sep=";", decimal=",", index=False, encoding="utf-16")
        check(example, path, TENTHS, "pandas csv")
    print(f"{checks} tables, {len(failures)} wrong")
    for failure in failures[:40]:
        print(failure)
    sys.exit(bool(failures))


main(sys.argv[1])
