"""Makes the data and the expected results of the SQL battery, the latter with DuckDB.

    python3 battery.py                 # check that DuckDB still gives what is committed
    python3 battery.py --write         # make the data and the expected results anew

The Rust test `battery` of isd-queries runs the same statements on the same data and compares. Results are lines of
values with ` | ` between them: whole numbers as they are, doubles to ten digits, times in UTC, `null`.
"""

import argparse
import datetime
import decimal
import pathlib
import sys

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
BATTERY = HERE.parents[1] / "queries" / "tests" / "battery"
STATIONS = [
    ("010010-99999", "JAN MAYEN(NOR-NAVY)", "NO", 70.933, -8.667, 9.0),
    ("037720-99999", "HEATHROW", "UK", 51.478, -0.461, 25.3),
    ("722010-12836", "KEY WEST INTERNATIONAL AIRPORT", "US", 24.555, -81.752, 1.2),
    ("722020-12839", "MIAMI INTERNATIONAL AIRPORT", "US", 25.791, -80.316, 8.8),
    ("722030-12844", "PALM BEACH INTERNATIONAL AIRPORT", "US", 26.685, -80.099, 5.8),
    ("A00001-99999", "NOWHERE", None, None, None, None),
]
START = datetime.datetime(2016, 12, 10)


def rows_of(station):
    """Observations of one station: integers from a small generator, so that they are the same everywhere."""
    state = 1000 + 77 * station
    for row in range(150):
        state = (state * 1103515245 + 12345) % 2**31
        noise = state // 65536
        time = START + datetime.timedelta(hours=7 * row + station + (24 if row % 40 > 30 else 0) * (row // 40))
        wind = None if noise % 11 == 0 else (noise % 120) / 10 + (25 if row % 37 == 5 + station else 0)
        temperature = None if noise % 13 == 0 else (noise % 300 - 100) / 10
        pressure = None if noise % 7 == 0 else 1000 + (noise % 250) / 10
        yield time + datetime.timedelta(days=row // 100), wind, temperature, pressure


def text(value):
    return "" if value is None else str(value)


def make_data():
    """Writes the three tables as CSV."""
    observations = ["station_id,timestamp,wind_speed_rate,air_temperature,sea_level_pressure"]
    outliers = ["station_id,timestamp,measurement,value,rolling_mean,rolling_std,zscore,window_count,filled"]
    for number, (station, *_) in enumerate(STATIONS[:-1]):
        for row, (time, wind, temperature, pressure) in enumerate(rows_of(number)):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
            observations.append(f"{station},{stamp},{text(wind)},{text(temperature)},{text(pressure)}")
            if wind is not None and wind > 20 or row % 29 == number:
                mean, std = 6.5, 0 if row % 58 == number else 2.5
                value = 6.6 if wind is None else wind
                zscore = "inf" if std == 0 and value > mean else "-inf" if std == 0 else (value - mean) / std
                filled = "true" if wind is None else "false"
                outliers.append(f"{station},{stamp},wind_speed_rate,{value},{mean},{std},{zscore},30,{filled}")
            if temperature is not None and temperature > 19.2:
                outliers.append(f"{station},{stamp},air_temperature,{temperature},4.0,2.0,{(temperature - 4) / 2},30,false")
    stations = ["station_id,name,country,latitude,longitude,elevation"]
    stations += [",".join(text(cell) for cell in station) for station in STATIONS]
    for name, lines in [("observations", observations), ("outliers", outliers), ("stations", stations)]:
        (BATTERY / f"{name}.csv").write_text("\n".join(lines) + "\n")


def shown(value):
    """A value as the battery writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, decimal.Decimal)):
        value = float(value)
        if value in (float("inf"), float("-inf")):
            return "inf" if value > 0 else "-inf"
        mantissa, exponent = f"{value:.9e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def statements():
    """Title and SQL of each statement, in order."""
    for block in (BATTERY / "statements.sql").read_text().strip().split("\n\n"):
        title, sql = block.split("\n", 1)
        yield title.removeprefix("-- "), sql


def connect():
    """DuckDB with the three tables, in UTC."""
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    types = {"timestamp": "timestamptz", "filled": "boolean", "window_count": "bigint"}
    words = {"station_id", "measurement", "name", "country"}
    for name in ("observations", "outliers", "stations"):
        path = BATTERY / f"{name}.csv"
        header = path.read_text().split("\n", 1)[0].split(",")
        columns = {c: types.get(c, "varchar" if c in words else "double") for c in header}
        database.execute(f"create table {name} as select * from read_csv('{path}', header = true, columns = {columns})")
    return database


def results():
    """The expected results as text."""
    database = connect()
    blocks = []
    for title, sql in statements():
        try:
            table = database.sql(sql.rstrip(";")).to_arrow_table()
        except duckdb.Error as error:
            sys.exit(f"{title}: {error}")
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        blocks.append("\n".join([f"-- {title}"] + [" | ".join(map(shown, row)) for row in rows]))
    return "\n\n".join(blocks) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="make data and expected results anew")
    expected = BATTERY / "expected.txt"
    if parser.parse_args().write:
        make_data()
        expected.write_text(results())
        return
    if results() != expected.read_text():
        sys.exit(f"DuckDB {duckdb.__version__} gives other results than {expected}")
    print(f"DuckDB {duckdb.__version__}: {len(list(statements()))} statements give what is committed")


if __name__ == "__main__":
    main()
