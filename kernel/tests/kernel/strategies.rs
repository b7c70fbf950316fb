//! Series, times and options drawn at random, for the kernel's tests and those of its adapters.

use isd_kernel::{FillLimit, OptionsError, RollingTest, RollingTestBuilder, Window};
use proptest::prelude::*;

pub const HOUR: i64 = 3_600_000_000;

/// Times with a step of one to four hours.
pub fn times(len: usize) -> Vec<i64> {
    let steps = (0..len).scan(0_i64, |time, i| {
        *time += HOUR * (1 + (i as i64 * 7 % 11) / 3);
        Some(*time)
    });
    steps.collect()
}

/// Series of every kind that has broken somebody's rolling window.
pub fn series() -> impl Strategy<Value = Vec<Option<f64>>> {
    let len = 0..220_usize;
    let tenths = (-400..400_i32).prop_map(|n| f64::from(n) / 10.0);
    let near = (-3..3_i32).prop_map(|n| f64::from(n + 10_132) / 10.0);
    let whole = (0..20_i32).prop_map(f64::from);
    let thousandths = (-90_000..90_000_i32).prop_map(|n| f64::from(n) / 1000.0);
    let constant = Just(7.3);
    let binary = -1.0..1.0_f64;
    let tiny = (0..9_i32).prop_map(|n| 1e17 + f64::from(n) * 16.0);
    let extreme = prop_oneof![Just(1e300), Just(-1e300), Just(5e-324), Just(1e-300), Just(0.0), Just(-0.0)];
    let spike = prop_oneof![Just(99_999.9), Just(-9999.0), Just(1e9), Just(123_456_789_012.5), Just(1.3e17)];
    let off_grid = prop_oneof![Just(0.1 + 0.2), Just(5.100_000_000_000_000_5), Just(1.0 / 3.0)];
    let missing = prop_oneof![Just(None), Just(Some(f64::NAN)), Just(Some(f64::INFINITY)), Just(None)];
    let base = prop_oneof![
        prop::collection::vec(tenths.clone(), len.clone()),
        prop::collection::vec(near, len.clone()),
        prop::collection::vec(whole, len.clone()),
        prop::collection::vec(thousandths, len.clone()),
        prop::collection::vec(constant, len.clone()),
        prop::collection::vec(binary, len.clone()),
        prop::collection::vec(tiny, len.clone()),
        prop::collection::vec(extreme, len.clone()),
        // Runs: a stuck sensor that comes loose.
        (prop::collection::vec((tenths, 1..60_usize), 0..8)).prop_map(|runs| {
            runs.into_iter().flat_map(|(value, len)| std::iter::repeat_n(value, len)).collect()
        }),
    ];
    let change = (
        any::<prop::sample::Index>(),
        prop_oneof![
            3 => spike.prop_map(Some),
            1 => off_grid.prop_map(Some),
            6 => missing,
        ],
    );
    let gap = (any::<prop::sample::Index>(), 0..40_usize);
    let changes = prop_oneof![
        2 => prop::collection::vec(change.clone(), 0..1),
        2 => prop::collection::vec(change.clone(), 0..4),
        1 => prop::collection::vec(change, 0..60),
    ];
    (base, changes, prop::option::of(gap)).prop_map(|(base, changes, gap)| {
        let mut values: Vec<Option<f64>> = base.into_iter().map(Some).collect();
        if values.is_empty() {
            return values;
        }
        for (at, value) in changes {
            let at = at.index(values.len());
            values[at] = value;
        }
        if let Some((at, len)) = gap {
            let at = if len % 4 == 0 { 0 } else { at.index(values.len()) };
            let end = (at + len).min(values.len());
            values[at..end].fill(None);
        }
        values
    })
}

/// Options of every kind that make a test.
pub fn options() -> impl Strategy<Value = RollingTest> {
    let threshold = prop::sample::select(vec!["0", "0.5", "1.5", "2", "3", "6", "6.1"]);
    let min_std = prop::sample::select(vec!["0", "0", "0", "0.1", "0.25", "3"]);
    let limit = prop_oneof![
        3 => Just(None),
        1 => (1..6_usize).prop_map(|n| Some(FillLimit::Rows(n))),
        1 => (1..9_i64).prop_map(|n| Some(FillLimit::Micros(n * HOUR))),
    ];
    let rows = prop_oneof![1..12_usize, 1..100_usize, Just(30_usize)].prop_map(Window::Rows);
    // A window of time holds any number of values: none, or all of a series.
    let hours = prop_oneof![3 => 1..40_i64, 1 => 1..400_i64, 1 => Just(1_000_000)];
    let time = (hours, -1..2_i64).prop_map(|(hours, more)| Window::Micros(hours * HOUR + more));
    (
        prop_oneof![3 => rows, 2 => time],
        threshold,
        min_std,
        limit,
        any::<bool>(),
        any::<bool>(),
        0..3_usize,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(window, threshold, min_std, limit, current, filled, ddof, least)| {
            let longest = match window {
                Window::Rows(rows) => rows,
                Window::Micros(_) => 40,
            };
            let ddof = ddof.min(longest - 1);
            let min_periods = (least.index(3) == 0).then(|| ddof + 1 + least.index(longest - ddof));
            let test = RollingTest::builder()
                .window(window)
                .threshold(threshold.parse().unwrap())
                .min_std(min_std.parse().unwrap())
                .fill_limit(limit)
                .test_filled(filled)
                .ddof(ddof)
                .min_periods(min_periods);
            including_if_exceedable(test, current)
        })
}

/// The test of these options, over windows that include the tested value if that is asked for and some value can exceed the
/// threshold then.
pub fn including_if_exceedable(test: RollingTestBuilder, include_current: bool) -> RollingTest {
    match test.clone().include_current(include_current).build() {
        Err(OptionsError::Unreachable { .. }) => test.build().unwrap(),
        test => test.unwrap(),
    }
}
