//! Filled columns and rolling statistics against the rational model, on slices and arrays.

use arrow_array::{Array, Float64Array, TimestampMicrosecondArray};
use isd_kernel::{
    FillLimit, Outlier, Rolling, Scratch, Series, SeriesError, TimesError, Window, arrow as arrays,
    rolling_mean, rolling_outliers, with_each_instruction_set,
};
use proptest::prelude::*;

use crate::model;
use crate::strategies::{options, series, times};

fn array(values: &[Option<f64>]) -> Float64Array {
    values.iter().copied().collect()
}

/// The values as the model fills them: none where nothing was observed, or not within the limit.
fn filled(values: &[Option<f64>], times: &[i64], limit: Option<FillLimit>) -> Vec<Option<f64>> {
    let observed = |row: &usize| values[*row].is_some_and(f64::is_finite);
    let fill = |row: usize| {
        let from = (0..=row).rev().find(observed)?;
        let bridged = match limit {
            None => true,
            Some(FillLimit::Rows(rows)) => row - from <= rows,
            Some(FillLimit::Micros(micros)) => times[row] - times[from] <= micros,
        };
        values[from].filter(|_| bridged)
    };
    (0..values.len()).map(fill).collect()
}

/// Checks every row's mean and standard deviation against the values of its window.
fn check(
    values: &[Option<f64>],
    times: &[i64],
    rolling: &Rolling,
    means: &Float64Array,
    stds: &Float64Array,
) {
    let held: Vec<(usize, f64)> = values
        .iter()
        .enumerate()
        .filter_map(|(row, value)| value.filter(|v| v.is_finite()).map(|value| (row, value)))
        .collect();
    let decimal = held.iter().all(|(_, value)| model::on_grid(*value));
    let mut next = 0;
    for row in 0..values.len() {
        let at = (means.is_valid(row).then(|| means.value(row)), stds.is_valid(row).then(|| stds.value(row)));
        if held.get(next).is_none_or(|(held, _)| *held != row) {
            assert_eq!(at, (None, None), "row {row} without a value");
            continue;
        }
        let end = next + usize::from(rolling.include_current());
        next += 1;
        let window: Vec<f64> = match rolling.window() {
            Window::Rows(rows) => {
                held[end.saturating_sub(rows)..end].iter().map(|(_, value)| *value).collect()
            }
            Window::Micros(micros) => {
                let first = times[row] - micros;
                let inside =
                    |at: usize| times[at] > first || times[at] == first && !rolling.include_current();
                held[..end].iter().filter(|(at, _)| inside(*at)).map(|(_, value)| *value).collect()
            }
        };
        if window.len() < rolling.min_periods() {
            assert_eq!(at, (None, None), "row {row} with {} values", window.len());
            continue;
        }
        let (Some(mean), Some(std)) = at else { panic!("row {row} has no statistics: {at:?}") };
        assert!(model::is_mean(mean, &window, decimal), "row {row}: {mean} is not the mean of {window:?}");
        assert!(
            model::is_std(std, &window, rolling.ddof(), decimal),
            "row {row}: {std} is not the deviation of {window:?}, {rolling:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_shrink_iters: 5000, ..ProptestConfig::default() })]

    #[test]
    fn statistics_are_the_doubles_nearest_the_exact_ones(values in series(), test in options()) {
        let times = times(values.len());
        let column = TimestampMicrosecondArray::from(times.clone());
        let (rolling, lengths) = (test.rolling(), [values.len()]);
        let mut all = Vec::new();
        with_each_instruction_set(|set| {
            let means = arrays::rolling_mean(&array(&values), Some(&column), &lengths, rolling).unwrap();
            let stds = arrays::rolling_std(&array(&values), Some(&column), &lengths, rolling).unwrap();
            all.push((set, means, stds));
        });
        let (_, means, stds) = all.swap_remove(0);
        check(&values, &times, rolling, &means, &stds);
        for (set, other_means, other_stds) in all {
            prop_assert_eq!((&other_means, &other_stds), (&means, &stds), "{}", set);
        }
    }

    #[test]
    fn a_filled_value_is_the_last_one_observed(values in series(), before in 0..70_usize, test in options()) {
        let times = times(values.len());
        let expected = array(&filled(&values, &times, test.fill_limit()));
        let padded: Float64Array =
            std::iter::repeat_n(Some(7.0), before).chain(values.iter().copied()).chain([Some(1.0)]).collect();
        let slice = padded.slice(before, values.len());
        let found = arrays::forward_fill(&slice, Some(&times.into()), &[values.len()], test.fill_limit()).unwrap();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_steps_one_by_one_give_the_statistics_of_the_fused_kernel(values in series(), test in options()) {
        let (times, lengths) = (TimestampMicrosecondArray::from(times(values.len())), [values.len()]);
        let mut outliers: Vec<Outlier> = Vec::new();
        let array = array(&values);
        let series = arrays::series(&array, Some(&times)).unwrap();
        rolling_outliers(series, &test, &mut Scratch::default(), &mut outliers);
        let filled = arrays::forward_fill(&array, Some(&times), &lengths, test.fill_limit()).unwrap();
        let means = arrays::rolling_mean(&filled, Some(&times), &lengths, test.rolling()).unwrap();
        let stds = arrays::rolling_std(&filled, Some(&times), &lengths, test.rolling()).unwrap();
        for outlier in outliers {
            let row = outlier.row;
            let found = (filled.value(row), means.value(row), stds.value(row));
            prop_assert_eq!(found, (outlier.value, outlier.mean, outlier.std));
        }
    }
}

#[test]
fn what_the_kernels_do_not_take_is_named() {
    let values = array(&[Some(1.0), Some(2.0), Some(3.0)]);
    let time = Rolling::builder().window(Window::Micros(5)).build().unwrap();
    let times = |times: &[i64]| TimestampMicrosecondArray::from(times.to_vec());
    assert_eq!(
        arrays::rolling_mean(&values, None, &[3], &time),
        Err(SeriesError::Times(TimesError::Missing))
    );
    let unsorted = times(&[1, 3, 3]);
    let refused = Err(SeriesError::Times(TimesError::Unsorted));
    assert_eq!(arrays::rolling_std(&values, Some(&unsorted), &[3], &time), refused);
    // Each series has its own times.
    assert!(arrays::rolling_std(&values, Some(&unsorted), &[2, 1], &time).is_ok());
    let limit = Some(FillLimit::Micros(5));
    assert_eq!(
        arrays::forward_fill(&values, None, &[3], limit),
        Err(SeriesError::Times(TimesError::Missing))
    );
    let error = arrays::forward_fill(&values, None, &[1, 1], None).unwrap_err();
    assert_eq!(error.to_string(), "series of 2 slots beside 3 values");
    let error = arrays::rolling_mean(&values, Some(&times(&[1])), &[3], &time).unwrap_err();
    assert_eq!(error.to_string(), "times of 1 slots beside 3 values");
}

#[test]
fn long_windows_leave_nothing_of_what_has_left_them() {
    // Ten thousand tiny values after a huge one, in windows that cross blocks: doubles would keep the huge one's rounding.
    for scale in [1.0, 1.0 / 3.0] {
        let mut values: Vec<f64> = (0..20_000).map(|i| f64::from(i % 7) * scale).collect();
        values[1500] = 1.3e17;
        values[9000] = -1e12;
        let rolling = Rolling::builder().window(Window::Rows(3000)).build().unwrap();
        let (mut means, mut stds, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        let scratch = &mut Scratch::default();
        isd_kernel::rolling_mean(Series::new(&values), &rolling, scratch, &mut means).unwrap();
        isd_kernel::rolling_std(Series::new(&values), &rolling, scratch, &mut stds).unwrap();
        isd_kernel::rolling_std(Series::new(&values[12_001..]), &rolling, scratch, &mut alone).unwrap();
        assert_eq!(stds[15_001..], alone[3000..]);
        for end in [3000, 4500, 4501, 9000, 9001, 12_000, 12_001, 19_999] {
            let window = &values[end - 3000..end];
            assert!(model::is_mean(means[end], window, scale == 1.0), "{scale} {end}");
            assert!(model::is_std(stds[end], window, 0, scale == 1.0), "{scale} {end}");
        }
    }
}

#[test]
fn a_time_window_takes_in_one_of_its_ends() {
    let times = [i64::MIN, -5, 0, 10, 20, 29, 30, i64::MAX];
    // Means that tell which values they are of.
    let values: Vec<f64> = (0..8).map(|i| f64::from(1 << (2 * i))).collect();
    let series = Series::new(&values).with_times(Some(&times)).unwrap();
    let begins = |micros: i64, current: bool| -> Vec<usize> {
        let rolling = Rolling::builder().window(Window::Micros(micros)).min_periods(1);
        let rolling = rolling.include_current(current).build().unwrap();
        let mut means = Vec::new();
        rolling_mean(series, &rolling, &mut Scratch::default(), &mut means).unwrap();
        let begin = |row: usize| {
            let end = row + usize::from(current);
            let mean = |begin: usize| values[begin..end].iter().sum::<f64>() / (end - begin) as f64;
            (0..=end).find(|begin| mean(*begin) == means[row] || *begin == end && means[row].is_nan())
        };
        (0..8).map(|row| begin(row).unwrap()).collect()
    };
    assert_eq!(begins(20, false), [0, 1, 1, 1, 2, 3, 3, 7]);
    assert_eq!(begins(20, true), [0, 1, 1, 1, 3, 3, 4, 7]);
    assert_eq!(begins(i64::MAX, false), [0, 0, 1, 1, 1, 1, 1, 2]);
}
