//! The lazy plan on frames: both engines against the model, and what they make of frames of every shape.

use std::collections::{BTreeMap, BTreeSet};

use isd::plan::table::OUTLIER_COLUMNS;
use isd::plan::{Engine, OutlierOptions, outliers};
use isd_kernel::{FillLimit, RollingTest, Window};
use polars::prelude::*;
use proptest::prelude::*;

use crate::model;
use crate::strategies::{options, series, times};

const WIND: &str = "wind_speed_rate";
const TEMPERATURE: &str = "air_temperature";

/// One station's values of wind and temperature.
type Station = (Vec<Option<f64>>, Vec<Option<f64>>);

fn time_type() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

fn id(station: usize) -> String {
    format!("{station:06}-99999")
}

/// The stations' rows, sorted.
fn frame(stations: &[Station]) -> DataFrame {
    let ids = stations.iter().enumerate().flat_map(|(at, (wind, _))| std::iter::repeat_n(id(at), wind.len()));
    let time: Vec<i64> = stations.iter().flat_map(|(wind, _)| times(wind.len())).collect();
    let mut frame = df!(
        "station_id" => ids.collect::<Vec<_>>(),
        "timestamp" => time,
        WIND => stations.iter().flat_map(|(wind, _)| wind.clone()).collect::<Vec<_>>(),
        TEMPERATURE => stations.iter().flat_map(|(_, other)| other.clone()).collect::<Vec<_>>(),
    )
    .unwrap();
    let time = frame.column("timestamp").unwrap().cast(&time_type()).unwrap();
    frame.with_column(time).unwrap();
    frame
}

fn found(frame: DataFrame, test: &RollingTest, engine: Engine) -> PolarsResult<DataFrame> {
    let options = OutlierOptions { test: test.clone(), engine, ..OutlierOptions::new([WIND, TEMPERATURE]) };
    outliers(frame.lazy(), &options).collect()
}

/// (station, time, measurement, filled) of each row of an outliers table.
type Key = (String, i64, String, bool);

/// The rows of an outliers table: value, mean, standard deviation and z-score, and the numbers of values and of filled ones
/// in the window, under their key, in order.
fn rows(table: &DataFrame) -> Vec<(Key, [f64; 4], [i64; 2])> {
    let strings = |name| table.column(name).unwrap().str().unwrap().clone();
    let doubles = |name| table.column(name).unwrap().f64().unwrap().clone();
    let (stations, measurements) = (strings("station_id"), strings("measurement"));
    let time = table.column("timestamp").unwrap().cast(&DataType::Int64).unwrap();
    let statistics = ["value", "rolling_mean", "rolling_std", "zscore"].map(doubles);
    let counts =
        ["window_count", "window_filled"].map(|name| table.column(name).unwrap().i64().unwrap().clone());
    let filled = table.column("filled").unwrap().bool().unwrap().clone();
    let row = |at: usize| {
        let key = (
            stations.get(at).unwrap().to_owned(),
            time.i64().unwrap().get(at).unwrap(),
            measurements.get(at).unwrap().to_owned(),
            filled.get(at).unwrap(),
        );
        (
            key,
            statistics.each_ref().map(|column| column.get(at).unwrap()),
            counts.each_ref().map(|column| column.get(at).unwrap()),
        )
    };
    (0..table.height()).map(row).collect()
}

/// What the model says of every tested row: (outlier, too close to call in doubles).
fn expected(stations: &[Station], test: &RollingTest) -> BTreeMap<Key, (bool, bool)> {
    let mut expected = BTreeMap::new();
    for (at, (wind, temperature)) in stations.iter().enumerate() {
        let time = times(wind.len());
        for (name, values) in [(WIND, wind), (TEMPERATURE, temperature)] {
            for decision in model::decisions(values, &time, test) {
                let key = (id(at), time[decision.row], name.to_owned(), decision.filled);
                expected.insert(key, (decision.outlier, decision.close));
            }
        }
    }
    expected
}

/// Stations of two measurements each, made of `values`.
fn stations(values: impl Strategy<Value = Vec<Option<f64>>> + Clone) -> impl Strategy<Value = Vec<Station>> {
    let station = (values.clone(), values).prop_map(|(wind, mut temperature)| {
        temperature.resize(wind.len(), None);
        (wind, temperature)
    });
    prop::collection::vec(station, 0..5)
}

/// Weather without extremes: what doubles can decide unless the two sides are close.
fn tenths() -> impl Strategy<Value = Vec<Option<f64>>> + Clone {
    let tenth = |range| (range as std::ops::Range<i32>).prop_map(|n| Some(f64::from(n) / 10.0));
    let value = prop_oneof![
        12 => tenth(0..90),
        1 => tenth(-300..900),
        2 => prop_oneof![Just(None), Just(Some(f64::NAN)), Just(Some(f64::NEG_INFINITY))],
    ];
    let stuck = (value.clone(), 1..50_usize).prop_map(|(value, len)| vec![value; len]);
    let parts = prop_oneof![2 => prop::collection::vec(value, 0..90), 1 => stuck];
    prop::collection::vec(parts, 0..4).prop_map(|parts| parts.concat())
}

fn near(a: f64, b: f64, scale: f64) -> bool {
    a == b || (a - b).abs() <= 1e-7 * scale.max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_kernel_engine_finds_what_the_model_finds(stations in stations(series().boxed()), test in options()) {
        let table = found(frame(&stations), &test, Engine::Kernel).unwrap();
        let keys: Vec<Key> = rows(&table).into_iter().map(|(key, ..)| key).collect();
        let expected: Vec<Key> =
            expected(&stations, &test).into_iter().filter(|(_, (outlier, _))| *outlier).map(|(key, _)| key).collect();
        // The map is sorted by (station, time, measurement), as the table is to be.
        prop_assert_eq!(keys, expected);
    }

    #[test]
    fn the_expressions_agree_with_the_kernel_within_float_error(
        stations in stations(tenths()), test in options().prop_filter("row windows", |t| !t.rolling().needs_time())
    ) {
        let kernel = found(frame(&stations), &test, Engine::Kernel).unwrap();
        let expressions = found(frame(&stations), &test, Engine::Expressions).unwrap();
        prop_assert_eq!(expressions.schema(), kernel.schema());

        let (kernel, expressions) = (rows(&kernel), rows(&expressions));
        let keys = |rows: &[(Key, [f64; 4], [i64; 2])]| rows.iter().map(|(key, ..)| key.clone()).collect::<Vec<_>>();
        let sorted = keys(&expressions);
        prop_assert!(sorted.is_sorted());
        let expected = expected(&stations, &test);
        let (ours, theirs) = (BTreeSet::from_iter(keys(&kernel)), BTreeSet::from_iter(sorted));
        for key in ours.symmetric_difference(&theirs) {
            prop_assert!(expected.get(key).is_some_and(|(_, close)| *close), "{key:?} {test:?}");
        }
        let theirs: BTreeMap<Key, ([f64; 4], [i64; 2])> =
            expressions.into_iter().map(|(key, statistics, count)| (key, (statistics, count))).collect();
        for (key, [value, mean, std, zscore], count) in kernel {
            let Some(([their_value, their_mean, their_std, their_zscore], their_count)) = theirs.get(&key) else {
                continue;
            };
            prop_assert_eq!((value, count), (*their_value, *their_count));
            prop_assert!(near(mean, *their_mean, 1.0), "{key:?}: mean {mean} and {their_mean}");
            prop_assert!(near(std, *their_std, 100.0), "{key:?}: std {std} and {their_std}");
            // Where every value of the window is the same, rounding makes any huge score of an infinite one.
            let same = zscore.is_infinite() && their_zscore.abs() > 1e3;
            prop_assert!(same || near(zscore, *their_zscore, zscore.abs()), "{key:?}: {zscore} and {their_zscore}");
        }
    }
}

/// Two stations with a spike each, in wind alone.
fn two_spikes() -> DataFrame {
    let station = |spike: usize| -> Station {
        let wind =
            (0..60).map(|i| Some(f64::from(i % 5) / 10.0 + if i as usize == spike { 30.0 } else { 0.0 }));
        (wind.collect(), vec![Some(1.0); 60])
    };
    frame(&[station(40), station(50)])
}

fn both() -> [Engine; 2] {
    [Engine::Kernel, Engine::Expressions]
}

fn spikes(table: &DataFrame) -> Vec<(String, f64)> {
    rows(table).into_iter().map(|((station, ..), [value, ..], _)| (station, value)).collect()
}

#[test]
fn the_table_has_its_columns_and_types_even_where_it_is_empty() {
    let types = [
        DataType::String,
        time_type(),
        DataType::String,
        DataType::Float64,
        DataType::Float64,
        DataType::Float64,
        DataType::Float64,
        DataType::Int64,
        DataType::Boolean,
        DataType::Int64,
    ];
    let schema: Schema = OUTLIER_COLUMNS.iter().map(|name| PlSmallStr::from(*name)).zip(types).collect();
    for engine in both() {
        for (frame, height) in [(two_spikes(), 2), (two_spikes().slice(0, 35), 0), (two_spikes().clear(), 0)]
        {
            let options = OutlierOptions { engine, ..OutlierOptions::new([WIND, TEMPERATURE]) };
            let mut plan = outliers(frame.lazy(), &options);
            assert_eq!(*plan.collect_schema().unwrap(), schema, "{engine:?}: schema of the plan");
            let table = plan.collect().unwrap();
            assert_eq!(**table.schema(), schema, "{engine:?}");
            assert_eq!(table.height(), height, "{engine:?}");
        }
        let nothing = OutlierOptions { engine, ..OutlierOptions::new(Vec::<String>::new()) };
        let table = outliers(two_spikes().lazy(), &nothing).collect().unwrap();
        assert_eq!((table.height(), &**table.schema()), (0, &schema), "{engine:?}: no measurement");
    }
}

#[test]
fn chunks_do_not_matter() {
    let whole = two_spikes();
    for engine in both() {
        let expected = found(whole.clone(), &RollingTest::default(), engine).unwrap();
        for cuts in [vec![1], vec![45, 60, 75], vec![10, 20, 30, 40, 50, 90, 119]] {
            let mut chunked = whole.slice(0, cuts[0]);
            for (from, to) in cuts.iter().zip(cuts.iter().skip(1).chain([&120])) {
                chunked.vstack_mut(&whole.slice(*from as i64, to - from)).unwrap();
            }
            assert!(chunked.max_n_chunks() > 1);
            let found = found(chunked, &RollingTest::default(), engine).unwrap();
            assert!(found.equals(&expected), "{engine:?}, cut at {cuts:?}");
        }
    }
}

#[test]
fn numbers_of_any_type_are_values() {
    for engine in both() {
        for kind in [DataType::Int64, DataType::Int32, DataType::Float32, DataType::UInt32] {
            let tenths = (col(WIND) * lit(10.0) + lit(0.5)).cast(DataType::Int64).cast(kind.clone());
            let frame = two_spikes().lazy().with_column(tenths).collect().unwrap();
            assert_eq!(*frame.column(WIND).unwrap().dtype(), kind);
            let found = found(frame, &RollingTest::default(), engine).unwrap();
            let expected = [(id(0), 300.0), (id(1), 300.0)];
            assert_eq!(spikes(&found), expected, "{engine:?} {kind}");
        }
    }
}

#[test]
fn times_of_any_unit_limit_a_fill() {
    // Nine values, six missing ones, and a spike, whose window holds what has been filled of the six.
    let mut wind: Vec<Option<f64>> = (0..9).map(|i| Some(f64::from(i % 3))).collect();
    wind.extend([None; 6]);
    wind.push(Some(50.0));
    let time = times(wind.len());
    let frame = frame(&[(wind, vec![None; time.len()])]);
    let third = time[11] - time[8];
    for engine in both() {
        for (limit, count) in [
            (None, 15),
            (Some(FillLimit::Rows(2)), 11),
            (Some(FillLimit::Rows(1 << 32)), 15),
            (Some(FillLimit::Micros(third)), 12),
            (Some(FillLimit::Micros(third - 1)), 11),
            (Some(FillLimit::Micros(i64::MAX)), 15),
        ] {
            let test = RollingTest::builder().min_periods(9).fill_limit(limit).build().unwrap();
            for unit in [TimeUnit::Microseconds, TimeUnit::Milliseconds, TimeUnit::Nanoseconds] {
                for zone in [None, Some(TimeZone::UTC)] {
                    let kind = DataType::Datetime(unit, zone);
                    let kept = col("timestamp").cast(kind.clone());
                    let frame = frame.clone().lazy().with_column(kept).collect().unwrap();
                    let found = found(frame, &test, engine).unwrap();
                    let counts: Vec<i64> = rows(&found).into_iter().map(|(.., [count, _])| count).collect();
                    assert_eq!(counts, [count], "{engine:?} {limit:?} {kind}");
                    assert_eq!(*found.column("timestamp").unwrap().dtype(), kind);
                }
            }
        }
    }
}

#[test]
fn a_time_window_takes_the_values_of_its_time() {
    // Values at 0 h, 1 h, … 9 h, then a gap of a day, and a spike at 33 h.
    let hours: Vec<i64> = (0..10).chain([33]).collect();
    let wind: Vec<f64> =
        hours.iter().map(|hour| if *hour == 33 { 50.0 } else { (hour % 3) as f64 }).collect();
    let frame = df!(
        "station_id" => vec![id(0); hours.len()],
        "timestamp" => hours.iter().map(|hour| hour * 3_600_000).collect::<Vec<_>>(),
        WIND => wind,
        TEMPERATURE => vec![1.0; hours.len()],
    )
    .unwrap();
    let milliseconds = DataType::Datetime(TimeUnit::Milliseconds, None);
    let frame = frame.lazy().with_column(col("timestamp").cast(milliseconds)).collect().unwrap();
    let test = |micros: i64, min_periods: usize| {
        RollingTest::builder().window(Window::Micros(micros)).min_periods(min_periods).build().unwrap()
    };
    let hour = 3_600_000_000;
    for (micros, min_periods, count) in [
        (33 * hour, 10, Some(10)),
        (33 * hour - 1, 9, Some(9)),
        (33 * hour - 1, 10, None),
        (30 * hour, 2, Some(7)),
        (24 * hour, 1, Some(1)),
        (24 * hour - 1, 1, None),
        (i64::MAX, 10, Some(10)),
    ] {
        let found = found(frame.clone(), &test(micros, min_periods), Engine::Kernel).unwrap();
        let spikes: Vec<i64> = rows(&found)
            .into_iter()
            .filter(|(_, [value, ..], _)| *value == 50.0)
            .map(|(.., [count, _])| count)
            .collect();
        assert_eq!(spikes, Vec::from_iter(count), "{micros} {min_periods}");
    }
    let error = found(frame.reverse(), &test(hour, 1), Engine::Kernel).unwrap_err().to_string();
    assert!(error.contains("timestamp") && error.contains("ascend"), "{error}");
    let error = found(frame, &test(hour, 1), Engine::Expressions).unwrap_err().to_string();
    assert!(error.contains("no time windows"), "{error}");
}

#[test]
fn a_divisor_may_lose_many_degrees_of_freedom() {
    // 256 does not fit the byte that Polars keeps the degrees of freedom in.
    let wind: Vec<Option<f64>> =
        (0..400).map(|i| Some(f64::from(i * 7 % 11) + if i == 350 { 40.0 } else { 0.0 })).collect();
    let frame = frame(&[(wind.clone(), vec![None; wind.len()])]);
    let test = RollingTest::builder().window(Window::Rows(300)).threshold("4".parse().unwrap()).ddof(256);
    let test = test.build().unwrap();
    let [kernel, expressions] = both().map(|engine| rows(&found(frame.clone(), &test, engine).unwrap()));
    assert_eq!((kernel.len(), expressions.len()), (1, 1));
    assert!(near(kernel[0].1[2], expressions[0].1[2], 1.0));
}

#[test]
fn a_column_that_is_absent_or_of_another_type_is_named() {
    for engine in both() {
        let error = |frame: LazyFrame, measurement: &str| {
            let options = OutlierOptions { engine, ..OutlierOptions::new([measurement]) };
            outliers(frame, &options).collect().unwrap_err().to_string()
        };
        for column in ["station_id", "timestamp", WIND] {
            let frame = two_spikes().lazy().drop(cols([column]));
            let error = error(frame, WIND);
            assert!(error.contains(column), "{engine:?} without {column}: {error}");
        }
        let text = two_spikes().lazy().with_column(lit("calm").alias(WIND));
        let error = error(text, WIND);
        assert!(error.contains("calm") || error.contains(WIND), "{engine:?}: {error}");
    }
}

#[test]
fn a_station_in_two_places_is_refused_by_the_kernel() {
    let whole = two_spikes();
    let mut torn = whole.slice(0, 30);
    torn.vstack_mut(&whole.slice(60, 60)).unwrap().vstack_mut(&whole.slice(30, 30)).unwrap();
    let error = found(torn, &RollingTest::default(), Engine::Kernel).unwrap_err().to_string();
    assert!(error.contains("station_id") && error.contains(&id(0)), "{error}");
}
