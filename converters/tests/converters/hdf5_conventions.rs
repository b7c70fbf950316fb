//! netCDF's conventions besides CF's packing, space that was never written, and times of unknown units.

use isd_converters::{ReadOptions, TimeUnit, open};
use rust_hdf5::{H5Dataset, H5File, H5Type};

use crate::archives::{Fixture, Storage, dataset, fixture, number, read_path, refusal, text};

const HOURS: usize = 4;

/// A netCDF file of one station, as the mark of netCDF at its root says, or none.
fn file_of(netcdf: bool, write: impl FnOnce(&H5File)) -> Fixture {
    fixture(|file| {
        if netcdf {
            file.set_attr_string("_NCProperties", "version=2,netcdf=4.9.2,hdf5=1.14.3").unwrap();
        }
        file.set_attr_string("station_id", "725300-94846").unwrap();
        let time = dataset(file, "time", &[0_i32, 1, 2, 3], Storage::Contiguous);
        text(&time, "units", "hours since 2017-01-01");
        write(file);
    })
}

fn values(archive: &Fixture) -> Vec<Option<f64>> {
    read_path(&archive.path, &ReadOptions::default()).unwrap().columns.remove(0).1
}

/// The values of a variable of these stored numbers and attributes.
fn of<T: H5Type>(stored: [T; HOURS], attributes: impl FnOnce(&H5Dataset)) -> Vec<Option<f64>> {
    values(&file_of(true, |file| {
        attributes(&dataset(file, "wind_speed_rate", &stored, Storage::Contiguous));
    }))
}

#[test]
fn default_fills_of_every_type_are_missing() {
    let some = [Some(1.0), None, Some(3.0), Some(4.0)];
    assert_eq!(of([1_i16, -32_767, 3, 4], |_| ()), some);
    assert_eq!(of([1_u16, 65_535, 3, 4], |_| ()), some);
    assert_eq!(of([1_i32, -2_147_483_647, 3, 4], |_| ()), some);
    assert_eq!(of([1_u32, u32::MAX, 3, 4], |_| ()), some);
    assert_eq!(of([1_i64, -9_223_372_036_854_775_806, 3, 4], |_| ()), some);
    assert_eq!(of([1_u64, 18_446_744_073_709_551_614, 3, 4], |_| ()), some);
    assert_eq!(of([1.0_f32, 9.969_21e36, 3.0, 4.0], |_| ()), some);
    assert_eq!(of([1.0_f64, 9.969_209_968_386_869e36, 3.0, 4.0], |_| ()), some);
    // Bytes have none, and a variable's own fill value takes the default's place.
    assert_eq!(of([1_i8, -127, 3, 4], |_| ())[1], Some(-127.0));
    assert_eq!(of([1_u8, 255, 3, 4], |_| ())[1], Some(255.0));
    assert_eq!(
        of([1_i16, -32_767, -1, 4], |v| number(v, "_FillValue", -1_i16))[1..3],
        [Some(-32_767.0), None]
    );
    // Nor has plain HDF5.
    let plain = file_of(false, |file| {
        dataset(file, "wind_speed_rate", &[1_i16, -32_767, 3, 4], Storage::Contiguous);
    });
    assert_eq!(values(&plain)[1], Some(-32_767.0));
}

#[test]
fn unsigned_integers_of_signed_types() {
    let stored = of([-5404_i16, -1, 100, -5401], |v| {
        text(v, "_Unsigned", "true");
        number(v, "_FillValue", -1_i16);
        number(v, "scale_factor", 0.1_f64);
        number(v, "add_offset", -5000.0_f64);
        number(v, "valid_min", -6000_i16);
    });
    assert_eq!(stored, [Some(1013.2), None, None, Some(1013.5)]);
}

#[test]
fn what_lies_outside_the_valid_range_is_missing() {
    let range = |v: &H5Dataset| {
        number(v, "valid_min", 0_i16);
        number(v, "valid_max", 3_i16);
    };
    assert_eq!(of([-1_i16, 0, 3, 4], range), [None, Some(0.0), Some(3.0), None]);
    let least = |v: &H5Dataset| number(v, "valid_min", 1.5_f32);
    assert_eq!(of([1.4_f32, 1.5, 3.0, 4.0], least), [None, Some(1.5), Some(3.0), Some(4.0)]);
    // A bound in the type of the unpacked values is one of them.
    let unpacked = |v: &H5Dataset| {
        number(v, "scale_factor", 0.1_f64);
        number(v, "valid_max", 0.3_f64);
    };
    assert_eq!(of([1_i16, 2, 3, 4], unpacked), [Some(0.1), Some(0.2), Some(0.3), None]);
}

#[test]
fn numbers_that_are_said_to_be_missing_are() {
    let archive = file_of(false, |file| {
        dataset(file, "wind_speed_rate", &[-999.9_f32, 5.1, -999.0, 4.0], Storage::Contiguous);
        dataset(file, "snow_depth", &[-999_i16, 5, 999, 4], Storage::Contiguous);
    });
    let missing = vec![(None, -999.9), (None, -999.0), (Some("snow_depth".into()), 999.0)];
    let options = ReadOptions { missing, ..ReadOptions::default() };
    let read = read_path(&archive.path, &options).unwrap().columns;
    assert_eq!(read[0].1, [None, Some(5.1), None, Some(4.0)]);
    assert_eq!(read[1].1, [None, Some(5.0), None, Some(4.0)]);
}

#[test]
fn a_single_time_is_none_of_many_rows() {
    let refused = |rows: usize| {
        let archive = fixture(|file| {
            dataset(file, "station_usaf", &vec![725_300_i64; rows], Storage::Contiguous);
            let time = file.new_dataset::<i64>().scalar().create("timestamp").unwrap();
            time.write_raw(&[1_483_228_800_i64]).unwrap();
            dataset(file, "wind_speed_rate", &vec![1.0; rows], Storage::Contiguous);
        });
        read_path(&archive.path, &ReadOptions::default()).err().map(|error| error.to_string())
    };
    assert_eq!(refused(1), None);
    let message = refused(HOURS).unwrap();
    assert!(message.contains("has 4 rows, but timestamp has 1"), "{message}");
}

#[test]
fn times_are_packed_like_other_variables() {
    let archive = fixture(|file| {
        file.set_attr_string("station_id", "725300-94846").unwrap();
        let time = dataset(file, "time", &[0_i32, 1, 2, 3], Storage::Contiguous);
        text(&time, "units", "seconds since 2017-01-01");
        number(&time, "scale_factor", 3600.0_f64);
        dataset(file, "wind_speed_rate", &[1.0, 2.0, 3.0, 4.0], Storage::Contiguous);
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.timestamps, [0, 1, 2, 3].map(|hour| 1_483_228_800_000_000_i64 + hour * 3_600_000_000));
}

#[test]
fn times_without_units_are_recognised_and_named() {
    let write = |times: [i64; HOURS]| {
        fixture(move |file| {
            dataset(file, "station_usaf", &[725_300_i64; HOURS], Storage::Contiguous);
            dataset(file, "timestamp", &times, Storage::Contiguous);
            dataset(file, "wind_speed_rate", &[1.0; HOURS], Storage::Contiguous);
        })
    };
    let hours = [0, 1, 2, 3].map(|hour| 1_483_228_800_i64 + hour * 3600);
    for (factor, note) in [(1, None), (1_000, Some("milliseconds")), (1_000_000_000, Some("nanoseconds"))] {
        let archive = write(hours.map(|second| second * factor));
        let source = open(&archive.path, &ReadOptions::default()).unwrap();
        let notes = source.info().notes.join("; ");
        assert!(note.is_none_or(|note| notes.contains(note)), "{notes}");
        let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
        assert_eq!(all.timestamps, hours.map(|second| second * 1_000_000));
    }
    let dates = write([2_017_010_100, 2_017_010_101, 2_017_010_102, 2_017_010_103]);
    let all = read_path(&dates.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.timestamps, hours.map(|second| second * 1_000_000));
    // NumPy's NaT would be a time of the year 1677 in nanoseconds.
    let nanoseconds = hours.map(|second| second * 1_000_000_000);
    let missing = write([nanoseconds[0], nanoseconds[1], nanoseconds[2], i64::MIN]);
    let message = read_path(&missing.path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("row 3: timestamp is the fill value -9223372036854776000"), "{message}");
    let told = ReadOptions { time_unit: Some(TimeUnit::Hours), ..ReadOptions::default() };
    let all = read_path(&write([0, 1, 2, 3]).path, &told).unwrap();
    assert_eq!(all.timestamps, [0, 1, 2, 3].map(|hour| hour * 3_600_000_000_i64));
}

#[test]
fn rows_that_were_never_written_are_none() {
    let rows = 1_000_000_usize;
    let archive = fixture(|file| {
        let long = |name: &str, first: f64| {
            let builder = file.new_dataset::<f64>().shape([rows]).chunk(&[64]);
            let dataset = builder.create(name).unwrap();
            // The second chunk in part: the rest of it is the fill value.
            for (chunk, written) in [(0, 64), (1, 36)] {
                let stored =
                    |row| if row < written { first + 3600.0 * (64 * chunk + row) as f64 } else { 0.0 };
                let values = (0..64).map(stored);
                let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
                dataset.write_chunk(chunk, &bytes).unwrap();
            }
        };
        long("timestamp", 1_483_228_800.0);
        long("station_usaf", 0.0);
        long("wind_speed_rate", 1.0);
    });
    let options =
        ReadOptions { column_paths: vec![("station_id".into(), "id".into())], ..ReadOptions::default() };
    assert!(open(&archive.path, &options).is_err(), "there is no such column");
    let mut source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.info().rows, Some(100));
    let mut read = 0;
    while let Some(batch) = source.next_batch().unwrap() {
        read += batch.rows();
    }
    assert_eq!(read, 100);
    assert_eq!(source.tally().left_out.get("rows that were never written"), Some(&(rows as u64 - 100)));
    let nothing = fixture(|file| {
        for name in ["timestamp", "station_usaf", "wind_speed_rate"] {
            file.new_dataset::<f64>().shape([1000]).chunk(&[100]).create(name).unwrap();
        }
    });
    // The HDF Group's library is not asked for what has storage.
    let message = open(&nothing.path, &ReadOptions::default()).err().unwrap().to_string();
    assert!(message.contains("timestamp was never written"), "{message}");
}

#[test]
fn a_name_of_two_stations_is_refused() {
    let archive = file_of(true, |file| {
        let names = dataset(file, "station_name", &[7_i32, 7], Storage::Contiguous);
        text(&names, "cf_role", "timeseries_id");
        dataset(file, "wmo_id", &[6240_i32, 6260], Storage::Contiguous);
        let wind = file.new_dataset::<f64>().shape([2, HOURS]).create("wind_speed_rate").unwrap();
        wind.write_raw(&[1.0; 2 * HOURS]).unwrap();
    });
    let (error, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("names both station 0 and station 1 \"000007\""), "{message}");
    assert!(error.hint().unwrap().contains("--column station_id=wmo_id"), "{:?}", error.hint());
    let options =
        ReadOptions { column_paths: vec![("station_id".into(), "wmo_id".into())], ..ReadOptions::default() };
    let stations = read_path(&archive.path, &options).unwrap().stations;
    assert_eq!(stations, [("006240".to_owned(), HOURS), ("006260".to_owned(), HOURS)]);
}

#[test]
fn fields_over_latitudes_and_longitudes_are_no_station() {
    let archive = file_of(true, |file| {
        for (name, units) in [("lat", "degrees_north"), ("lon", "degrees_east")] {
            let values: Vec<f32> = (0..if name == "lat" { 2 } else { 3 }).map(|i| i as f32).collect();
            let position = dataset(file, name, &values, Storage::Contiguous);
            text(&position, "units", units);
        }
        let field = file.new_dataset::<f32>().shape([HOURS, 2, 3]).create("t2m").unwrap();
        field.write_raw(&[280.0_f32; HOURS * 6]).unwrap();
    });
    let (_, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("fields over 2 latitudes and 3 longitudes, such as t2m"), "{message}");
}
