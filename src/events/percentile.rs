//! Order statistics: numbers in, percentiles, medians and deviations from them out.

/// The percentile of some numbers by the nearest rank: the least of them that is not less than so many percent of all. It is
/// one of the numbers, whatever their distribution (type 1 of Hyndman and Fan 1996). `None` of no numbers.
///
/// The numbers come into another order.
pub fn percentile(numbers: &mut [f64], percent: f64) -> Option<f64> {
    // What decimal percents cost in rounding must not take a rank up.
    let rank = (percent / 100.0 * numbers.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    let place = rank.min(numbers.len()).checked_sub(1)?;
    let (_, number, _) = numbers.select_nth_unstable_by(place, f64::total_cmp);
    Some(*number)
}

/// The median of some numbers, and their median absolute deviation from it, each by the nearest rank; `None` of no numbers.
pub fn median_and_deviation(numbers: &mut [f64]) -> Option<(f64, f64)> {
    let median = percentile(numbers, 50.0)?;
    for number in &mut *numbers {
        *number = (*number - median).abs();
    }
    Some((median, percentile(numbers, 50.0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_of_the_nearest_rank() {
        let of = |numbers: &[f64], percent| percentile(&mut numbers.to_vec(), percent);
        // The example of Wikipedia's article on percentiles.
        let five = [50.0, 35.0, 15.0, 40.0, 20.0];
        let expected = [(5.0, 15.0), (30.0, 20.0), (40.0, 20.0), (50.0, 35.0), (100.0, 50.0), (0.0, 15.0)];
        for (percent, number) in expected {
            assert_eq!(of(&five, percent), Some(number), "{percent}");
        }
        let thousand: Vec<f64> = (1..=1000).map(f64::from).collect();
        // 99.9 % of 1000 is 999 exactly, and not a rounding error more.
        assert_eq!(of(&thousand, 99.9), Some(999.0));
        assert_eq!(of(&thousand[..999], 99.9), Some(999.0));
        assert_eq!(of(&[7.0], 99.9), Some(7.0));
        assert_eq!(of(&[], 50.0), None);
    }

    #[test]
    fn deviations_are_from_the_median() {
        assert_eq!(median_and_deviation(&mut [1010.0, 1000.0, 1013.0, 1012.0, 1011.0]), Some((1011.0, 1.0)));
        assert_eq!(median_and_deviation(&mut [3.0; 4]), Some((3.0, 0.0)));
        assert_eq!(median_and_deviation(&mut []), None);
    }
}
