//! The kernel against a brute-force model in rational arithmetic, on every kind of series and option.

use arrow_array::{Array, Float64Array};
use isd_kernel::{
    FillLimit, Outlier, RollingTest, RollingTestBuilder, Scratch, Series, Validity, Window, arrow as arrays,
    rolling_outliers, with_each_instruction_set,
};
use proptest::prelude::*;

use crate::model;
use crate::strategies::{HOUR, including_if_exceedable, options, series, times};

/// The outliers, which must be the same with every instruction set that this processor has.
fn detect(values: &[Option<f64>], test: &RollingTest) -> Vec<Outlier> {
    let array: Float64Array = values.iter().copied().collect();
    let nulls = array.nulls().map(|n| Validity::new(n.validity(), n.offset(), n.len()).unwrap());
    let times = times(values.len());
    let series = Series::new(array.values()).with_validity(nulls).unwrap().with_times(Some(&times)).unwrap();
    let mut all: Vec<Vec<Outlier>> = Vec::new();
    with_each_instruction_set(|set| {
        let mut found = Vec::new();
        rolling_outliers(series, test, &mut Scratch::default(), &mut found);
        if let Some(plain) = all.first() {
            assert_eq!(found, *plain, "{set}: {test:?} on {values:?}");
        }
        all.push(found);
    });
    all.swap_remove(0)
}

fn rows(found: &[Outlier]) -> Vec<(usize, bool)> {
    found.iter().map(|o| (o.row, o.filled)).collect()
}

fn assert_like_model(values: &[Option<f64>], test: &RollingTest) {
    let found = detect(values, test);
    let found: Vec<_> = found.iter().map(|o| (o.row, o.filled, o.window_filled)).collect();
    let decisions = model::decisions(values, &times(values.len()), test).into_iter().filter(|d| d.outlier);
    let expected: Vec<_> = decisions.map(|d| (d.row, d.filled, d.window_filled)).collect();
    assert_eq!(found, expected, "{test:?} on {values:?}");
}

/// Where the window that ends before `end` begins.
fn begin_of_window(test: &RollingTest, times: &[i64], end: usize) -> usize {
    match test.window() {
        Window::Rows(rows) => end.saturating_sub(rows),
        Window::Micros(micros) if test.include_current() => {
            times.iter().position(|time| *time > times[end - 1] - micros).unwrap()
        }
        Window::Micros(micros) => times.iter().position(|time| *time >= times[end] - micros).unwrap(),
    }
}

fn test_of(window: usize, threshold: &str) -> RollingTestBuilder {
    RollingTest::builder().window(Window::Rows(window)).threshold(threshold.parse().unwrap())
}

/// What the values of a long series are.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// So many decimals.
    Decimals(i32),
    /// Tenths as single precision holds them: on no decimal grid, in runs.
    Single,
    /// Doubles of full precision.
    Arbitrary,
    /// Doubles of full precision, with stretches that are a million million times larger.
    FarApart,
}

/// A series of blocks and blocks: a slow wave under noise, with stuck stretches, spikes and gaps.
fn long_series(seed: u64, len: usize, kind: Kind, gaps: bool) -> Vec<Option<f64>> {
    let mut state = seed;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let (mut values, mut last) = (Vec::with_capacity(len), 0.0);
    for i in 0..len {
        if gaps && below(13) == 0 {
            values.push(None);
            continue;
        }
        let stuck = i / 700 % 4 == (seed % 4) as usize && below(300) != 0;
        let noise = below(1_000_000) as f64 / 50_000.0;
        let spike = if below(400) == 0 { 150.0 } else { 0.0 };
        let value = (i as f64 / 900.0).sin() * 8.0 + noise + spike;
        if !stuck {
            last = match kind {
                Kind::Decimals(decimals) => {
                    let factor = 10_f64.powi(decimals);
                    (value * factor).round() / factor
                }
                Kind::Single => f64::from(((value * 10.0).round() / 10.0) as f32),
                Kind::FarApart if i / 1100 % 3 == 1 => value * 1e12,
                Kind::Arbitrary | Kind::FarApart => value / 3.0,
            };
        }
        values.push(Some(last));
    }
    values
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn long_series_equal_the_rational_model(
        (seed, len, gaps) in (any::<u64>(), 1500..9000_usize, any::<bool>()),
        kind in prop::sample::select(vec![
            Kind::Decimals(0), Kind::Decimals(1), Kind::Decimals(1), Kind::Decimals(2), Kind::Decimals(3), Kind::Single,
            Kind::Arbitrary, Kind::FarApart,
        ]),
        window in prop_oneof![4 => 1..60_usize, 1 => 60..1000_usize, 1 => 1000..5000_usize],
        timed in any::<bool>(),
        test in options(),
    ) {
        let values = long_series(seed, len, kind, gaps);
        // The options were drawn for a short window; this one is long.
        let size = if timed { Window::Micros(window as i64 * 2 * HOUR) } else { Window::Rows(window) };
        let most = if timed { 40 } else { window };
        let ddof = test.ddof().min(most - 1);
        let builder = RollingTest::builder()
            .window(size)
            .threshold(test.threshold())
            .ddof(ddof)
            .min_periods(test.min_periods().clamp(ddof + 1, most))
            .min_std(test.min_std())
            .test_filled(test.test_filled())
            .fill_limit(test.fill_limit());
        let test = including_if_exceedable(builder, test.include_current());
        let found = rows(&detect(&values, &test));
        let expected = model::outliers(&values, &times(len), &test);
        prop_assert!(found == expected, "{:?} but {:?}: {:?}", found, expected, test);
    }
}

/// Whole numbers about as far from the first one as sums of 32 bits reach, 5792, or half as far again: stretches that
/// swing, stay put, wander by one, or take a single step beyond.
fn far_from_the_first(seed: u64, len: usize) -> Vec<Option<f64>> {
    let mut state = seed;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let first = below(20_000) as i64 - 10_000;
    let far = [5792, 5792, 5792, 8600][below(4) as usize];
    let mut values = vec![Some(first)];
    while values.len() < len {
        let (kind, rows, level) =
            (below(7), 1 + below(700), [-far, -5000, 0, 11, 5000, far - 1][below(6) as usize]);
        for _ in 0..rows {
            values.push(match kind {
                0 => Some(first + [-far, far][below(2) as usize]),
                1 => Some(first + level),
                2 | 3 => Some(first + level + below(3) as i64 - 1),
                4 => (below(9) > 0).then_some(first + level / 2 + below(40) as i64),
                5 => Some(first + level / 3 + if below(60) == 0 { 3000 } else { below(9) as i64 }),
                _ => Some(first + level + if below(2000) == 0 { 2 + below(900) as i64 } else { 0 }),
            });
        }
    }
    values.truncate(len);
    values.into_iter().map(|value| value.map(|value| value as f64)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn sums_at_the_end_of_32_bits_equal_the_rational_model(
        (seed, len) in (any::<u64>(), 1500..9000_usize),
        window in prop_oneof![2 => 1..70_usize, 1 => 70..1000_usize, 1 => 1000..5000_usize],
        threshold in prop::sample::select(vec!["0", "0.003", "1", "2", "6", "60"]),
        min_std in prop::sample::select(vec!["0", "0", "0.5", "40"]),
        (current, ddof) in (any::<bool>(), 0..2_usize),
        timed in any::<bool>(),
    ) {
        let values = far_from_the_first(seed, len);
        let window =
            if timed { Window::Micros(window as i64 * 2 * HOUR) } else { Window::Rows(window.max(2)) };
        let builder = RollingTest::builder()
            .window(window)
            .threshold(threshold.parse().unwrap())
            .min_std(min_std.parse().unwrap())
            .ddof(ddof);
        let test = including_if_exceedable(builder, current);
        let found = rows(&detect(&values, &test));
        let expected = model::outliers(&values, &times(len), &test);
        prop_assert!(found == expected, "{} but {}: {:?}", found.len(), expected.len(), test);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 9600, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_kernel_equals_the_rational_model(values in series(), test in options()) {
        assert_like_model(&values, &test);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_slice_gives_what_its_copy_gives(values in series(), before in 0..130_usize, test in options()) {
        let padded: Float64Array =
            std::iter::repeat_n(Some(1e5), before).chain(values.iter().copied()).chain([None, Some(-3.0)]).collect();
        let slice = padded.slice(before, values.len());
        let mut found = Vec::new();
        let times = arrow_array::TimestampMicrosecondArray::from(times(values.len()));
        arrays::rolling_outliers(&slice, Some(&times), &[values.len()], &test, &mut found).unwrap();
        prop_assert_eq!(found, detect(&values, &test));
    }

    #[test]
    fn neighbouring_series_do_not_touch(
        parts in prop::collection::vec(series(), 0..5), test in options()
    ) {
        let all: Float64Array = parts.iter().flatten().copied().collect();
        let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
        let mut together = Vec::new();
        let times = lengths.iter().flat_map(|len| times(*len)).collect::<Vec<_>>().into();
        arrays::rolling_outliers(&all, Some(&times), &lengths, &test, &mut together).unwrap();
        let mut alone = Vec::new();
        let mut start = 0;
        for part in &parts {
            alone.extend(detect(part, &test).into_iter().map(|o| Outlier { row: o.row + start, ..o }));
            start += part.len();
        }
        prop_assert_eq!(together, alone);
    }

    #[test]
    fn statistics_are_those_of_the_window(values in series(), test in options()) {
        // Doubles hold these, and their means, well enough for a check in doubles.
        let fits = |v: &f64| *v == 0.0 || (1e-100..1e6).contains(&v.abs());
        let values: Vec<_> = values.into_iter().map(|v| v.filter(fits)).collect();
        let builder = RollingTest::builder()
            .window(test.window())
            .threshold(test.threshold())
            .min_std(test.min_std())
            .include_current(test.include_current())
            .test_filled(test.test_filled())
            .ddof(test.ddof())
            .min_periods(test.min_periods());
        let test = builder.build().unwrap();
        let mut filled: Vec<f64> = Vec::new();
        let lead = values.iter().position(Option::is_some).unwrap_or(values.len());
        for v in &values[lead..] {
            filled.push(v.unwrap_or_else(|| *filled.last().unwrap()));
        }
        for o in detect(&values, &test) {
            let end = o.row - lead + usize::from(test.include_current());
            let window = &filled[..end][begin_of_window(&test, &times(values.len())[lead..], end)..];
            let n = window.len() as f64;
            let mean = window.iter().sum::<f64>() / n;
            let m2: f64 = window.iter().map(|v| (v - mean).powi(2)).sum();
            let std = (m2 / (n - test.ddof() as f64)).sqrt();
            prop_assert_eq!(o.count, window.len());
            prop_assert_eq!(o.value, filled[o.row - lead]);
            prop_assert!((o.mean - mean).abs() <= 1e-9 * mean.abs().max(1.0), "{o:?} mean {mean}");
            prop_assert!((o.std - std).abs() <= 1e-6 * std.max(1.0), "{o:?} std {std}");
            let scale = o.std.max(test.min_std().to_f64());
            let z = (o.value - o.mean) / scale;
            // What the subtraction in doubles loses, the division by a small deviation magnifies.
            let lost = 4.0 * f64::EPSILON * o.mean.abs().max(o.value.abs()) / scale;
            prop_assert!(z == o.zscore || (z - o.zscore).abs() <= 1e-6 * z.abs() + lost, "{o:?} z {z}");
        }
    }
}

#[test]
fn long_series_cross_blocks_without_a_seam() {
    // Longer than several blocks, with windows shorter, equal to and longer than one; gaps and spikes at the seams.
    let mut values: Vec<Option<f64>> = (0..9000_u32).map(|i| Some(f64::from(i * 37 % 83) / 10.0)).collect();
    for (i, gap) in [(0, 3), (1020, 9), (2047, 2), (3000, 1100), (7160, 20)] {
        values[i..i + gap].fill(None);
    }
    for i in [500, 1023, 1024, 1025, 2049, 4100, 5119, 5120, 8191, 8192, 8999] {
        values[i] = Some(f64::from(i as u32) * 3.1 / 10.0);
    }
    for (i, value) in [(2500, 99_999.9), (6000, -99_999.9)] {
        values[i] = Some((value * 10.0_f64).round() / 10.0);
    }
    for v in values.iter_mut().flatten() {
        *v = (*v * 10.0).round() / 10.0;
    }
    for window in [1, 30, 1023, 1024, 1025, 3000] {
        for current in [false, true] {
            for limit in [None, Some(FillLimit::Rows(5))] {
                let test =
                    including_if_exceedable(test_of(window, "3.5").fill_limit(limit).min_periods(1), current);
                let found = detect(&values, &test);
                assert_eq!(rows(&found), model::outliers(&values, &times(values.len()), &test), "{test:?}");
                assert!(window < 30 || !found.is_empty());
            }
        }
    }
}

#[test]
fn levels_far_from_the_first_value_are_decided_exactly() {
    // Windows of deviation 0.1 about a level: 0.6 beyond is the threshold, 0.7 is an outlier. Sums of squares grow from
    // what doubles hold to what they do not.
    for level in [0.0_f64, 300.0, 4000.0, 98_765.4, 3_000_000.0, 90_000_000.0] {
        for window in [30, 1000] {
            let alternating = (0..2 * window).map(|i| Some(level + if i % 2 == 0 { 0.1 } else { -0.1 }));
            let mut values = vec![Some(0.0_f64)];
            values.extend(alternating.clone());
            values.push(Some(level + 0.6));
            values.extend(alternating);
            values.push(Some(level - 0.7));
            for value in values.iter_mut().flatten() {
                *value = (*value * 10.0).round() / 10.0;
            }
            let test = test_of(window, "6").build().unwrap();
            assert_like_model(&values, &test);
            let last = values.len() - 1;
            assert!(rows(&detect(&values, &test)).contains(&(last, false)), "{level} {window}");
        }
    }
}

#[test]
fn a_late_value_off_the_grid_decides_for_the_whole_series() {
    // 0.3 of 0.1s: on the grid the deviation is the threshold exactly, off it the doubles' own fractions decide.
    let mut values: Vec<Option<f64>> = vec![Some(0.1), Some(0.3), Some(0.1), Some(0.3)];
    values.push(Some(0.4));
    values.extend(std::iter::repeat_n(Some(0.4), 5000));
    let test = test_of(4, "2").build().unwrap();
    assert_like_model(&values, &test);
    assert!(!rows(&detect(&values, &test)).contains(&(4, false)));
    values.push(Some(0.1 + 0.2));
    assert_like_model(&values, &test);
}

#[test]
fn a_series_needs_one_value_more_than_min_periods() {
    let values: Vec<Option<f64>> =
        (0..31).map(|i| Some(f64::from(i % 2) + if i == 30 { 40.0 } else { 0.0 })).collect();
    assert_eq!(rows(&detect(&values, &RollingTest::default())), [(30, false)]);
    assert_eq!(detect(&values[1..], &RollingTest::default()), []);
}

/// Mean, standard deviation and z-score of a value, in units of `10^-decimals`, after a window of four; `None` if it is no
/// outlier.
fn after(window: [i32; 4], value: i32, decimals: i32, test: &RollingTestBuilder) -> Option<(f64, f64, f64)> {
    let decimal = |integer: &i32| Some(f64::from(*integer) / 10_f64.powi(decimals));
    let values: Vec<_> = window.iter().chain([&value]).map(decimal).collect();
    let found = detect(&values, &test.clone().build().unwrap());
    found.first().map(|outlier| (outlier.mean, outlier.std, outlier.zscore))
}

#[test]
fn a_deviation_on_the_threshold_is_no_outlier_and_one_unit_more_is() {
    // Mean 10, population standard deviation 1.
    let window = [9, 9, 11, 11];
    let (six, sixty_one) = (test_of(4, "6"), test_of(4, "61"));
    assert_eq!(after(window, 16, 0, &six), None);
    assert_eq!(after(window, 17, 0, &six), Some((10.0, 1.0, 7.0)));
    assert_eq!(after(window, 3, 1, &six), Some((1.0, 0.1, -7.0)));
    assert_eq!(after(window, 71, 1, &sixty_one), None);
    assert!(after(window, 72, 1, &sixty_one).is_some());
}

#[test]
fn a_constant_window_makes_every_change_an_outlier_unless_min_std_says_how_much() {
    let window = [50; 4];
    assert_eq!(after(window, 50, 1, &test_of(4, "6")), None);
    assert_eq!(after(window, 49, 1, &test_of(4, "6")), Some((5.0, 0.0, f64::NEG_INFINITY)));
    let floored = test_of(4, "6").min_std("0.1".parse().unwrap());
    assert_eq!(after(window, 56, 1, &floored), None);
    assert_eq!(after(window, 57, 1, &floored), Some((5.0, 0.0, 7.0)));
}
