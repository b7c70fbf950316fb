//! Names in messages: from the known names to a short list of them, or to the one that a mistyped name may stand for.

use strsim::levenshtein;

/// Names that a message lists before it says how many more there are.
const LISTED: usize = 20;

/// Lists names in one line, separated by commas; of more than 20 the first 20 and the number of the others.
#[must_use]
pub fn list(names: &[String]) -> String {
    match names.get(..LISTED) {
        Some(first) if names.len() > LISTED => {
            format!("{} and {} more", first.join(", "), names.len() - LISTED)
        }
        _ => names.join(", "),
    }
}

/// Finds the known name that differs least from `name`; the first of several. `None` where each differs in more than a
/// third of `name`'s characters, rounded up.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3);
    least_different(name, known).filter(|(distance, _)| *distance <= limit).map(|(_, nearest)| nearest)
}

/// Finds the known name that differs least from `name`, however much that is, with the difference; the first of several.
/// `None` where no name is known.
///
/// The difference is the number of characters to insert, remove or replace (the Levenshtein distance), whatever their case.
pub fn least_different<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let name = name.to_lowercase();
    let distances = known.into_iter().map(|other| (levenshtein(&name, &other.to_lowercase()), other));
    distances.min_by_key(|(distance, _)| *distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..22).map(|name| name.to_string()).collect();
        assert_eq!(list(&names[..2]), "0, 1");
        assert!(list(&names[..20]).ends_with("18, 19"));
        assert!(list(&names).ends_with("18, 19 and 2 more"));
    }

    #[test]
    fn the_nearest_name_differs_in_a_third_at_most() {
        let nearest = |name| nearest(name, ["wind_direction", "air_temperature", "air_temperaturf", "Gust"]);
        assert_eq!(nearest("air_temprature"), Some("air_temperature"));
        assert_eq!(nearest("WIND_DIRECTION"), Some("wind_direction"));
        // Two of four letters, of which a third is two when rounded up.
        assert_eq!(nearest("gäst"), Some("Gust"));
        assert_eq!(nearest("just!"), Some("Gust"));
        assert_eq!(nearest("fish"), None);
        assert_eq!(nearest("x"), None);
        assert_eq!(nearest(""), None);
    }

    /// The distance as it is defined, letter by letter.
    fn naive(a: &[char], b: &[char]) -> usize {
        match (a, b) {
            ([], other) | (other, []) => other.len(),
            ([x, a_rest @ ..], [y, b_rest @ ..]) => {
                let replaced = naive(a_rest, b_rest) + usize::from(x != y);
                replaced.min(naive(a_rest, b) + 1).min(naive(a, b_rest) + 1)
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn suggestions_are_those_of_the_naive_distance(name in "[aAbBäÄİß]{0,5}", known in "[aAbBäÄİß]{0,5}") {
            let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
            let is_near = naive(&letters(&name), &letters(&known)) <= name.chars().count().div_ceil(3);
            proptest::prop_assert_eq!(nearest(&name, [&*known]), is_near.then_some(&*known));
        }
    }
}
