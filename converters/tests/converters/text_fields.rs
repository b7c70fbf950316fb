//! Fields, headers, numbers and times of text formats.

use isd_converters::formats::text::{
    civil_micros, decimal, digits, field_at, field_starts, fields, integer, iso_micros, unix_micros,
};

#[test]
fn quotes_and_empty_fields() {
    for (line, expected) in [
        ("", vec![""]),
        (",", vec!["", ""]),
        ("a,b", vec!["a", "b"]),
        ("a,,", vec!["a", "", ""]),
        ("\"a\",\"b,c\",\"\"", vec!["a", "b,c", ""]),
        ("\"a\"\"b\",c", vec!["a\"\"b", "c"]),
        ("\"a,b", vec!["\"a", "b"]),
        ("\"a\"b,c", vec!["\"a\"b", "c"]),
        ("a\"b\",c", vec!["a\"b\"", "c"]),
    ] {
        let expected: Vec<&[u8]> = expected.into_iter().map(str::as_bytes).collect();
        assert_eq!(fields(line.as_bytes(), b',').collect::<Vec<_>>(), expected, "{line}");
    }
}

#[test]
fn integers_of_fixed_width() {
    for (field, expected) in [
        ("   -35", Some(-35)),
        ("-9999", Some(-9999)),
        ("+0073", Some(73)),
        (" 10296", Some(10_296)),
        ("     0", Some(0)),
        ("      ", None),
        ("    - ", None),
        ("     -", None),
        ("12 345", None),
        ("  --35", None),
        ("1.5", None),
        ("", None),
        ("1234567890123456789", None),
    ] {
        assert_eq!(integer(field.as_bytes()), expected, "{field:?}");
    }
}

#[test]
fn decimals_are_the_nearest_doubles() {
    for text in ["0", "-0", "5.1", "-0.5", ".5", "5.", "+12.8", "1e3", "1.5E-2", "0.1234567890123456789"] {
        assert_eq!(decimal(text.as_bytes(), 0), Some(text.parse().unwrap()), "{text}");
    }
    for tenths in -20_000..=20_000 {
        let nearest: f64 = format!("{tenths}e-1").parse().unwrap();
        assert_eq!(decimal(format!("{tenths}").as_bytes(), 1), Some(nearest), "{tenths}");
        assert_eq!(decimal(format!("{tenths}.0").as_bytes(), 1), Some(nearest), "{tenths}.0");
    }
    assert_eq!(decimal(b"123456789012345678901", 1), Some(12_345_678_901_234_567_890.1));
    assert_eq!(decimal(b"5.1e1", 1), Some(5.1));
}

#[test]
fn what_is_no_number() {
    for text in ["", "-", ".", "1.2.3", "1 2", "nan", "inf", "0x10", "1e999", "1,5", "--1", "e5"] {
        assert_eq!(decimal(text.as_bytes(), 0), None, "{text:?}");
    }
}

/// What [`field_starts`] gives, by splitting the whole line.
fn naive(line: &[u8], wanted: &[usize]) -> (Vec<usize>, usize) {
    let mut starts = vec![usize::MAX; wanted.len()];
    let mut start = 0;
    let mut fields = 0;
    for (index, field) in line.split(|&byte| byte == b'|').enumerate() {
        if let Some(position) = wanted.iter().position(|&wanted| wanted == index) {
            starts[position] = start;
        }
        start += field.len() + 1;
        fields += 1;
    }
    (starts, fields)
}

#[test]
fn starts_are_those_of_splitting() {
    let mut state = 17_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..3000 {
        let length = random(60);
        // Bytes that differ from the separator by a bit or a borrow, too.
        let line: Vec<u8> =
            (0..length).map(|_| [b'|', b'|', b'}', b'{', 0xfc, 0, 0x7b, b'1'][random(8) as usize]).collect();
        let wanted: Vec<usize> = (0..40).filter(|_| random(3) == 0).collect();
        let mut starts = vec![usize::MAX; wanted.len()];
        let fields = field_starts(&line, b'|', &wanted, &mut starts);
        assert_eq!((starts, fields), naive(&line, &wanted), "{line:?} {wanted:?}");
    }
}

#[test]
fn fields_end_at_the_next_separator_or_the_line() {
    let line = b"ab||c";
    let fields = [0, 3, 4, 5, 9].map(|start| field_at(line, b'|', start));
    assert_eq!(fields, [b"ab".as_slice(), b"", b"c", b"", b""]);
}

#[test]
fn times_of_iso_8601_and_sql() {
    let newyear = civil_micros(2017, 1, 1, 0, 0, 0).unwrap();
    let hour = 3_600_000_000;
    for (text, expected) in [
        ("2017-01-01", 0),
        ("2017-01-01 01:00", hour),
        ("2017-01-01T01:00:00", hour),
        ("2017-01-01 01:00:00Z", hour),
        ("2017-01-01t01:00:00.25z", hour + 250_000),
        ("2017-01-01 01:00:00.123456789 UTC", hour + 123_456),
        ("2017-01-01 01:00:00+00", hour),
        ("2017-01-01T01:00:00+01:00", 0),
        ("2017-01-01T01:00-0330", 4 * hour + hour / 2),
    ] {
        assert_eq!(iso_micros(text.as_bytes()), Some(newyear + expected), "{text}");
    }
    for text in [
        "",
        "2017",
        "2017-1-1 00:00:00",
        "2017-01-32",
        "2017-01-01T",
        "2017-01-01T24:00:00",
        "2017-01-01 01",
        "2017-01-01 01:00:00.",
        "2017-01-01 01:00:00+24",
        "2017-01-01 01:00:00 CET",
        "2017-01-01 01:00:00 1",
        "01/02/2017 00:00",
    ] {
        assert_eq!(iso_micros(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn unix_seconds() {
    for (text, expected) in [
        ("0", Some(0)),
        ("1483228800", Some(1_483_228_800_000_000)),
        ("1483228800.0", Some(1_483_228_800_000_000)),
        ("-0.25", Some(-250_000)),
        ("1.1234567", Some(1_123_456)),
        ("", None),
        ("-", None),
        (".5", None),
        ("1e9", None),
        ("1.2.3", None),
        ("99999999999999999", None),
    ] {
        assert_eq!(unix_micros(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn what_is_no_time() {
    for (y, m, d, hour, minute) in [
        (2017, 2, 29, 0, 0),
        (1900, 2, 29, 0, 0),
        (2017, 13, 1, 0, 0),
        (2017, 0, 1, 0, 0),
        (2017, 1, 0, 0, 0),
        (2017, 1, 1, 24, 0),
        (2017, 1, 1, 0, 60),
    ] {
        assert_eq!(civil_micros(y, m, d, hour, minute, 0), None, "{y}-{m}-{d} {hour}:{minute}");
    }
    assert!(civil_micros(2000, 2, 29, 0, 0, 0).is_some());
    assert_eq!((digits(b"0042"), digits(b"4x"), digits(b"-4"), digits(b"")), (Some(42), None, None, None));
}

#[test]
fn every_day_of_two_centuries_is_a_day_after_the_one_before() {
    let mut last = civil_micros(1899, 12, 31, 23, 59, 58).unwrap();
    assert_eq!(last, -2_208_988_802_000_000);
    for (year, month) in (1900..=2100).flat_map(|year| (1..=12).map(move |month| (year, month))) {
        for time in (1..=31).filter_map(|day| civil_micros(year, month, day, 23, 59, 58)) {
            assert_eq!(time - last, 86_400_000_000, "{year}-{month}");
            last = time;
        }
    }
    assert_eq!(last, 4_133_980_798_000_000);
}
