"""Reads a dataset and its outliers with DuckDB, pyarrow, pandas and Polars, and compares with our own tools.

    python3 readers.py DIRECTORY_OF_THE_BINARIES
"""

import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

MEASUREMENTS = [
    "air_temperature", "dew_point_temperature", "sea_level_pressure", "wind_direction", "wind_speed_rate",
    "sky_condition", "liquid_precipitation_1h", "liquid_precipitation_6h",
]
CHECKS = []


def check(function):
    """Marks a check, which is told where things are."""
    CHECKS.append(function)
    return function


class Place:
    """What the tools made, and what they say of it."""

    def __init__(self, binaries, directory):
        self.binaries = pathlib.Path(binaries)
        self.directory = pathlib.Path(directory)
        archive = self.directory / "archive.hdf5"
        self.observations = self.directory / "observations"
        self.outliers = self.directory / "outliers.parquet"
        self.tool("isd-synth", "-o", archive, "--stations", "40", "--rows-per-station", "3000", "--quiet")
        self.tool("isd-convert", archive, "-o", self.observations, "--quiet")
        self.tool("isd-detect", self.observations, "--all", "-o", self.outliers, "--quiet")
        self.by_year = self.directory / "by-year"
        self.tool("isd-detect", self.observations, "--all", "--partition-by", "year", "-o", self.by_year, "--quiet")
        self.files = sorted(self.observations.glob("block=*/*.parquet"))
        # Counts, sums and ends of every column, as isd-query sees them.
        values = [f"count({m}) as n_{m}, sum({m}) as sum_{m}" for m in MEASUREMENTS]
        self.facts = self.ask(
            self.observations,
            f"select count(*) as n, count(distinct station_id) as stations, cast(min(timestamp) as varchar) as first, "
            f"cast(max(timestamp) as varchar) as last, {', '.join(values)} from observations",
        )[0]
        self.found = self.ask(
            self.outliers,
            "select measurement, count(*) as n, sum(value) as total, sum(case when abs(zscore) = 'infinity' then 1 else 0 end) as "
            "infinite from outliers group by 1 order by 1",
        )
        self.years = self.ask(
            self.by_year, "select year, count(*) as n, sum(window_count) as counted, min(value) as least, max(value) as most "
            "from outliers group by 1 order by 1")
        stations = self.ask(self.observations, "select distinct station_id from observations order by 1")
        self.station = stations[len(stations) // 2]["station_id"]

    def tool(self, name, *arguments):
        run = subprocess.run([self.binaries / name, *arguments], capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit(f"{name}: {run.stderr}")
        return run.stdout

    def ask(self, table, sql):
        """Rows of an answer of isd-query."""
        return json.loads(self.tool("isd-query", table, sql, "--format", "json", "--quiet"))

    def row_groups_of(self, station):
        """Row groups whose statistics allow the station: those that a reader has to read."""
        wanted = 0
        for file in self.files:
            metadata = pyarrow.parquet.ParquetFile(file).metadata
            for index in range(metadata.num_row_groups):
                statistics = metadata.row_group(index).column(0).statistics
                wanted += statistics.min <= station <= statistics.max
        return wanted


def same(found, expected, what):
    close = isinstance(expected, float) and math.isclose(found, expected, rel_tol=1e-12)
    assert found == expected or close, f"{what}: found {found}, expected {expected}"


@check
def files_have_the_types_that_every_reader_knows(place):
    for file in [*place.files, place.outliers]:
        schema = pyarrow.parquet.ParquetFile(file).schema
        types = {schema.column(i).name: schema.column(i) for i in range(len(schema))}
        same(types["station_id"].logical_type.type, "STRING", f"{file}: station_id")
        # What Spark takes for a timestamp without being told: microseconds, adjusted to UTC, in 64 bits.
        same(types["timestamp"].physical_type, "INT64", f"{file}: timestamp")
        time = json.loads(types["timestamp"].logical_type.to_json())
        same((time["timeUnit"], time["isAdjustedToUTC"]), ("microseconds", True), f"{file}: timestamp")
        for column in [*MEASUREMENTS, "value", "rolling_mean", "rolling_std", "zscore"]:
            if column in types:
                same(types[column].physical_type, "DOUBLE", f"{file}: {column}")


@check
def row_groups_hold_whole_stations_with_statistics(place):
    seen = set()
    for file in place.files:
        parquet = pyarrow.parquet.ParquetFile(file)
        for index in range(parquet.metadata.num_row_groups):
            group = parquet.metadata.row_group(index)
            assert all(group.column(i).is_stats_set for i in range(2)), f"{file}: no statistics"
            assert group.column(0).has_column_index, f"{file}: no page index"
            stations = set(parquet.read_row_group(index, columns=["station_id"])["station_id"].to_pylist())
            assert not stations & seen, f"{file}: a station lies in two row groups"
            seen |= stations
    same(len(seen), place.facts["stations"], "stations")


@check
def duckdb_reads_the_dataset(place):
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    scan = f"read_parquet('{place.observations}/**/*.parquet', hive_partitioning = true, hive_types = {{'block': varchar}})"
    types = {row[0]: row[1] for row in database.execute(f"describe select * from {scan}").fetchall()}
    same(types["station_id"], "VARCHAR", "station_id")
    same(types["timestamp"], "TIMESTAMP WITH TIME ZONE", "timestamp")
    same(types["block"], "VARCHAR", "block")
    same({types[m] for m in MEASUREMENTS}, {"DOUBLE"}, "measurements")
    for m in MEASUREMENTS:
        n, total = database.execute(f"select count({m}), sum({m}) from {scan}").fetchone()
        same(n, place.facts[f"n_{m}"], f"DuckDB: count of {m}")
        same(total, place.facts[f"sum_{m}"], f"DuckDB: sum of {m}")
    ends = database.execute(
        f"select strftime(min(timestamp), '%Y-%m-%dT%H:%M:%SZ'), strftime(max(timestamp), '%Y-%m-%dT%H:%M:%SZ') from {scan}"
    ).fetchone()
    same(ends, (place.facts["first"], place.facts["last"]), "DuckDB: ends")
    plan = database.execute(
        f"explain analyze select count(wind_speed_rate) from {scan} where block = '{place.station[:2]}'"
    ).fetchall()[0][1]
    files = len(list((place.observations / f"block={place.station[:2]}").glob("*.parquet")))
    read = re.search(r"Total Files Read: (\d+)", plan)
    assert read and int(read[1]) == files, f"DuckDB reads other files than those of the block:\n{plan}"


@check
def duckdb_reads_the_outliers(place):
    database = duckdb.connect()
    for row in place.found:
        found = database.execute(
            f"select count(*), sum(value), count(*) filter (where isinf(zscore)) from '{place.outliers}' where measurement = ?",
            [row["measurement"]],
        ).fetchone()
        same(found, (row["n"], row["total"], row["infinite"]), f"DuckDB: outliers of {row['measurement']}")
    types = dict(database.execute(f"select column_name, column_type from (describe '{place.outliers}')").fetchall())
    same(types["filled"], "BOOLEAN", "filled")
    same(types["window_count"], "BIGINT", "window_count")


@check
def pyarrow_reads_and_prunes(place):
    dataset = pyarrow.dataset.dataset(place.observations, partitioning=pyarrow.dataset.partitioning(
        pyarrow.schema([("block", pyarrow.string())]), flavor="hive"))
    same(dataset.schema.field("timestamp").type, pyarrow.timestamp("us", "UTC"), "timestamp")
    same(dataset.schema.field("station_id").type, pyarrow.string(), "station_id")
    same(dataset.count_rows(), place.facts["n"], "pyarrow: rows")
    table = dataset.to_table()
    for m in MEASUREMENTS:
        same(table[m].type, pyarrow.float64(), m)
        same(len(table) - table[m].null_count, place.facts[f"n_{m}"], f"pyarrow: count of {m}")
        same(math.fsum(table[m].drop_null().to_numpy()), place.facts[f"sum_{m}"], f"pyarrow: sum of {m}")
    unit = dataset.schema.field("wind_speed_rate").metadata[b"units"]
    same(unit, b"m s-1", "pyarrow: units of wind_speed_rate")
    station = pyarrow.dataset.field("station_id") == place.station
    block = pyarrow.dataset.field("block") == place.station[:2]
    groups = sum(len(f.subset(station).row_groups) for f in dataset.get_fragments(filter=block))
    same(groups, place.row_groups_of(place.station), "pyarrow: row groups of one station")
    same(dataset.count_rows(filter=station), 3000, "pyarrow: rows of one station")


@check
def pandas_reads_one_station(place):
    frame = pandas.read_parquet(place.observations, filters=[("station_id", "==", place.station)])
    same(len(frame), 3000, "pandas: rows of one station")
    same(str(frame["timestamp"].dtype.tz), "UTC", "pandas: zone")
    same(str(frame["wind_speed_rate"].dtype), "float64", "pandas: wind_speed_rate")
    ours = place.ask(
        place.observations,
        f"select wind_speed_rate as v from observations where station_id = '{place.station}' order by timestamp",
    )
    expected = [row["v"] for row in ours]
    found = [None if math.isnan(v) else v for v in frame["wind_speed_rate"]]
    assert found == expected, "pandas: other values"
    outliers = pandas.read_parquet(place.outliers)
    same(len(outliers), sum(row["n"] for row in place.found), "pandas: outliers")
    same(str(outliers["filled"].dtype), "bool", "pandas: filled")


@check
def polars_reads_and_prunes(place):
    scan = polars.scan_parquet(
        f"{place.observations}/**/*.parquet", hive_partitioning=True, hive_schema={"block": polars.String})
    schema = scan.collect_schema()
    same(schema["timestamp"], polars.Datetime("us", "UTC"), "Polars: timestamp")
    same(schema["station_id"], polars.String, "Polars: station_id")
    same({schema[m] for m in MEASUREMENTS}, {polars.Float64}, "Polars: measurements")
    facts = scan.select(
        *(polars.col(m).count().alias(f"n_{m}") for m in MEASUREMENTS),
        *(polars.col(m).sum().alias(f"sum_{m}") for m in MEASUREMENTS),
    ).collect().row(0, named=True)
    for name, value in facts.items():
        same(value, place.facts[name], f"Polars: {name}")
    one = scan.filter(polars.col("block") == place.station[:2], polars.col("station_id") == place.station)
    same(one.select(polars.len()).collect().item(), 3000, "Polars: rows of one station")
    plan = one.explain()
    assert "station_id" in plan and "SELECTION" in plan, f"Polars does not push the filter into the scan:\n{plan}"
    found = polars.read_parquet(place.outliers).group_by("measurement").agg(
        polars.len().alias("n"), polars.col("value").sum().alias("total"),
        polars.col("zscore").is_infinite().sum().alias("infinite")).sort("measurement").rows(named=True)
    for row, expected in zip(found, place.found, strict=True):
        for name, value in expected.items():
            same(row[name], value, f"Polars: {name} of {expected['measurement']}")


@check
def outliers_by_year_are_those_of_one_file(place):
    ours = place.ask(place.outliers, "select cast(extract(year from timestamp) as bigint) as year, count(*) as n, "
                     "sum(window_count) as counted, min(value) as least, max(value) as most from outliers group by 1 order by 1")
    same(place.years, ours, "isd-query: years")
    assert len(ours) > 1, f"there is nothing to prune: {ours}"
    directories = sorted(path.name for path in place.by_year.glob("year=*"))
    same(directories, [f"year={row['year']}" for row in ours], "directories")
    # A key that lies in the files, too, is read twice or not at all.
    for file in place.by_year.glob("*/*.parquet"):
        names = pyarrow.parquet.read_schema(file).names
        same(names, pyarrow.parquet.read_schema(place.outliers).names, f"{file}: columns")
    types = {row["column_name"]: row["data_type"] for row in place.ask(place.by_year, "describe outliers")}
    same(types["year"], "Int64", "isd-query: year")


@check
def duckdb_reads_outliers_by_year(place):
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    scan = f"read_parquet('{place.by_year}/**/*.parquet')"
    types = {row[0]: row[1] for row in database.execute(f"describe select * from {scan}").fetchall()}
    one_file = {row[0]: row[1] for row in database.execute(f"describe '{place.outliers}'").fetchall()}
    same(types, one_file | {"year": "BIGINT"}, "DuckDB: types")
    found = database.execute(
        f"select year, count(*), sum(window_count)::bigint, min(value), max(value) from {scan} group by 1 order by 1").fetchall()
    same(found, [tuple(row.values()) for row in place.years], "DuckDB: years")
    last = place.years[-1]
    plan = database.execute(f"explain analyze select sum(value) from {scan} where year = {last['year']}").fetchall()[0][1]
    read = re.search(r"Total Files Read: (\d+)", plan)
    files = len(list((place.by_year / f"year={last['year']}").glob("*.parquet")))
    assert read and int(read[1]) == files, f"DuckDB reads other files than those of the year:\n{plan}"


@check
def pyarrow_and_pandas_read_outliers_by_year(place):
    dataset = pyarrow.dataset.dataset(place.by_year, partitioning="hive")
    assert pyarrow.types.is_integer(dataset.schema.field("year").type), f"pyarrow: year is {dataset.schema.field('year').type}"
    same(dataset.schema.field("timestamp").type, pyarrow.timestamp("us", "UTC"), "pyarrow: timestamp")
    for row in place.years:
        wanted = pyarrow.dataset.field("year") == row["year"]
        files = [pathlib.Path(fragment.path).parent.name for fragment in dataset.get_fragments(filter=wanted)]
        same(set(files), {f"year={row['year']}"}, "pyarrow: files of a year")
        same(dataset.count_rows(filter=wanted), row["n"], f"pyarrow: rows of {row['year']}")
        frame = pandas.read_parquet(place.by_year, filters=[("year", "==", row["year"])])
        found = (len(frame), frame["window_count"].sum(), frame["value"].min(), frame["value"].max())
        same(found, (row["n"], row["counted"], row["least"], row["most"]), f"pandas: {row['year']}")
        same(set(frame["timestamp"].dt.year), {row["year"]}, "pandas: years of the timestamps")


@check
def polars_reads_outliers_by_year(place):
    scan = polars.scan_parquet(place.by_year, hive_partitioning=True)
    one_file = polars.scan_parquet(place.outliers).collect_schema()
    same(dict(scan.collect_schema()), dict(one_file) | {"year": polars.Int64}, "Polars: types")
    found = scan.group_by("year").agg(
        polars.len().cast(polars.Int64).alias("n"), polars.col("window_count").sum().alias("counted"),
        polars.col("value").min().alias("least"), polars.col("value").max().alias("most")).sort("year").collect()
    same(found.rows(named=True), place.years, "Polars: years")
    last = place.years[-1]
    one = scan.filter(polars.col("year") == last["year"])
    same(one.select(polars.len()).collect().item(), last["n"], f"Polars: rows of {last['year']}")
    plan = one.explain()
    others = [row["year"] for row in place.years[:-1] if f"year={row['year']}" in plan]
    assert f"year={last['year']}" in plan and not others, f"Polars reads the files of other years:\n{plan}"


@check
def outliers_say_how_they_were_made(place):
    metadata = pyarrow.parquet.read_schema(place.outliers).metadata
    same(json.loads(metadata[b"isd.parameters"])["window"], 30, "pyarrow: isd.parameters")
    assert {b"isd.tool", b"isd.source"} <= metadata.keys(), f"pyarrow: {metadata.keys()}"


@check
def infinite_zscores_keep_their_sign_in_ndjson(place):
    infinite = sum(row["infinite"] for row in place.found)
    assert infinite, "no z-score is infinite"
    lines = place.directory / "outliers.ndjson"
    place.tool("isd-detect", place.observations, "--all", "-o", lines, "--quiet")
    # pandas' own parser of numbers is not exact.
    scores = [float(json.loads(line)["zscore"]) for line in lines.read_text().splitlines()]
    expected = pyarrow.parquet.read_table(place.outliers)["zscore"].to_pylist()
    assert scores == expected, "the z-scores of NDJSON and Parquet differ"
    read = pandas.read_json(lines, lines=True)["zscore"].astype(float)
    same(int(read.abs().eq(math.inf).sum()), infinite, "pandas: infinite z-scores")


@check
def nothing_but_observations_ends_in_parquet(place):
    same(sorted(place.observations.glob("**/*.parquet")), place.files, "files that the pattern finds")


@check
def results_of_queries_are_at_home_too(place):
    for extension in ("parquet", "arrow", "csv", "ndjson"):
        result = place.directory / f"result.{extension}"
        place.tool("isd-query", place.outliers, "select station_id, timestamp, value from outliers", "-o", result, "--quiet")
        if extension == "parquet":
            rows = pyarrow.parquet.read_table(result).num_rows
            same(str(pyarrow.parquet.read_schema(result).field("station_id").type), "string", "station_id")
        elif extension == "arrow":
            rows = pyarrow.ipc.open_file(result).read_all().num_rows
        elif extension == "csv":
            rows = len(pandas.read_csv(result, parse_dates=["timestamp"]))
        else:
            rows = len(pandas.read_json(result, lines=True))
        same(rows, sum(row["n"] for row in place.found), f"{extension}: rows")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as directory:
        place = Place(sys.argv[1], directory)
        failed = 0
        for function in CHECKS:
            name = function.__name__.replace("_", " ")
            try:
                function(place)
            except AssertionError as error:
                failed += 1
                print(f"FAILED {name}: {error}")
            else:
                print(f"ok {name}")
    print(f"interop: {len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
