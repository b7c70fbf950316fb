//! Decimals, windows and tests: what is taken, what is refused, and what is taken unless anything else is given.

use isd_kernel::{
    DEFAULT_TIME_WINDOW_MIN_PERIODS, Decimal, FillLimit, OptionsError, Rolling, RollingBuilder, RollingTest,
    Window,
};

#[test]
fn decimals_are_taken_as_written() {
    let d: Decimal = "6.10".parse().unwrap();
    assert_eq!((d.mantissa(), d.decimals()), (61, 1));
    assert_eq!(d.to_f64(), 6.1);
    assert_eq!("0".parse::<Decimal>().unwrap(), Decimal::ZERO);
    assert_eq!("0.05".parse::<Decimal>().unwrap().to_f64(), 0.05);
    assert_eq!(Decimal::try_from(0.1).unwrap(), "0.1".parse().unwrap());
    assert_eq!("6".parse::<Decimal>().unwrap().to_string(), "6");
    for bad in ["", ".", "-1", "1e3", "six", "1.2.3", "nan", "inf", "1234567890123456"] {
        assert!(bad.parse::<Decimal>().is_err(), "{bad}");
    }
}

fn rows(window: usize) -> RollingBuilder {
    Rolling::builder().window(Window::Rows(window))
}

fn micros(window: i64) -> RollingBuilder {
    Rolling::builder().window(Window::Micros(window))
}

#[test]
fn options_are_checked_against_each_other() {
    assert_eq!(rows(0).build(), Err(OptionsError::Window(0)));
    assert!(rows(100_001).build().is_err());
    assert_eq!(micros(0).build(), Err(OptionsError::TimeWindow(0)));
    assert!(rows(10).min_periods(11).build().is_err());
    assert!(rows(10).min_periods(0).build().is_err());
    assert!(rows(10).min_periods(1).build().is_ok());
    assert!(rows(10).min_periods(1).ddof(1).build().is_err());
    assert!(micros(1).min_periods(usize::MAX).build().is_ok());
    assert!(micros(1).min_periods(0).build().is_err());
    assert!(micros(1).ddof(10).build().is_err());
    let test = || RollingTest::builder().window(Window::Rows(10));
    assert!(test().min_periods(11).build().is_err());
    assert!(test().fill_limit(FillLimit::Rows(0)).build().is_err());
    assert!(test().fill_limit(FillLimit::Micros(-1)).build().is_err());
}

#[test]
fn the_defaults_are_those_of_the_builders() {
    assert_eq!(Rolling::builder().build(), Ok(Rolling::default()));
    assert_eq!(RollingTest::builder().build(), Ok(RollingTest::default()));
    assert_eq!(rows(7).min_periods(None).build().unwrap().min_periods(), 7);
    assert_eq!(micros(1).build().unwrap().min_periods(), DEFAULT_TIME_WINDOW_MIN_PERIODS);
}

fn including(window: usize, threshold: &str, ddof: usize) -> Result<RollingTest, OptionsError> {
    let threshold = threshold.parse().unwrap();
    let test = RollingTest::builder().window(Window::Rows(window)).threshold(threshold);
    test.include_current(true).ddof(ddof).build()
}

#[test]
fn a_threshold_that_no_data_could_exceed_names_the_bound_and_the_smallest_window() {
    let Err(OptionsError::Unreachable { bound, smallest, .. }) = including(30, "6", 0) else {
        panic!("30 points cannot exceed 6 sigma")
    };
    assert!((bound - 29_f64.sqrt()).abs() < 1e-12);
    assert_eq!(smallest, Some(38));
    assert!(including(37, "6", 0).is_err(), "37 points reach 6 sigma but do not exceed it");
    assert!(including(38, "6", 0).is_ok());
    assert!(including(30, "5.385", 0).is_ok());
    assert!(including(30, "5.386", 0).is_err());
    assert!(including(100_000, "400", 0).is_err());
    assert!(including(38, "6.01", 0).is_ok());
    assert!(including(38, "6.01", 1).is_err(), "the sample deviation is larger, so the bound is lower");
}

#[test]
fn how_far_a_value_can_lie_in_a_time_window_is_up_to_the_data() {
    let hour = Window::Micros(3_600_000_000);
    assert!(RollingTest::builder().window(hour).include_current(true).build().is_ok());
}
