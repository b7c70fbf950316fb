use isd_dataset::names::{list, nearest};

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

#[test]
fn messages_are_one_line_whatever_a_file_and_its_name_hold() {
    let error = isd_dataset::Error::Format {
        path: "a\nb.tar".into(),
        found: "where x\u{7}\r begins: no number: ä".into(),
        hint: None,
    };
    assert_eq!(error.to_string(), r"a\nb.tar: where x\u{7}\r begins: no number: ä");
}
