//! Values as integers on a decimal grid: which are packed, and that integers give what their doubles give.

use isd_kernel::{
    Decimal, FillLimit, Outlier, Rolling, RollingTest, Scratch, Series, Validity, Window, pack,
    rolling_outliers, rolling_std,
};
use proptest::prelude::*;

#[test]
fn values_on_one_grid_are_packed_about_their_middle() {
    let found = |values: &[f64]| {
        let (integers, packing) = pack(values).unwrap();
        (integers, packing.decimals(), packing.offset(), packing.largest())
    };
    assert_eq!(found(&[5.1, -0.0, -12.0]), (vec![85, 34, -86], 1, -34, 86));
    assert_eq!(found(&[1013.125, 0.5]), (vec![506_313, -506_312], 3, 506_812, 506_313));
    assert_eq!(found(&[7.0]), (vec![0], 0, 7, 0));
    assert_eq!(found(&[]), (vec![], 0, 0, 0));
    let most = i32::MAX;
    assert_eq!(found(&[214_748_364.7, -214_748_364.7]), (vec![most, -most], 1, 0, most as u32));
    assert_eq!(found(&[214_748_364.7, 214_748_364.6]), (vec![1, 0], 1, most - 1, 1));
    for off in [0.1 + 0.2, 0.000_1, 214_748_364.8, 1e300, f64::NAN, f64::INFINITY] {
        assert_eq!(pack(&[0.1, off]), None, "{off}");
    }
}

#[test]
fn a_zero_has_no_sign() {
    // So far apart that neither the grid's pass nor its integers do.
    let far = |i: i32| if i == 30 { -0.0 } else { 2e9 - f64::from(i % 2) };
    let near = |i: i32| if i == 30 { -0.0 } else { 5.0 - f64::from(i % 2) };
    for value in [far, near] {
        let values: Vec<f64> = (0..31).map(value).collect();
        let test = RollingTest::default();
        let mut found = Vec::new();
        rolling_outliers(Series::new(&values), &test, &mut Scratch::default(), &mut found);
        assert_eq!(found.iter().map(|outlier| outlier.value.to_bits()).collect::<Vec<_>>(), [0]);
    }
}

/// Runs of observed integers and of gaps.
fn runs() -> impl Strategy<Value = Vec<Option<i32>>> {
    let value = prop_oneof![
        8 => -40..40_i32, 1 => Just(5900), 1 => prop::sample::select(vec![i32::MAX, -i32::MAX, 1 << 28])
    ];
    let few = prop_oneof![6 => (-40..40_i32).prop_map(Some), 1 => value.prop_map(Some), 1 => Just(None)];
    let run = (few, prop_oneof![8 => 1..3_usize, 1 => 1..90_usize]);
    prop::collection::vec(run, 0..300).prop_map(|runs| {
        runs.into_iter().flat_map(|(value, rows)| std::iter::repeat_n(value, rows)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn integers_give_what_their_doubles_give(
        rows in runs(), near in any::<bool>(), decimals in 0..4_i32, window in 2..70_usize,
        limit in prop::option::of(1..4_usize), timed in any::<bool>()
    ) {
        // Near to each other they are narrow enough to be taken as they are.
        let rows: Vec<Option<i32>> = if near {
            rows.into_iter().map(|row| row.map(|integer| integer.clamp(-40, 5900))).collect()
        } else {
            rows
        };
        let double = |integer: i32| f64::from(integer) / 10_f64.powi(decimals);
        let doubles: Vec<f64> = rows.iter().map(|row| row.map_or(f64::NAN, double)).collect();
        // In place of what is missing is what was before it.
        let filled = rows.iter().scan(77, |last, row| {
            *last = row.unwrap_or(*last);
            Some(double(*last))
        });
        let (packed, packing) = pack(&filled.collect::<Vec<_>>()).unwrap();
        prop_assert!(!near || packing.largest() < 3000);
        let mut bits = vec![0_u8; rows.len().div_ceil(8)];
        for (i, _) in rows.iter().enumerate().filter(|(_, row)| row.is_some()) {
            bits[i / 8] |= 1 << (i % 8);
        }
        let validity = Validity::new(&bits, 0, rows.len()).unwrap();
        let times: Vec<i64> = (0..rows.len() as i64).map(|row| (row + row / 9) * 60).collect();
        let series = Series::packed(&packed, packing);
        let series = series.with_validity(Some(validity)).unwrap().with_times(Some(&times)).unwrap();
        let expected = Series::new(&doubles).with_times(Some(&times)).unwrap();

        let test = RollingTest::builder().threshold(Decimal::whole(3));
        let test = if timed {
            let limit = limit.map(|rows| FillLimit::Micros(60 * rows as i64));
            test.window(Window::Micros(60 * window as i64)).min_periods(2).fill_limit(limit)
        } else {
            test.window(Window::Rows(window)).fill_limit(limit.map(FillLimit::Rows))
        };
        let test = test.build().unwrap();
        let find = |series: Series<'_>| {
            let mut found: Vec<Outlier> = Vec::new();
            let outcome = rolling_outliers(series, &test, &mut Scratch::default(), &mut found);
            (outcome, found)
        };
        prop_assert_eq!(find(series), find(expected));
        let rolling = Rolling::builder().window(Window::Rows(window)).build().unwrap();
        let std = |series: Series<'_>| {
            let mut std = Vec::new();
            rolling_std(series, &rolling, &mut Scratch::default(), &mut std).unwrap();
            std.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        prop_assert_eq!(std(series), std(expected));
    }
}
