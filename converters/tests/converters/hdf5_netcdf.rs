//! netCDF-4 with CF conventions, as `rust-hdf5` writes it: grids, ragged arrays, single stations, HadISD.

use isd_converters::{ReadOptions, Result, Tally, open};
use rust_hdf5::format::messages::datatype::DatatypeMessage;
use rust_hdf5::{H5Dataset, H5File, H5Type};

use crate::archives::{
    Everything, Fixture, Storage, dataset, fixture, number, read, read_path, refusal, survives_flipped_bits,
    text,
};

const STATIONS: [&str; 5] = ["06201", "06203", "06204", "06999", "A0001"];
const TIMES: usize = 40;
const FILL: i16 = -32_767;

/// How a grid is stored.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// Times before stations.
    by_time: bool,
    /// Stations and times of a chunk.
    chunk: Option<(usize, usize)>,
    /// Whether dimensions have names.
    scales: bool,
}

const GRIDS: [Grid; 8] = [
    Grid { by_time: false, chunk: None, scales: true },
    Grid { by_time: true, chunk: None, scales: true },
    Grid { by_time: false, chunk: Some((1, TIMES)), scales: true },
    Grid { by_time: false, chunk: Some((2, 7)), scales: false },
    Grid { by_time: true, chunk: Some((5, 1)), scales: true },
    Grid { by_time: true, chunk: Some((3, 9)), scales: false },
    Grid { by_time: false, chunk: Some((5, TIMES)), scales: true },
    Grid { by_time: true, chunk: None, scales: false },
];

fn grid<T: H5Type>(file: &H5File, name: &str, layout: Grid, value: impl Fn(usize, usize) -> T) -> H5Dataset {
    let (stations, times) = (STATIONS.len(), TIMES);
    let (shape, chunk) = if layout.by_time {
        ([times, stations], layout.chunk.map(|(s, t)| [t, s]))
    } else {
        ([stations, times], layout.chunk.map(|(s, t)| [s, t]))
    };
    let values: Vec<T> = (0..shape[0])
        .flat_map(|i| (0..shape[1]).map(move |j| (i, j)))
        .map(|(i, j)| if layout.by_time { value(j, i) } else { value(i, j) })
        .collect();
    let builder = file.new_dataset::<T>().shape(shape);
    let builder = match chunk {
        Some(chunk) => builder.chunk(&chunk).shuffle_deflate(4),
        None => builder,
    };
    let dataset = builder.create(name).unwrap();
    dataset.write_raw(&values).unwrap();
    dataset
}

/// Stored tenths of kelvin; every seventh cell is empty, and the fourth station altogether.
fn stored(station: usize, time: usize) -> i16 {
    if station == 3 || (station + time).is_multiple_of(7) {
        FILL
    } else {
        2_731 + (station * 40 + time) as i16
    }
}

/// A grid of temperatures in K, winds in knots, and quality codes.
fn weather(layout: Grid) -> Fixture {
    fixture(|file| {
        let time = dataset(file, "time", &(0..TIMES as i32).collect::<Vec<_>>(), Storage::Contiguous);
        text(&time, "units", "hours since 2020-01-01 00:00:00");
        text(&time, "standard_name", "time");
        let stations = file.write_vlen_strings("station_id", &STATIONS).unwrap();
        text(&stations, "cf_role", "timeseries_id");
        let air = grid(file, "tas", layout, stored);
        number(&air, "_FillValue", FILL);
        number(&air, "scale_factor", 0.1_f64);
        text(&air, "units", "K");
        text(&air, "standard_name", "air_temperature");
        text(&air, "ancillary_variables", "tas_code");
        let wind = grid(file, "sfcWind", layout, |station, time| {
            if station == 3 || time == 7 { f32::NAN } else { 3.0 + time as f32 / 10.0 }
        });
        text(&wind, "units", "knots");
        text(&wind, "standard_name", "wind_speed");
        let code = grid(file, "tas_code", layout, |station, _| station as i8);
        dataset(file, "elevation", &[1.5_f64; 5], Storage::Contiguous);
        if layout.scales {
            time.set_scale(Some("time")).unwrap();
            stations.set_scale(Some("station_id")).unwrap();
            for variable in [air, wind, code] {
                let (station, time_axis) = if layout.by_time { (1, 0) } else { (0, 1) };
                variable.attach_scale(station, &stations).unwrap();
                variable.attach_scale(time_axis, &time).unwrap();
            }
        }
    })
}

/// What a conversion of [`weather`] holds: the cells with a temperature or a wind.
fn expected() -> Everything {
    let (mut stations, mut timestamps) = (Vec::new(), Vec::new());
    let (mut air, mut wind, mut code) = (Vec::new(), Vec::new(), Vec::new());
    for (station, name) in STATIONS.iter().enumerate() {
        let before = timestamps.len();
        for time in 0..TIMES {
            let kelvin = stored(station, time);
            let calm = station == 3 || time == 7;
            if kelvin == FILL && calm {
                continue;
            }
            timestamps.push(1_577_836_800_000_000 + time as i64 * 3_600_000_000);
            air.push(
                (kelvin != FILL).then(|| format!("{}e-2", i32::from(kelvin) * 10 - 27_315).parse().unwrap()),
            );
            let tenths = 30.0 + time as f64;
            wind.push((!calm).then(|| tenths * 1852.0 / 36_000.0));
            code.push(Some(station as f64));
        }
        if timestamps.len() > before {
            stations.push(((*name).to_owned(), timestamps.len() - before));
        }
    }
    let columns = vec![
        ("air_temperature".to_owned(), air),
        ("wind_speed_rate".to_owned(), wind),
        ("tas_code".to_owned(), code),
    ];
    Everything { stations, timestamps, columns }
}

fn everything(path: &std::path::Path, options: &ReadOptions) -> Result<(Everything, Tally, Vec<String>)> {
    let mut source = open(path, options)?;
    let all = read(source.as_mut())?;
    Ok((all, source.tally(), source.info().notes.clone()))
}

#[test]
fn grids_read_the_same_however_they_are_stored() {
    let expected = expected();
    for layout in GRIDS {
        let archive = weather(layout);
        assert_eq!(read_path(&archive.path, &ReadOptions::default()).unwrap(), expected, "{layout:?}");
        let (_, tally, notes) = everything(&archive.path, &ReadOptions::default()).unwrap();
        let empty = STATIONS.len() * TIMES - expected.timestamps.len();
        assert_eq!(tally.left_out.values().sum::<u64>(), empty as u64);
        let said = |words: &str| notes.iter().any(|note| note.contains(words));
        assert!(said("air_temperature from tas, wind_speed_rate from sfcWind"), "{notes:?}");
        assert!(said("air_temperature from K to degC, wind_speed_rate from knots to m s-1"), "{notes:?}");
        assert!(said("elevation [5]"), "{notes:?}");
    }
}

#[test]
fn converted_columns_keep_a_resolution_only_where_it_is_exact() {
    let archive = weather(GRIDS[0]);
    let source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.info().layout, "netCDF-4 grid of stations and times");
    let about: Vec<_> = source
        .info()
        .columns
        .iter()
        .map(|column| (column.units.as_deref(), column.resolution.as_deref()))
        .collect();
    assert_eq!(about, [(Some("degC"), Some("0.05")), (Some("m s-1"), None), (None, Some("1"))]);
}

/// A detector may ask for one column: its series must have the same rows as in the whole dataset.
#[test]
fn the_rows_of_a_grid_do_not_depend_on_the_columns_asked_for() {
    let expected = expected();
    for layout in [GRIDS[0], GRIDS[4], GRIDS[5]] {
        let archive = weather(layout);
        for (name, values) in &expected.columns[..2] {
            let options = ReadOptions { measurements: vec![name.clone()], ..ReadOptions::default() };
            let one = read_path(&archive.path, &options).unwrap();
            assert_eq!(one.timestamps, expected.timestamps);
            assert_eq!(one.columns, [(name.clone(), values.clone())]);
        }
    }
}

#[test]
fn flipped_bits_in_a_grid_never_panic() {
    for layout in [GRIDS[0], GRIDS[3], GRIDS[4]] {
        survives_flipped_bits(&weather(layout).path, 120);
    }
}

#[test]
fn one_file_a_time_step() {
    for scalar in [false, true] {
        let archive = fixture(|file| {
            let time = if scalar {
                let time = file.new_dataset::<f64>().scalar().create("time").unwrap();
                time.write_raw(&[86_400.0]).unwrap();
                time
            } else {
                dataset(file, "time", &[86_400.0], Storage::Contiguous)
            };
            text(&time, "units", "seconds since 1950-01-01 00:00:00");
            file.write_vlen_strings("station", &STATIONS).unwrap();
            let shape: &[usize] = if scalar { &[5] } else { &[5, 1] };
            let wind = file.new_dataset::<f64>().shape(shape).create("wind_speed_rate").unwrap();
            wind.write_raw(&[1.5, -9999.0, 2.5, 3.5, 4.5]).unwrap();
            number(&wind, "_FillValue", -9999.0);
            dataset(file, "lat", &[50.0; 5], Storage::Contiguous);
        });
        let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
        let stations: Vec<&str> = all.stations.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(stations, ["06201", "06204", "06999", "A0001"], "scalar {scalar}");
        assert_eq!(all.timestamps, [-631_065_600_000_000_i64; 4]);
        assert_eq!(all.columns.len(), 1, "a position is no measurement");
        assert_eq!(all.columns[0].1, [1.5, 2.5, 3.5, 4.5].map(Some));
    }
}

fn characters(file: &H5File, name: &str, texts: &[&str], width: usize) -> H5Dataset {
    let bytes: Vec<u8> = texts.iter().flat_map(|text| format!("{text:\0<width$}").into_bytes()).collect();
    let shape: &[usize] = if texts.len() == 1 { &[width] } else { &[texts.len(), width] };
    let builder = file.new_dataset::<u8>().datatype(DatatypeMessage::fixed_string(1)).shape(shape);
    let dataset = builder.create(name).unwrap();
    dataset.write_raw(&bytes).unwrap();
    dataset
}

/// Six hours of one wind; the rest is up to the test.
fn series(more: impl FnOnce(&H5File)) -> Fixture {
    fixture(|file| {
        let time = dataset(file, "time", &(0..6_i64).collect::<Vec<_>>(), Storage::Contiguous);
        text(&time, "units", "hours since 1970-01-01");
        dataset(file, "wind_speed_rate", &[1.0, 2.0, 3.0, f64::NAN, 5.0, 6.0], Storage::Gzip(4));
        more(file);
    })
}

#[test]
fn a_single_station_is_named_by_its_variable_its_attributes_or_its_file() {
    type Naming = fn(&H5File);
    let cases: [(Naming, &str); 6] = [
        (|file| drop(characters(file, "station_id", &["010010-99999"], 12)), "010010-99999"),
        (|file| drop(file.write_vlen_strings("station_name", &["De Bilt"]).unwrap()), "De Bilt"),
        (|file| drop(dataset(file, "wmo_id", &[6260_i32], Storage::Contiguous)), "006260"),
        (|file| file.set_attr_string("station_id", "KJFK").unwrap(), "KJFK"),
        (
            |file| {
                file.set_attr_string("site_id", "sgp").unwrap();
                file.set_attr_string("facility_id", "E13: Lamont").unwrap();
            },
            "sgpE13",
        ),
        (|_| {}, "archive"),
    ];
    for (name, expected) in cases {
        let archive = series(name);
        let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
        assert_eq!(all.stations, [(expected.to_owned(), 6)]);
        assert_eq!(all.timestamps[5], 5 * 3_600_000_000);
        // A row that the file has is kept, empty or not: only the cells of a grid need not be observations.
        assert_eq!(all.columns[0].1[2..5], [Some(3.0), None, Some(5.0)]);
    }
    let notes = everything(&series(|_| {}).path, &ReadOptions::default()).unwrap().2;
    assert!(notes.iter().any(|note| note.contains("the file's name archive was taken")), "{notes:?}");
}

#[test]
fn every_row_may_name_its_station() {
    let archive =
        series(|file| drop(characters(file, "station", &["ab", "ab", "cde", "cde", "cde", "f"], 3)));
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("ab".to_owned(), 2), ("cde".to_owned(), 3), ("f".to_owned(), 1)]);
    assert_eq!(all.columns.len(), 1);
}

#[test]
fn ragged_arrays() {
    let contiguous = series(|file| {
        file.write_vlen_strings("station_id", &["a", "b", "c"]).unwrap();
        let counts = dataset(file, "row_size", &[2_i32, 0, 4], Storage::Contiguous);
        text(&counts, "sample_dimension", "obs");
    });
    let all = read_path(&contiguous.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("a".to_owned(), 2), ("c".to_owned(), 4)]);
    let indexed = series(|file| {
        file.write_vlen_strings("station_id", &["a", "b", "c"]).unwrap();
        let index = dataset(file, "station_index", &[2_i32, 2, 0, 1, 1, 1], Storage::Contiguous);
        text(&index, "instance_dimension", "station");
    });
    let all = read_path(&indexed.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("c".to_owned(), 2), ("a".to_owned(), 1), ("b".to_owned(), 3)]);
    let short = series(|file| {
        file.write_vlen_strings("station_id", &["a", "b", "c"]).unwrap();
        text(&dataset(file, "row_size", &[2_i32, 0, 3], Storage::Contiguous), "sample_dimension", "obs");
    });
    let (_, message) = refusal(&short.path, &ReadOptions::default());
    assert!(message.contains("row_size: counts 5 rows of 3 stations, but there are 6"), "{message}");
    let beyond = series(|file| {
        file.write_vlen_strings("station_id", &["a", "b", "c"]).unwrap();
        let index = dataset(file, "station_index", &[2_i32, 2, 3, 1, 1, 1], Storage::Contiguous);
        text(&index, "instance_dimension", "station");
    });
    let (_, message) = refusal(&beyond.path, &ReadOptions::default());
    assert!(message.contains("row 2: station index is 3, but there are 3 stations"), "{message}");
}

#[test]
fn every_station_may_have_times_of_its_own() {
    let archive = fixture(|file| {
        let time = file.new_dataset::<f64>().shape([2, 3]).create("time").unwrap();
        time.write_raw(&[0.0, 1.0, -1.0, 5.0, 6.0, 7.0]).unwrap();
        text(&time, "units", "hours since 1970-01-01");
        number(&time, "_FillValue", -1.0);
        file.write_vlen_strings("station_id", &["a", "b"]).unwrap();
        let wind = file.new_dataset::<f64>().shape([2, 3]).create("wind_speed_rate").unwrap();
        wind.write_raw(&[1.0, 2.0, 9.0, 3.0, f64::NAN, 4.0]).unwrap();
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("a".to_owned(), 2), ("b".to_owned(), 2)]);
    assert_eq!(all.timestamps, [0, 1, 5, 7].map(|hour| hour * 3_600_000_000_i64));
    assert_eq!(all.columns[0].1, [1.0, 2.0, 3.0, 4.0].map(Some));
}

#[test]
fn hadisd() {
    let archive = fixture(|file| {
        let time = dataset(file, "time", &[0.0, 1.0, 5.0, 6.0], Storage::Gzip(2));
        text(&time, "units", "hours since 1931-01-01 00:00");
        characters(file, "station_id", &["010010-99999"], 12);
        let double = |name: &str, values: [f64; 4], attributes: bool| {
            let dataset = dataset(file, name, &values, Storage::Gzip(2));
            if attributes {
                number(&dataset, "missing_value", -1e30);
                number(&dataset, "flagged_value", -2e30);
            }
            text(
                &dataset,
                "units",
                if name == "windspeeds" { "meters per second" } else { "degree_Celsius" },
            );
        };
        double("temperatures", [-5.1, -2e30, -1e30, 3.0], true);
        double("dewpoints", [-2e30, -2e30, -1e30, 1.5], false);
        double("windspeeds", [5.1, 3.6, -2e30, -1e30], true);
        let slp = dataset(file, "slp", &[1000.1, 1000.2, -1e30, -2e30], Storage::Contiguous);
        text(&slp, "units", "hPa");
        dataset(file, "winddirs", &[10_i32, -999, -888, 360], Storage::Contiguous);
        dataset(file, "precip1_depth", &[0.0, -1e30, 2.5, -2e30], Storage::Contiguous);
        dataset(file, "wind_gust", &[-1e30, -1e30, 12.5, -2e30], Storage::Contiguous);
        file.new_dataset::<i8>()
            .shape([4, 61])
            .create("quality_control_flags")
            .unwrap()
            .write_raw(&[0_i8; 244])
            .unwrap();
    });
    let (all, tally, notes) = everything(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(read_path(&archive.path, &ReadOptions::default()).unwrap(), all);
    assert_eq!(open(&archive.path, &ReadOptions::default()).unwrap().info().layout, "HadISD in netCDF-4");
    assert_eq!(all.stations, [("010010-99999".to_owned(), 4)]);
    // 1931-01-01 is 14,245 days before 1970.
    assert_eq!(all.timestamps[2], (-14_245 * 24 + 5) * 3_600_000_000);
    let expected: [(&str, [Option<f64>; 4]); 7] = [
        ("air_temperature", [Some(-5.1), None, None, Some(3.0)]),
        ("dew_point_temperature", [None, None, None, Some(1.5)]),
        ("sea_level_pressure", [Some(1000.1), Some(1000.2), None, None]),
        ("wind_direction", [Some(10.0), None, None, Some(360.0)]),
        ("wind_speed_rate", [Some(5.1), Some(3.6), None, None]),
        ("liquid_precipitation_1h", [Some(0.0), None, Some(2.5), None]),
        ("wind_gust", [None, None, Some(12.5), None]),
    ];
    for ((name, values), (expected_name, expected_values)) in all.columns.iter().zip(expected) {
        assert_eq!((name.as_str(), values.as_slice()), (expected_name, expected_values.as_slice()));
    }
    assert_eq!(all.columns.len(), 7);
    let rejected: Vec<(&str, u64)> =
        tally.rejected.iter().map(|(name, codes)| (name.as_str(), codes.values().sum())).collect();
    assert_eq!(
        rejected,
        [
            ("air_temperature", 1),
            ("dew_point_temperature", 2),
            ("liquid_precipitation_1h", 1),
            ("sea_level_pressure", 1),
            ("wind_direction", 1),
            ("wind_gust", 1),
            ("wind_speed_rate", 1),
        ]
    );
    assert!(notes.iter().any(|note| note.contains("quality_control_flags [4, 61]")), "{notes:?}");
}

#[test]
fn what_may_be_several_measurements_is_none_until_the_user_says_which() {
    let archive = series(|file| {
        for (name, long_name) in [
            ("ta", "Ambient temperature"),
            ("tb", "Ambient temperature at 10 m"),
            ("tx", "Maximum temperature"),
            ("tg", "Grass temperature"),
        ] {
            let temperature = dataset(file, name, &[280.0; 6], Storage::Contiguous);
            text(&temperature, "standard_name", "air_temperature");
            text(&temperature, "long_name", long_name);
            text(&temperature, "units", "K");
        }
        text(&dataset(file, "pressure", &[29.9; 6], Storage::Contiguous), "units", "ftH2O");
    });
    let (all, _, notes) = everything(&archive.path, &ReadOptions::default()).unwrap();
    let names: Vec<&str> = all.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["wind_speed_rate", "pressure", "ta", "tb", "tg", "tx"]);
    assert!(notes.iter().any(|note| note.contains("air_temperature may be any of ta, tb")), "{notes:?}");
    let options = ReadOptions {
        column_paths: vec![
            ("air_temperature".into(), "/tb".into()),
            ("sea_level_pressure".into(), "pressure".into()),
        ],
        ..ReadOptions::default()
    };
    let (all, _, notes) = everything(&archive.path, &options).unwrap();
    assert_eq!(all.columns[0], ("air_temperature".to_owned(), vec![Some(6.85); 6]));
    // No conversion is known: the values stay as they are, and so do their units.
    assert_eq!(all.columns[1], ("sea_level_pressure".to_owned(), vec![Some(29.9); 6]));
    assert!(notes.iter().any(|note| note.contains("sea_level_pressure (ftH2O, not hPa)")), "{notes:?}");
    let units = open(&archive.path, &options).unwrap().info().columns[1].units.clone();
    assert_eq!(units.as_deref(), Some("ftH2O"));
}

#[test]
fn single_precision_values_are_their_decimals() {
    let archive = series(|file| {
        dataset(file, "visibility", &[5.1_f32, 0.3, 1013.2, -0.7, 1e-3, 7.0], Storage::Contiguous);
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.columns[1].1, [5.1, 0.3, 1013.2, -0.7, 1e-3, 7.0].map(Some));
}

#[test]
fn times_without_stations_or_values_are_refused() {
    let nothing = fixture(|file| {
        let time = dataset(file, "time", &[1.0, 2.0], Storage::Contiguous);
        text(&time, "units", "hours since 1970-01-01");
    });
    assert!(refusal(&nothing.path, &ReadOptions::default()).1.contains("holds no measurement"));
    let apart = fixture(|file| {
        let time = dataset(file, "time", &[1.0, 2.0], Storage::Contiguous);
        text(&time, "units", "hours since 1970-01-01");
        file.write_vlen_strings("station_id", &["a", "b", "c"]).unwrap();
        dataset(file, "elevation", &[1.0; 3], Storage::Contiguous);
    });
    let (_, message) = refusal(&apart.path, &ReadOptions::default());
    assert!(message.contains("has 3 stations along station_id, but no variable of numbers"), "{message}");
    let wrong = series(|file| drop(file.write_vlen_strings("station_id", &["a", ""]).unwrap()));
    let (_, message) = refusal(&wrong.path, &ReadOptions::default());
    assert!(message.contains("station"), "{message}");
}
