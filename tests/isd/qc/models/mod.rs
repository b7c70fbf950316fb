//! Plain, slow models of the tests, written from their definitions, beside what the tests find of series drawn by chance.

mod logic; // humidity, pressure, world records
mod neighbour; // stations beside those around them
mod plateau; // plateaus
mod rain; // precipitation
mod record; // climatology, variance, frequent values
mod repeats; // duplicate months, the same hour, repeated days

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Debug;

use isd::qc::{Station, Verdict};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{on, run};

/// What is found of a station: measurement, row and verdict.
type Found = BTreeSet<(usize, usize, Verdict)>;

/// What a test finds of a station.
fn found(test: &str, station: &Station) -> Found {
    let (found, _) = run(test, station, &on(test));
    found.iter().map(|f| (usize::from(f.measurement), f.row as usize, f.verdict)).collect()
}

/// Draws cases; in each, what a test finds and what its model finds, the pair that `both` returns, must be equal. Of the cases,
/// some must have something to find, and some nothing, so that both sides of the limits are reached.
fn agree<S: Strategy<Value: Debug>>(cases: u32, strategy: S, both: impl Fn(S::Value) -> (Found, Found)) {
    let with = compare(cases, strategy, both);
    assert!(cases / 10 < with && with < cases, "something is found in {with} of {cases} cases");
}

/// The same without these bounds: returns in how many of the cases something is found.
fn compare<S: Strategy<Value: Debug>>(
    cases: u32,
    strategy: S,
    both: impl Fn(S::Value) -> (Found, Found),
) -> u32 {
    let with = Cell::new(0);
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let compared = TestRunner::new(config).run(&strategy, |case| {
        let (found, expected) = both(case);
        let unlike: Vec<_> = found.symmetric_difference(&expected).take(5).collect();
        prop_assert!(unlike.is_empty(), "{} found, {} expected; {unlike:?}", found.len(), expected.len());
        with.set(with.get() + u32::from(!found.is_empty()));
        Ok(())
    });
    compared.unwrap();
    with.get()
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The median of at least one value.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let values = sorted(values);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// `HadISD`'s interquartile range of at least two values.
fn interquartile_range(values: impl IntoIterator<Item = f64>) -> f64 {
    let values = sorted(values);
    let quarter = (values.len() as f64 / 4.0 + 0.5).floor() as usize;
    values[values.len() - quarter] - values[quarter]
}

/// The step that values are reported in, `HadISD`'s: 1 or 0.5 where three tenths are whole, by whether 15 % are halves; else 0.1.
fn resolution(values: &[f64]) -> f64 {
    let share = |tenth: f64| {
        let such = values.iter().filter(|value| (value.abs() * 10.0).round() % 10.0 == tenth).count();
        such as f64 / values.len() as f64
    };
    match (share(0.0) >= 0.3, share(5.0) >= 0.15) {
        (true, false) => 1.0,
        (true, true) => 0.5,
        (false, _) => 0.1,
    }
}

/// To the millionth, as limits that are derived from a record are kept.
fn kept(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
