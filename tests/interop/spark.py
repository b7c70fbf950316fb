"""Spark beside isd: reads a dataset of ours, and writes tables in its types, compressions and times that isd-convert reads.

    python3 spark.py DIRECTORY OF THE BINARIES
"""

import decimal
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

from pyspark.sql import SparkSession, functions, types

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
START = datetime.datetime(2017, 1, 1, tzinfo=UTC)
ROWS = 600
STATIONS = ["725300-94846", "010010-99999"]
WHOLE = [None if row % 11 == 0 else row % 120 for row in range(ROWS)]
TENTHS = [None if value is None else value / 10 for value in WHOLE]


def each(function, values):
    return [None if value is None else function(value) for value in values]


# What Spark is given, in which of its types, and the numbers that must come out.
VALUES = {
    "byte": (WHOLE, types.ByteType(), WHOLE),
    "short": (WHOLE, types.ShortType(), WHOLE),
    "int": (WHOLE, types.IntegerType(), WHOLE),
    "long": (WHOLE, types.LongType(), WHOLE),
    "float": (TENTHS, types.FloatType(), TENTHS),
    "double": (TENTHS, types.DoubleType(), TENTHS),
    "decimal(9,3)": (each(lambda v: decimal.Decimal(v) / 10, WHOLE), types.DecimalType(9, 3), TENTHS),
    "decimal(38,10)": (each(lambda v: decimal.Decimal(v) / 10, WHOLE), types.DecimalType(38, 10), TENTHS),
    "boolean": (each(lambda v: v % 2 == 1, WHOLE), types.BooleanType(), each(lambda v: v % 2, WHOLE)),
    "string": (each(str, TENTHS), types.StringType(), TENTHS),
}
COMPRESSIONS = ["none", "snappy", "gzip", "zstd"]
TIMES = ["INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS"]


def run(binary, *arguments):
    ended = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True)
    assert ended.returncode == 0, f"{' '.join(map(str, arguments))}: {ended.stderr}"
    return ended.stdout


def micros(time):
    return int((time - EPOCH).total_seconds()) * 1_000_000


def rows_of(spark, dataset):
    """Station, microseconds and value of each row of a dataset, in order."""
    read = spark.read.parquet(str(dataset)).select(
        "station_id", functions.unix_micros("timestamp"), "air_temperature")
    return sorted((row[0], row[1], row[2]) for row in read.collect())


def written(spark, binaries, home):
    """The tables that isd-convert does not read as Spark means them."""
    failures, tables = [], 0
    keys = [(STATIONS[row % 2], START + datetime.timedelta(hours=row // 2)) for row in range(ROWS)]
    for name, (given, kind, expected) in VALUES.items():
        schema = types.StructType([
            types.StructField("station_id", types.StringType()),
            types.StructField("timestamp", types.TimestampType()),
            types.StructField("air_temperature", kind),
        ])
        frame = spark.createDataFrame([(*key, value) for key, value in zip(keys, given)], schema).coalesce(1)
        wanted = sorted((station, micros(time), None if value is None else float(value))
                        for (station, time), value in zip(keys, expected))
        for index, compression in enumerate(COMPRESSIONS):
            times = TIMES[index % len(TIMES)]
            tables += 1
            spark.conf.set("spark.sql.parquet.outputTimestampType", times)
            path = home / f"table-{tables}"
            frame.write.option("compression", compression).parquet(str(path))
            dataset = home / f"dataset-{tables}"
            run(binaries / "isd-convert", path, "-o", dataset, "-m", "air_temperature")
            if rows_of(spark, dataset) != wanted:
                failures.append(f"{name} {compression} {times}")
    print(f"{tables} tables of Spark, {len(failures)} wrong")
    return failures


def read(spark, binaries, home):
    """Checks that Spark reads a dataset with its types, its Hive keys and all of its rows, and only the files asked for."""
    run(binaries / "isd-synth", "-o", home / "a.hdf5", "--stations", 30, "--rows-per-station", 2000, "--quiet")
    said = json.loads(run(binaries / "isd-convert", home / "a.hdf5", "-o", home / "observations", "--json"))
    table = spark.read.parquet(str(home / "observations"))
    kinds = {field.name: field.dataType.simpleString() for field in table.schema.fields}
    assert kinds.pop("station_id") == "string" and kinds.pop("timestamp") == "timestamp", kinds
    assert "block" in kinds and set(kinds.values()) - {kinds.pop("block")} <= {"double"}, kinds
    assert table.count() == said["rows"]
    assert table.select("station_id").distinct().count() == said["stations"]
    nulls = {column["name"]: column["nulls"] for column in said["columns"]}
    for name, count in nulls.items():
        assert table.filter(functions.col(name).isNull()).count() == count, name
    station = table.first()["station_id"]
    own = table.filter(functions.col("block") == station[:2])
    assert len(own.inputFiles()) <= len(table.inputFiles())
    assert own.filter(functions.col("station_id") == station).count() == 2000
    run(binaries / "isd-detect", home / "observations", "-m", "wind_speed_rate", "-o", home / "outliers.parquet")
    outliers = spark.read.parquet(str(home / "outliers.parquet"))
    assert outliers.filter("abs(zscore) > 6").count() == outliers.count() > 0


def main(binaries):
    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC").config("spark.driver.bindAddress", "127.0.0.1")
             .config("spark.driver.host", "127.0.0.1").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as directory:
        home = pathlib.Path(directory)
        read(spark, binaries, home)
        failures = written(spark, binaries, home)
    spark.stop()
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


main(pathlib.Path(sys.argv[1]).resolve())
