use arrow::array::Array as _;
use isd_dataset::ColumnInfo;
use isd_dataset::column::{nullable, widen};

#[test]
fn missing_values_are_null_and_no_value_is_nan() {
    let array = nullable(vec![1.0, f64::NAN, 3.0]);
    assert_eq!(array.iter().collect::<Vec<_>>(), [Some(1.0), None, Some(3.0)]);
    assert!(array.values().iter().all(|v| !v.is_nan()));
    assert!(nullable(vec![1.0]).logical_nulls().is_none());
}

#[test]
fn single_precision_values_are_their_decimals() {
    for thousandths in (-99_999..99_999).step_by(7) {
        let decimal: f64 = format!("{thousandths}e-3").parse().unwrap();
        assert_eq!(widen(decimal as f32), decimal, "{thousandths}");
    }
    assert_eq!(widen(5.1), 5.1);
    assert_eq!(widen(1.0 / 3.0), f64::from(1.0_f32 / 3.0));
    assert!(widen(f32::NAN).is_nan());
    assert_eq!(widen(f32::INFINITY), f64::INFINITY);
}

#[test]
fn a_measurement_is_judged_in_its_usual_unit_alone() {
    let of = |name: &str, units: Option<&str>| ColumnInfo {
        name: name.to_owned(),
        units: units.map(str::to_owned),
        ..ColumnInfo::default()
    };
    for (name, units, usual) in [
        ("wind_speed_rate", Some("m s-1"), true),
        ("wind_speed_rate", None, true),
        ("wind_speed_rate", Some("ft s-1"), false),
        ("gust", Some("ft s-1"), true),
    ] {
        assert_eq!(of(name, units).is_in_usual_units(), usual, "{name} {units:?}");
    }
}
