use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Command;

use isd_converters::{ReadOptions, Scale, open};

use crate::archives::{read, read_path};
use crate::texts::shared;

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn the_published_archive_and_the_pandas_table_agree() {
    let (flat, table) = (shared("hdf5/isdlite.hdf5"), shared("hdf5/isdlite-pandas-table.h5"));
    for scale in [Scale::Attributes, Scale::Isd] {
        let options = ReadOptions { scale, ..ReadOptions::default() };
        let flat = read_path(&flat, &options).unwrap();
        assert_eq!(flat.timestamps.len(), 993_786);
        assert_eq!(flat.stations.len(), 63);
        let mut source = open(&table, &options).unwrap();
        assert_eq!(source.info().layout, "pandas table in HDF5");
        assert_eq!(read(source.as_mut()).unwrap(), read_path(&table, &options).unwrap());
        let table = read_path(&table, &options).unwrap();
        assert_eq!(table.timestamps.len(), 52_346);
        assert_eq!(table.stations.len(), 6);
        let mut at = 0;
        for (station, rows) in &table.stations {
            let position = flat.stations.iter().position(|(id, _)| id == station).unwrap();
            assert_eq!(flat.stations[position].1, *rows, "{station}");
            let from: usize = flat.stations[..position].iter().map(|(_, rows)| rows).sum();
            assert_eq!(flat.timestamps[from..from + rows], table.timestamps[at..at + rows], "{station}");
            for ((name, whole), (other, part)) in flat.columns.iter().zip(&table.columns) {
                assert_eq!(name, other);
                assert_eq!(whole[from..from + rows], part[at..at + rows], "{station} {name}");
            }
            at += rows;
        }
    }
}

/// Stations and rows of a file, or words of its refusal.
type Outcome = Result<(usize, usize), &'static str>;

/// What becomes of each file of other writers.
const OUTCOMES: [(&str, Outcome); 26] = [
    ("arm/maraosmetM1.a1.20180201.000000.nc", Ok((1, 1440))),
    ("arm/sgpmetE13.b1.20190508.000000.cdf", Ok((1, 6))),
    ("arm/sgpmet_test_time.nc", Ok((1, 60))),
    ("camps/reduced_nbd201305.nc", Ok((597, 400_824))),
    ("knmi/KMDS__OPER_P___10M_OBS_L2_202405161720.nc", Ok((67, 67))),
    ("knmi/KMDS__OPER_P___10M_OBS_L2_202405161730.nc", Ok((67, 67))),
    ("knmi/KMDS__OPER_P___10M_OBS_L2_202405161740.nc", Ok((67, 67))),
    ("knmi/KMDS__OPER_P___10M_OBS_L2_202405161750.nc", Ok((67, 67))),
    ("knmi/KMDS__OPER_P___10M_OBS_L2_202405161800.nc", Ok((67, 67))),
    ("knmi/KMDS__OPER_P___10M_OBS_L2_202405161810.nc", Ok((66, 66))),
    ("layouts/chunked_v4_datasets.hdf5", NO_ARCHIVE),
    ("layouts/compound_datasets_earliest.hdf5", NO_ARCHIVE),
    ("layouts/compound_datasets_latest.hdf5", NO_ARCHIVE),
    ("layouts/fixed_array_paged_datasets.hdf5", NO_ARCHIVE),
    ("layouts/fletcher32_datasets_latest.hdf5", NO_ARCHIVE),
    ("layouts/float_special_values_latest.hdf5", NO_ARCHIVE),
    ("layouts/hdf_v14_test1.hdf5", NO_ARCHIVE),
    ("layouts/implicit_index_datasets.hdf5", NO_ARCHIVE),
    ("layouts/lz4_datasets.hdf5", NO_ARCHIVE),
    ("layouts/test_byteshuffle_compressed_datasets_earliest.hdf5", NO_ARCHIVE),
    ("layouts/test_chunked_datasets_latest.hdf5", NO_ARCHIVE),
    ("layouts/test_compact_datasets_latest.hdf5", NO_ARCHIVE),
    ("layouts/test_compressed_chunked_datasets_latest.hdf5", NO_ARCHIVE),
    ("layouts/test_file.hdf5", NO_ARCHIVE),
    ("netcdf3/KRAP_HOURLY_2017.nc", Err("is a classic netCDF-3 file")),
    ("pandas-fixed/weather.h5", Ok((1, 4777))),
];
/// Neither stations nor times: datasets that show how HDF5 can be stored.
const NO_ARCHIVE: Outcome =
    Err("is no archive known here: expected columns such as station_usaf and timestamp");

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn files_of_other_writers_are_read_or_refused_in_one_line() {
    let root = shared("hdf5/third-party");
    let mut files = 0;
    for directory in std::fs::read_dir(&root).unwrap() {
        for file in std::fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let expected = OUTCOMES.iter().find(|(known, _)| *known == name);
            let Some((_, expected)) = expected else { panic!("{name} is new") };
            files += 1;
            match (read_path(&path, &ReadOptions::default()), expected) {
                (Ok(all), Ok(expected)) => {
                    assert_eq!((all.stations.len(), all.timestamps.len()), *expected, "{name}");
                }
                (Err(error), Err(words)) => {
                    let message = error.to_string();
                    assert!(
                        !message.contains('\n') && message.contains(&*path.to_string_lossy()),
                        "{message}"
                    );
                    assert!(message.contains(words), "{message}");
                    assert!(error.hint().is_some(), "{message}");
                }
                (found, _) => {
                    panic!("{name}: {:?}, expected {expected:?}", found.map(|all| all.timestamps.len()))
                }
            }
        }
    }
    assert_eq!(files, OUTCOMES.len());
}

/// What h5py reads, row by row: for each of the files that are converted, the station, the microseconds
/// and the value of every column, with the units converted that are.
const H5PY: &str = r#"
import sys
from fractions import Fraction

import h5py
import numpy as np

EXACT = {"degF": lambda v: (v - 32) * 5 / 9, "knot": lambda v: v * 1852 / 3600}
DEFAULT_FILLS = {"i2": -32767, "i4": -2147483647, "i8": -9223372036854775806, "f4": np.float32(9.969209968386869e36), "f8": 9.969209968386869e36}
EPOCHS = {"1950-01-01": -631152000, "1970-01-01": 0, "2018-02-01": 1517443200, "2019-05-08": 1557273600, "2019-01-01": 1546300800}
RENAMED = {
    "camps": {"Temp_instant_2_": "air_temperature", "DewPt_instant_2_": "dew_point_temperature",
              "Pres_instant__": "sea_level_pressure", "WindDir_instant_2_": "wind_direction", "WSpd_instant_2_": "wind_speed_rate"},
    "knmi": {"pp": "sea_level_pressure", "dd": "wind_direction", "ta": "air_temperature", "ff": "wind_speed_rate"},
    "arm": {"temperature_ambient": "air_temperature", "wind_speed": "wind_speed_rate"},
    "pandas-fixed": {},
}

def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)

def seconds(variable):
    unit, since = text(variable.attrs["units"]).split(" since ")
    date, _, clock = since.partition(" ")
    hour = int(clock[:2] or 0)
    size = {"seconds": 1, "minutes": 60}[unit]
    return [int(v) * size + EPOCHS[date] + 3600 * hour for v in variable[()].ravel()]

def number(v):
    # The decimal that a stored number is nearest to.
    return Fraction(str(v)) if np.isfinite(v) else None

for path in sys.argv[1:]:
    kind = path.split("/")[-2]
    with h5py.File(path) as f:
        if kind == "pandas-fixed":
            g = f["weather"]
            times = (g["axis1"][()] // 10**9).tolist()
            names = [text(v) for v in g["block0_items"][()]]
            columns = {n: (g["block0_values"][:, i], None, [], [-np.inf, np.inf]) for i, n in enumerate(names)}
            stations = ["weather"]
        else:
            if kind == "camps":
                times, stations = seconds(f["OM__phenomenonTimeInstant"]), ["".join(text(c) for c in row).strip() for row in f["station"][()]]
            elif kind == "knmi":
                times, stations = seconds(f["time"]), [text(v) for v in f["station"][()]]
            else:
                times = seconds(f["time"] if "units" in f["time"].attrs else f["time_offset"])
                stations = [text(f.attrs["site_id"]) + text(f.attrs["facility_id"]).split(":")[0].split(" ")[0]]
            size, columns = len(times) * len(stations), {}
            for name, d in f.items():
                if not isinstance(d, h5py.Dataset) or d.dtype.kind not in "iuf" or d.size != size or d.shape[:1] not in ((len(stations),), (size,)):
                    continue
                units = text(d.attrs.get("units", ""))
                if " since " in units or text(d.attrs.get("NAME", "")).startswith("This is a netCDF") or name == "time":
                    continue
                if d.ndim == 1 and kind == "knmi":
                    continue
                missing = [v for a in ("_FillValue", "missing_value") if a in d.attrs for v in np.atleast_1d(d.attrs[a])]
                limits = d.attrs.get("valid_range", [d.attrs.get("valid_min", -np.inf), d.attrs.get("valid_max", np.inf)])
                if kind != "pandas-fixed":
                    missing.append(DEFAULT_FILLS.get(d.dtype.str[1:]))
                columns[name] = (d[()].ravel(), EXACT.get(units) if RENAMED[kind].get(name) else None, missing, limits)
        for name, (values, convert, missing, limits) in columns.items():
            for i, v in enumerate(values.tolist() if values.dtype != np.float32 else values):
                station, time = divmod(i, len(times))
                if station % 16 and kind == "camps":
                    continue  # Too many for a test.
                value = number(v)
                if value is None or any(v == m for m in missing) or value == -9999 or not limits[0] <= v <= limits[1]:
                    continue
                if convert:
                    value = convert(value)
                print(path, RENAMED[kind].get(name, name), stations[station], times[time] * 10**6, repr(float(value)), sep="\t")
"#;

#[test]
#[cfg_attr(no_h5py, ignore = "needs ../shared/data and a Python with h5py: ISD_PYTHON names one")]
fn converted_values_are_those_that_h5py_reads() {
    let root = shared("hdf5/third-party");
    let python = std::env::var("ISD_PYTHON").unwrap_or_else(|_| "python3".into());
    let converted = OUTCOMES.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(name, _)| root.join(name));
    let paths: Vec<PathBuf> = converted.collect();
    let output = Command::new(&python).arg("-c").arg(H5PY).args(&paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut expected: HashMap<&str, HashMap<(&str, &str, i64), f64>> = HashMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[path, column, station, time, value] = fields.as_slice() else { panic!("{line}") };
        let key = (column, station, time.parse().unwrap());
        let known = expected.entry(path).or_default().insert(key, value.parse().unwrap());
        assert_eq!(known, None, "{line}");
    }
    for path in &paths {
        let mut expected = expected.remove(&*path.to_string_lossy()).unwrap();
        let column_paths = if path.to_string_lossy().contains("knmi") {
            vec![("wind_speed_rate".into(), "ff".into()), ("air_temperature".into(), "/ta".into())]
        } else {
            Vec::new()
        };
        let all = read_path(path, &ReadOptions { column_paths, ..ReadOptions::default() }).unwrap();
        let sampled: HashSet<String> = expected.keys().map(|(_, station, _)| (*station).to_owned()).collect();
        assert!(sampled.len() * 17 > all.stations.len());
        let stations =
            all.stations.iter().flat_map(|(station, rows)| std::iter::repeat_n(station.as_str(), *rows));
        for (row, (station, time)) in stations.zip(&all.timestamps).enumerate() {
            for (name, values) in all.columns.iter().filter(|_| sampled.contains(station)) {
                let found = values[row];
                let own = expected.remove(&(name.as_str(), station, *time));
                assert_eq!(found, own, "{} {name} {station} {time}", path.display());
            }
        }
        let left: Vec<_> = expected.iter().take(5).collect();
        assert!(left.is_empty(), "{}: not converted: {left:?}", path.display());
    }
}
