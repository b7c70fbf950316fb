use isd_views::columns::{PixelColumn, column_of, missing_stretches, pixel_columns};
use proptest::prelude::*;

proptest! {
    /// Each column has the smallest and the largest of the values whose times fall into it, and none is left out.
    #[test]
    fn no_extreme_is_lost(
        steps in prop::collection::vec((1_i64..50, prop::option::of(-100_i32..100)), 0..300),
        start in -100_i64..100,
        length in 1_i64..4000,
        width in 1_usize..60,
    ) {
        let mut time = 0;
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for (step, value) in steps {
            time += step;
            times.push(time);
            values.push(value.map_or(f64::NAN, f64::from));
        }
        let span = start..start + length;
        let columns = pixel_columns(&times, &values, &span, width);
        for number in 0..width {
            // The plain model: times t with number <= (t - start) width / length < number + 1.
            let (at, width) = (number as i64, width as i64);
            let falls = |time: i64| (time - start) * width >= at * length && (time - start) * width < (at + 1) * length;
            let rows = (0..times.len()).filter(|row| falls(times[*row]) && !values[*row].is_nan());
            let model: Vec<f64> = rows.map(|row| values[row]).collect();
            let found = columns.iter().find(|column| column.number == number);
            let smallest = model.iter().copied().reduce(f64::min);
            let largest = model.iter().copied().reduce(f64::max);
            prop_assert_eq!(found.map(|column| values[column.smallest]), smallest);
            prop_assert_eq!(found.map(|column| values[column.largest]), largest);
        }
        prop_assert!(columns.is_sorted_by_key(|column: &PixelColumn| column.number));
    }
}

#[test]
fn one_or_two_values_of_a_column_are_both_drawn_in_order_of_time() {
    let columns = pixel_columns(&[0, 1, 2], &[5.0, 3.0, 4.0], &(0..4), 2);
    let rows: Vec<Vec<usize>> = columns.iter().map(|column| column.rows().collect()).collect();
    assert_eq!(rows, [vec![0, 1], vec![2]]);
}

#[test]
fn times_at_the_ends_of_all_that_integers_hold_have_columns() {
    let span = i64::MIN..i64::MAX;
    assert_eq!(column_of(i64::MIN, &span, 900), 0);
    assert_eq!(column_of(i64::MAX - 1, &span, 900), 899);
}

#[test]
fn a_stretch_longer_than_three_steps_is_missing() {
    let times = [0, 10, 20, 30, 61, 70, 80];
    let mut values = [1.0; 7];
    let missing = |values: &[f64], from: i64, to: i64| -> Vec<(i64, i64)> {
        missing_stretches(&times, values, &(from..to))
            .into_iter()
            .map(|stretch| (stretch.start, stretch.end))
            .collect()
    };
    assert_eq!(missing(&values, 0, 90), [(30, 61)]);
    assert_eq!(missing(&values, -50, 40), [(-50, 0), (30, 40)], "cut at the ends of the span");
    values[5] = f64::INFINITY;
    assert_eq!(missing(&values, 0, 90), [(30, 61)], "20 are no more than three steps");
    assert_eq!(missing(&[f64::NAN; 7], 0, 90), [(0, 90)]);
}
