"""Spark: outliers of a DataFrame, and our dataset as Spark reads it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import isdtools
import isdtools.spark
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import WIND, Observations

pyspark_sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed")
if shutil.which("java") is None:
    pytest.skip("there is no Java", allow_module_level=True)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = pyspark_sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    # Another zone than that of the data must make no difference.
    session = builder.config("spark.sql.session.timeZone", "America/Denver").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def in_order(frame: Any, expected: pa.Table) -> pa.Table:
    table = frame.toArrow().sort_by([("station_id", "ascending"), ("timestamp", "ascending")])
    return table.cast(expected.schema).replace_schema_metadata()


def test_the_outliers_of_a_frame(spark: Any, synthetic: Observations) -> None:
    frame = spark.read.parquet(str(synthetic.dataset))
    assert in_order(isdtools.spark.outliers(frame, WIND), synthetic.expected).equals(synthetic.expected)
    both = isdtools.spark.outliers(frame.repartition(13), [WIND, "air_temperature"], partitions=3, window="7d")
    expected = isdtools.detect(synthetic.dataset, [WIND, "air_temperature"], window="7d").to_arrow()
    found = both.toArrow().sort_by([(name, "ascending") for name in ("station_id", "timestamp", "measurement")])
    assert found.cast(expected.schema).equals(expected)


def test_groups_of_stations_by_apply_in_arrow(spark: Any, small: Observations) -> None:
    frame = spark.createDataFrame(small.table)
    found = frame.groupBy("station_id").applyInArrow(
        lambda rows: isdtools.outliers(rows, "wind_speed_rate", threads=1).to_arrow(), isdtools.spark.SCHEMA
    )
    assert in_order(found, small.expected).equals(small.expected)


def test_mistakes_are_told_before_spark_runs(spark: Any, small: Observations) -> None:
    frame = spark.read.parquet(str(small.dataset))
    with pytest.raises(ValueError, match="holds no measurement wind\nhint: it holds"):
        isdtools.spark.outliers(frame, "wind")
    with pytest.raises(ValueError, match="a window of 0 rows"):
        isdtools.spark.outliers(frame, WIND, window=0)
    with pytest.raises(TypeError, match="timestamp: expected times, found Int64"):
        isdtools.spark.outliers(frame.withColumn("timestamp", frame["timestamp"].cast("long")), WIND)


def test_our_dataset_has_its_types_its_keys_and_is_pruned(spark: Any, synthetic: Observations) -> None:
    frame = spark.read.parquet(str(synthetic.dataset))
    types = dict(frame.dtypes)
    assert (types["station_id"], types["timestamp"], types[WIND]) == ("string", "timestamp", "double")
    assert "block" in types
    station = synthetic.table["station_id"][0].as_py()
    chosen = frame.where(frame["block"] == station[:2])
    assert 0 < len(chosen.inputFiles())
    plan = chosen._jdf.queryExecution().executedPlan().toString()
    assert "PartitionFilters: [isnotnull(block" in plan
    ids = pc.starts_with(synthetic.table["station_id"], station[:2])
    assert chosen.count() == pc.sum(ids).as_py()
