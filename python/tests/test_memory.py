"""Outliers and statistics of tables in memory: of every library, type and layout the same as those of ``isd-detect``."""

from __future__ import annotations

import datetime
import subprocess
import sys
import textwrap

import duckdb
import isdtools
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import WIND, Observations, must


def found(observations: object, **options: object) -> pa.Table:
    return isdtools.outliers(observations, WIND, **options).to_arrow()


def test_isd_lite_has_its_451_outliers(isd_lite: Observations) -> None:
    assert isd_lite.expected.num_rows == 451
    assert found(isd_lite.table).equals(isd_lite.expected)
    assert found(isd_lite.table, threads=1).equals(isd_lite.expected)


def libraries(table: pa.Table) -> dict[str, object]:
    connection = duckdb.connect()
    connection.register("observations", table)
    return {
        "pyarrow": table,
        "reader": table.to_reader(max_chunksize=100_001),
        "polars": pl.DataFrame(table),
        "pandas": table.to_pandas(),
        "duckdb": connection.sql("from observations"),
        "duckdb in another order": connection.sql("from observations order by wind_speed_rate, timestamp"),
    }


@pytest.mark.parametrize("library", ["pyarrow", "reader", "polars", "pandas", "duckdb", "duckdb in another order"])
def test_every_library_gives_the_same(library: str, synthetic: Observations) -> None:
    assert synthetic.table.num_rows == 4_000_000
    assert synthetic.expected.num_rows > 100
    assert found(libraries(synthetic.table)[library]).equals(synthetic.expected)


def test_any_chunks_and_any_order_give_the_same(small: Observations) -> None:
    for rows in (1, 7, 1000, 12_499, 99_999):
        chunks = small.table.to_batches(max_chunksize=rows)
        assert found(pa.Table.from_batches(chunks)).equals(small.expected), rows
    shuffled = small.table.take(np.random.default_rng(1).permutation(small.table.num_rows))
    assert found(shuffled).equals(small.expected)
    # Whole stations in another order are not copied.
    stations = pc.unique(small.table["station_id"]).to_pylist()[::-1]
    reversed_ = [small.table.filter(pc.field("station_id") == station) for station in stations]
    assert found(pa.concat_tables(reversed_)).equals(small.expected)


def test_slices_and_nothing(small: Observations) -> None:
    begin, rows = 12_500, 25_001
    part = small.table.slice(begin, rows)
    assert part["station_id"].chunk(0).offset > 0
    ids = pc.unique(part["station_id"]).to_pylist()[:2]
    expected = small.expected.filter(pc.field("station_id").isin(ids))
    assert found(part).filter(pc.field("station_id").isin(ids)).equals(expected)
    assert expected.num_rows > 0
    empty = found(small.table.slice(0, 0))
    assert (empty.num_rows, empty.schema) == (0, small.expected.schema.remove_metadata())
    assert found(small.table.schema.empty_table().to_reader()).num_rows == 0
    assert found(small.table.slice(0, 30)).num_rows == 0


def cast(table: pa.Table, column: str, to: pa.DataType) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, table[column].cast(to))


@pytest.mark.parametrize(
    "ids",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.uint32(), pa.large_string()),
    ],
    ids=str,
)
def test_station_ids_of_any_text_type(ids: pa.DataType, small: Observations) -> None:
    assert found(cast(small.table, "station_id", ids)).equals(small.expected)
    # Long ids stand outside of string views.
    long = pc.binary_join_element_wise("a station of that name: ", small.table["station_id"].cast(pa.string()), "")
    table = cast(small.table.set_column(0, "station_id", long), "station_id", ids)
    assert found(table).drop(["station_id"]).equals(small.expected.drop(["station_id"]))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/Denver"])
def test_times_of_any_unit_and_zone(unit: str, zone: str | None, small: Observations) -> None:
    times = pa.timestamp(unit, zone)
    # A zone changes how an instant is shown; without one, times are UTC.
    column = small.table["timestamp"].cast(pa.int64()).cast(pa.timestamp("us")).cast(pa.timestamp(unit))
    column = column.cast(pa.int64()).cast(times)
    table = small.table.set_column(1, "timestamp", column)
    assert found(table).equals(small.expected)
    by_time = isdtools.outliers(table, WIND, window="30h").to_arrow()
    assert by_time.equals(isdtools.outliers(small.table, WIND, window="30h").to_arrow())


def test_values_of_any_number_type(small: Observations) -> None:
    # A float32 stands for the decimal that it is nearest to, as in a dataset of float32.
    assert found(cast(small.table, WIND, pa.float32())).equals(small.expected)
    tenths = pc.round(pc.multiply(small.table[WIND], 10)).cast(pa.int32())
    whole = found(small.table.set_column(3, WIND, tenths))
    assert whole["timestamp"].equals(small.expected["timestamp"])
    decimals = found(cast(small.table, WIND, pa.decimal128(6, 1)))
    assert decimals.equals(small.expected)
    nan = pc.fill_null(small.table[WIND], float("nan"))
    assert found(small.table.set_column(3, WIND, nan)).equals(small.expected)


OPTIONS: list[tuple[dict[str, object], list[str]]] = [
    ({"window": 84, "threshold": 6.5}, ["--window=84", "--threshold=6.5"]),
    ({"window": datetime.timedelta(days=7), "ddof": 1}, ["--window=7d", "--ddof=1"]),
    (
        {"window": "24h", "min_periods": 3, "include_current": True, "threshold": 3},
        ["--window=24h", "--min-periods=3", "--include-current", "--threshold=3"],
    ),
    ({"fill_limit": "6h", "min_std": 0.5}, ["--fill-limit=6h", "--min-std=0.5"]),
    ({"fill_limit": 2, "test_filled": True, "threshold": 4}, ["--fill-limit=2", "--test-filled", "--threshold=4"]),
]


@pytest.mark.parametrize(("options", "line"), OPTIONS, ids=lambda value: str(value))
def test_options_mean_what_they_mean_to_the_tool(
    options: dict[str, object], line: list[str], small: Observations, tmp_path
) -> None:
    must("isd-detect", small.dataset, "--all", *line, "-o", tmp_path / "o.arrow", "--quiet")
    expected = pa.ipc.open_file(tmp_path / "o.arrow").read_all()
    measured = isdtools.outliers(small.table, [WIND, "air_temperature"], **options).to_arrow()
    both = pc.field("measurement").isin([WIND, "air_temperature"])
    assert measured.num_rows > 0
    assert measured.equals(expected.filter(both))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: t.set_column(3, WIND, t["station_id"]), TypeError, "wind_speed_rate: expected numbers, found"),
        (lambda t: cast(t, "timestamp", pa.int64()), TypeError, "timestamp: expected times, found Int64"),
        (lambda t: t.set_column(0, "station_id", t[WIND]), TypeError, "station_id: expected texts, found Float64"),
        (lambda t: t.drop(["timestamp"]), ValueError, "there is no column timestamp"),
        (lambda t: t.drop(["station_id"]), ValueError, "there is no column station_id"),
        (lambda t: t.drop([WIND]), ValueError, "observations: holds no measurement wind_speed_rate\nhint: it holds air_temp"),
        (lambda t: pa.concat_tables([t, t.slice(5, 1)]), ValueError, "rows 5 and 100000 are both of station"),
        (lambda t: t.set_column(1, "timestamp", pc.if_else(pc.equal(t["timestamp"], t["timestamp"][7]), None, t["timestamp"])),
         ValueError, "timestamp: row 7 has no time"),
        (lambda t: t.set_column(0, "station_id", pc.if_else(pc.equal(t["timestamp"], t["timestamp"][7]), None, t["station_id"])),
         ValueError, "station_id: row 7 has no station"),
        (lambda t: t.set_column(0, "station_id", pc.if_else(pc.equal(t["timestamp"], t["timestamp"][7]), "nan", t["station_id"])),
         ValueError, "station_id: row 7 has the station_id"),
        (lambda t: t.set_column(0, "station_id", pc.if_else(pc.equal(t["timestamp"], t["timestamp"][7]), " ", t["station_id"])),
         ValueError, "station_id: row 7 has no station_id"),
        (lambda t: t.append_column(WIND, t[WIND]), ValueError, "wind_speed_rate: there are two columns of that name"),
        (lambda t: t[WIND], TypeError, "expected a table"),
        (lambda t: [1, 2], TypeError, "expected a table with __arrow_c_stream__"),
        (lambda t: pl.DataFrame(t).lazy(), TypeError, "found LazyFrame\nhint: give its result, that of collect()"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change, error: type[Exception], words: str, small: Observations) -> None:
    with pytest.raises(error) as raised:
        found(change(small.table))
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"window": "7 days"}, ValueError, "invalid value '7 days' for '--window <N|TIME>'"),
        ({"window": datetime.timedelta(seconds=90)}, ValueError, "expected a number of values, such as 30, or a time"),
        ({"window": [30]}, TypeError, "window: expected one value, found list"),
        ({"window": 0}, ValueError, "a window of 0 rows"),
        ({"threshold": -1}, ValueError, "is not a number of at most 15 digits"),
        ({"include_current": True}, ValueError, "no data can exceed 6 sigma"),
        ({"windw": 30}, TypeError, "windw"),
    ],
)
def test_options_that_make_no_test_are_refused(
    options: dict[str, object], error: type[Exception], words: str, small: Observations
) -> None:
    words_of = pytest.raises(error)
    with words_of as raised:
        found(small.table, **options)
    assert words in str(raised.value)


def test_no_measurement_is_not_all_of_them(small: Observations) -> None:
    with pytest.raises(ValueError, match="expected at least one"):
        isdtools.outliers(small.table, [])


def test_a_direction_is_refused_without_force(small: Observations) -> None:
    table = small.table.rename_columns(["station_id", "timestamp", "air_temperature", "wind_direction"])
    with pytest.raises(ValueError, match="a linear z-score of a direction"):
        isdtools.outliers(table, "wind_direction")
    assert len(isdtools.outliers(table, "wind_direction", force=True)) == small.expected.num_rows
    # By default all that can be tested is.
    tested = isdtools.outliers(table).to_arrow()
    assert pc.unique(tested["measurement"]).to_pylist() == ["air_temperature"]


def test_columns_under_other_names(small: Observations) -> None:
    table = small.table.rename_columns(["id", "valid", "t", "wind"])
    renamed = isdtools.outliers(table, "wind", station="id", time="valid").to_arrow()
    assert renamed.drop(["measurement"]).equals(small.expected.drop(["measurement"]))


def test_statistics_stand_beside_the_rows(small: Observations) -> None:
    table = small.table
    filled = table.select(["station_id"]).append_column(WIND, isdtools.forward_fill(table, WIND).to_arrow()[WIND])
    columns = {
        "mean": isdtools.rolling_mean(filled, WIND),
        "std": isdtools.rolling_std(filled, WIND),
        "zscore": isdtools.rolling_zscore(table, WIND),
    }
    for name, column in columns.items():
        table = table.append_column(name, column.to_arrow()[WIND])
    beyond = table.filter(pc.greater(pc.abs(pc.field("zscore")), 6))
    assert beyond["timestamp"].equals(small.expected["timestamp"])
    for ours, theirs in (("mean", "rolling_mean"), ("std", "rolling_std"), ("zscore", "zscore")):
        assert beyond[ours].equals(small.expected[theirs])
    # Chunks make no difference.
    pieces = pa.Table.from_batches(small.table.to_batches(max_chunksize=777))
    for function in (isdtools.rolling_mean, isdtools.rolling_std, isdtools.rolling_zscore, isdtools.forward_fill):
        for options in ({}, {"limit" if function is isdtools.forward_fill else "window": "12h"}):
            whole = function(small.table, **options).to_arrow()
            assert function(pieces, **options).to_arrow().equals(whole)
            assert whole.num_rows == small.table.num_rows
            assert whole.column_names == ["air_temperature", WIND]


def test_the_mean_is_that_of_a_slow_model() -> None:
    rng = np.random.default_rng(7)
    values = np.round(rng.normal(5, 3, 200), 1)
    values[rng.random(200) < 0.2] = np.nan
    frame = pd.DataFrame({"station_id": ["a"] * 120 + ["b"] * 80, "x": values})
    filled = frame.groupby("station_id")["x"].ffill()
    assert isdtools.forward_fill(frame).to_pandas()["x"].equals(filled)
    rolled = filled.groupby(frame["station_id"]).transform(lambda s: s.shift().rolling(5).mean())
    frame["x"] = filled
    np.testing.assert_allclose(isdtools.rolling_mean(frame, window=5).to_pandas()["x"], rolled, rtol=1e-12)
    deviation = filled.groupby(frame["station_id"]).transform(lambda s: s.shift().rolling(5).std())
    np.testing.assert_allclose(isdtools.rolling_std(frame, window=5, ddof=1).to_pandas()["x"], deviation, rtol=1e-9, atol=1e-9)


def test_statistics_refuse_stations_in_two_places(small: Observations) -> None:
    table = pa.concat_tables([small.table, small.table.slice(0, 10)])
    with pytest.raises(ValueError, match="lie in two places\nhint: sort the rows by station_id and timestamp"):
        isdtools.rolling_mean(table)


@pytest.mark.skipif(sys.platform != "linux", reason="the largest size of a process is told in other units")
def test_doubles_are_not_copied() -> None:
    code = """
        import isdtools, numpy as np, pyarrow as pa, resource
        rows, stations = 16_000_000, 100
        ids = pa.DictionaryArray.from_arrays(np.repeat(np.arange(stations, dtype="i4"), rows // stations), list(map(str, range(stations))))
        times = pa.array(np.arange(rows)).cast(pa.timestamp("us"))
        table = pa.table({"station_id": ids, "timestamp": times, "x": np.arange(rows) % 70 / 10})
        size = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = size()
        isdtools.outliers(table, "x", threads=1)
        print((size() - before) * 1024, table["x"].nbytes)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    more, values = map(int, done.stdout.split())
    assert values == 128_000_000
    assert more < values / 4
