use isd_views::scale::{Scale, padded_range, time_ticks, value_ticks};
use proptest::prelude::*;

use crate::support::{HOUR, START};

fn labels(from: i64, length: i64) -> Vec<String> {
    let ticks = time_ticks(&(from..from + length), 11);
    ticks
        .into_iter()
        .map(|tick| [Some(tick.label), tick.context].into_iter().flatten().collect::<Vec<_>>().join("|"))
        .collect()
}

#[test]
fn hours_stand_over_their_day() {
    assert_eq!(
        labels(START - 6 * HOUR, 24 * HOUR),
        ["18:00|2017-09-09", "21:00", "00:00|2017-09-10", "03:00", "06:00", "09:00", "12:00", "15:00"]
    );
}

#[test]
fn days_begin_with_the_month_and_come_without_a_31st() {
    let days = labels(START, 45 * 24 * HOUR);
    assert_eq!(
        days,
        ["Sep 11|2017", "Sep 16", "Sep 21", "Sep 26", "Oct 1", "Oct 6", "Oct 11", "Oct 16", "Oct 21"]
    );
}

#[test]
fn years_before_1970_and_a_century_of_them_are_decades() {
    // 1900-01-01 to 2000-01-01.
    let from = -25_567 * 24 * HOUR;
    assert_eq!(labels(from, 36_524 * 24 * HOUR)[..3], ["1900", "1910", "1920"]);
}

#[test]
fn numbers_have_as_many_decimals_as_their_steps() {
    let texts = |low, high| value_ticks((low, high), 5).into_iter().map(|tick| tick.1).collect::<Vec<_>>();
    assert_eq!(texts(-0.12, 0.31), ["-0.1", "0.0", "0.1", "0.2", "0.3"]);
    assert_eq!(texts(976.0, 1021.0), ["980", "990", "1000", "1010", "1020"]);
    assert!(texts(1.0, 1.0).is_empty());
}

proptest! {
    /// Whatever a series holds, its axis has a range with all of it inside, finite positions, and no more ticks than asked.
    #[test]
    fn every_range_of_doubles_has_an_axis(numbers in prop::collection::vec(any::<f64>(), 1..9), most in 1_usize..12) {
        let finite: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
        let Some(range) = padded_range(numbers.into_iter()) else {
            prop_assert!(finite.is_empty());
            return Ok(());
        };
        let scale = Scale { range, positions: (300.0, 100.0) };
        for number in finite {
            prop_assert!((range.0..=range.1).contains(&number));
            prop_assert!((100.0..=300.0).contains(&scale.at(number)), "{number} in {range:?} at {}", scale.at(number));
        }
        let ticks = value_ticks(range, most);
        prop_assert!(ticks.len() <= most + 1);
        prop_assert!(ticks.iter().all(|tick| tick.0 >= range.0 && tick.0 <= range.1));
    }

    /// Ticks of any span ascend, lie in it, and are few.
    #[test]
    fn every_span_has_few_ticks(from in any::<i64>(), length in 1_i64..i64::MAX) {
        let span = from..from.saturating_add(length);
        let ticks = time_ticks(&span, 11);
        prop_assert!(ticks.is_sorted_by_key(|tick| tick.time));
        prop_assert!(ticks.iter().all(|tick| span.contains(&tick.time)));
        prop_assert!(ticks.len() <= 20);
    }
}
