use std::path::Path;

use isd_converters::{ReadOptions, open};

use crate::archives::{
    ROWS, Storage, archive, dataset, fixed_text, fixture, isd, keys, number, read, read_path, refusal,
    tenths, text, times,
};

#[test]
fn packed_integers_are_unpacked_exactly() {
    let stored: Vec<i16> =
        (0..ROWS).map(|row| if row % 10 == 3 { -32_768 } else { row as i16 - 300 }).collect();
    let archive = fixture(|file| {
        keys(file, Storage::Gzip(64));
        let air = dataset(file, "air_temperature", &stored, Storage::Gzip(64));
        number(&air, "scale_factor", 0.1_f32);
        number(&air, "_FillValue", -32_768_i16);
        text(&air, "units", "degC");
        text(&air, "long_name", "dry bulb");
        let wind = dataset(file, "wind_speed_rate", &stored, Storage::Gzip(64));
        number(&wind, "scale_factor", 0.01_f64);
        number(&wind, "add_offset", 5.0_f64);
        wind.new_attr::<i16>()
            .shape([2])
            .create("missing_value")
            .unwrap()
            .write_array(&[-32_768_i16, 0])
            .unwrap();
        dataset(file, "sky_condition", &stored, Storage::Gzip(64));
    });
    let mut source = open(&archive.path, &ReadOptions::default()).unwrap();
    let air = &source.info().columns[0];
    assert_eq!((air.units.as_deref(), air.long_name.as_deref()), (Some("degC"), Some("dry bulb")));
    assert_eq!(air.resolution.as_deref(), Some("0.1"));
    assert_eq!(source.info().columns[1].resolution.as_deref(), Some("0.01"));
    assert_eq!(source.info().columns[2].resolution.as_deref(), Some("1"));
    let all = read(source.as_mut()).unwrap();
    for (row, &stored) in stored.iter().enumerate() {
        let air = (stored != -32_768).then(|| format!("{stored}e-1").parse::<f64>().unwrap());
        assert_eq!(all.columns[0].1[row], air, "row {row}");
        let wind = (stored != -32_768 && stored != 0)
            .then(|| format!("{}e-2", i32::from(stored) + 500).parse::<f64>().unwrap());
        assert_eq!(all.columns[1].1[row], wind, "row {row}");
    }
}

#[test]
fn unwritten_values_are_missing() {
    let hole = |wide: bool| {
        fixture(move |file| {
            keys(file, Storage::Contiguous);
            let air =
                file.new_dataset::<i16>().shape([ROWS]).chunk(&[100]).create("air_temperature").unwrap();
            air.write_chunk(0, &[7, 0].repeat(100)).unwrap();
            if wide {
                number(&air, "_FillValue", -9999_i64);
            } else {
                number(&air, "_FillValue", -9999_i16);
            }
        })
    };
    let native =
        |path: &Path| open(path, &ReadOptions::default()).and_then(|mut source| read(source.as_mut()));
    let air = native(&hole(false).path).unwrap().columns.remove(0).1;
    assert!(air[..100].iter().all(|&v| v == Some(7.0)));
    assert!(air[100..].iter().all(Option::is_none), "{air:?}");
    // Whatever the type of the fill value.
    assert_eq!(native(&hole(true).path).unwrap().columns.remove(0).1, air);
}

#[test]
fn unscaled_measurements_are_noted_and_isd_scale_is_described() {
    let archive = archive(Storage::Contiguous);
    let source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.info().layout, "flat HDF5");
    assert!(source.info().notes[0].contains("without a scale_factor, for air_temperature, wind_speed_rate;"));
    assert!(source.info().notes[0].contains("--scale isd"));
    assert_eq!(source.info().columns[0].units, None);
    let source = open(&archive.path, &isd()).unwrap();
    assert!(source.info().notes.is_empty());
    let column = &source.info().columns[1];
    assert_eq!((column.units.as_deref(), column.resolution.as_deref()), (Some("m s-1"), Some("0.1")));
}

#[test]
fn attributes_that_spell_numbers_count() {
    let archive = fixture(|file| {
        keys(file, Storage::Contiguous);
        let tenths = dataset(file, "wind_speed_rate", &[51_i16, 999].repeat(ROWS / 2), Storage::Contiguous);
        text(&tenths, "missing_value", "999");
        text(&tenths, "scale_factor", "0.1");
    });
    let values = &read_path(&archive.path, &ReadOptions::default()).unwrap().columns[0].1;
    assert_eq!(values[..2], [Some(5.1), None]);
}

#[test]
fn a_damaged_scale_says_how_to_go_on() {
    let archive = fixture(|file| {
        keys(file, Storage::Contiguous);
        dataset(file, "wind_speed_rate", &tenths(), Storage::Contiguous);
        number(&dataset(file, "extra", &tenths(), Storage::Contiguous), "scale_factor", 0.0);
    });
    let (error, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("extra: scale_factor is 0"), "{message}");
    assert!(error.hint().unwrap().contains("-m"));
    let one = ReadOptions { measurements: vec!["wind_speed_rate".into()], ..ReadOptions::default() };
    read_path(&archive.path, &one).unwrap();
}

/// A netCDF-4 dimension without a variable is a dataset as long as the columns.
#[test]
fn a_bare_dimension_is_no_column() {
    let archive = fixture(|file| {
        keys(file, Storage::Contiguous);
        dataset(file, "wind_speed_rate", &tenths(), Storage::Contiguous);
        let dimension = dataset(file, "obs", &[0.0_f32; ROWS], Storage::Contiguous);
        let name = "This is a netCDF dimension but not a netCDF variable.      1000";
        fixed_text(&dimension, "NAME", name);
    });
    let columns = read_path(&archive.path, &ReadOptions::default()).unwrap().columns;
    assert_eq!(columns.len(), 1);
}

/// Unix seconds in single precision are two minutes apart: hours would be read as other times.
#[test]
fn times_in_single_precision_are_refused_where_they_are_ambiguous() {
    let single: Vec<f32> = times().iter().map(|&time| time as f32).collect();
    let hours: Vec<f32> = (0..ROWS).map(|row| 140_000.0 + row as f32 / 2.0).collect();
    let write = |values: Vec<f32>, units: &'static str| {
        fixture(move |file| {
            dataset(file, "station_id", &[1_i64; ROWS], Storage::Contiguous);
            text(&dataset(file, "timestamp", &values, Storage::Gzip(64)), "units", units);
            dataset(file, "wind_speed_rate", &tenths(), Storage::Contiguous);
        })
    };
    let archive = write(single, "seconds since 1970-01-01");
    let (_, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("row ") && message.contains("128 s later"), "{message}");
    let archive = write(hours, "hours since 2000-01-01");
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.timestamps[1] - all.timestamps[0], 1_800_000_000);
}
