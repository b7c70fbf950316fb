//! A model of the test of precipitation.

use isd::qc::Verdict;
use proptest::prelude::*;

use super::super::{NONE, RAIN_1H, RAIN_6H, at_hours, drawn};
use super::{Found, agree, found, sorted};

/// An hour, and the totals of one and of six hours read at it. They are halves of a millimetre, which binary numbers hold.
type Row = (i64, Option<f64>, Option<f64>);

/// Totals of six hours below one of their hours: the positions of both.
fn contradictions(rows: &[Row]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (at, &(hour, _, total)) in rows.iter().enumerate() {
        let Some(total) = total else { continue };
        let within = (0..=at).filter(|&other| rows[other].0 > hour - 6 && rows[other].1.is_some());
        let within: Vec<usize> = within.collect();
        let amount = |other: usize| rows[other].1.unwrap();
        let most = within.iter().map(|&other| amount(other)).fold(f64::NEG_INFINITY, f64::max);
        // The first of equal ones.
        let Some(greatest) = within.into_iter().find(|&other| amount(other) == most) else { continue };
        let missing = most - total;
        let after = (at + 1..rows.len()).find(|&later| rows[later].2.is_some() && rows[later].0 <= hour + 6);
        let made_up = after.is_some_and(|next| {
            let between: f64 = rows[at + 1..=next].iter().filter_map(|row| row.1).sum();
            rows[next].2.unwrap() - between >= missing - 2.5
        });
        if missing > 2.5 && !(greatest == at && made_up) {
            pairs.push((at, greatest));
        }
    }
    pairs
}

/// Single hours of heavy rain, and whether a total of six hours contradicts them.
fn heavy_hours(rows: &[Row]) -> Vec<(usize, bool)> {
    let wet = sorted(rows.iter().filter_map(|row| row.1).filter(|&amount| amount > 0.0 && amount <= 50.0));
    let usual = match wet.len() {
        0 => 0.0,
        count => wet[(count as f64 * 0.999).ceil() as usize - 1],
    };
    let known: Vec<usize> = (0..rows.len()).filter(|&at| rows[at].1.is_some()).collect();
    let mut found = Vec::new();
    for (place, &at) in known.iter().enumerate() {
        let (hour, amount) = (rows[at].0, rows[at].1.unwrap());
        let around = known.iter().filter(|&&other| other != at && (rows[other].0 - hour).abs() <= 3);
        let around: Vec<f64> = around.map(|&other| rows[other].1.unwrap()).collect();
        let is_alone = around.len() > 3 && around.iter().all(|&other| other == 0.0);
        let factor = if is_alone { 2.0 } else { 5.0 };
        let is_dry =
            |other: Option<&usize>| other.is_none_or(|&other| rows[other].1.unwrap() <= 0.1 * amount);
        let before = place.checked_sub(1).map(|before| &known[before]);
        if amount > 50.0 && amount > factor * usual && is_dry(before) && is_dry(known.get(place + 1)) {
            let longer = rows[at..].iter().take_while(|row| row.0 < hour + 6).filter_map(|row| row.2);
            found.push((at, longer.into_iter().any(|total| total < amount / 2.0)));
        }
    }
    found
}

/// Hours of four and more with one amount of 2 mm and more.
fn streaks(rows: &[Row]) -> Vec<usize> {
    let known: Vec<usize> = (0..rows.len()).filter(|&at| rows[at].1.is_some()).collect();
    let goes_on = |a: usize, b: usize| rows[a].1 == rows[b].1 && rows[b].0 - rows[a].0 == 1;
    let mut found = Vec::new();
    for run in known.chunk_by(|&a, &b| goes_on(a, b)) {
        if run.len() >= 4 && rows[run[0]].1 >= Some(2.0) {
            found.extend(run);
        }
    }
    found
}

#[test]
fn precipitation_is_that_of_the_model() {
    let cases = (60_usize..400, 0.0..0.6_f64, 0.0..0.02_f64, 0.0..0.02_f64, any::<u64>());
    agree(384, cases, |(count, wet, heavy, wrong, seed)| {
        let mut draw = drawn(seed);
        let halves = |most: f64, draw: f64| (draw * most * 2.0).floor() / 2.0;
        let (mut rows, mut hour): (Vec<Row>, i64) = (Vec::new(), 0);
        while rows.len() < count {
            hour += if draw() < 0.05 { 2 + (draw() * 8.0) as i64 } else { 1 };
            let last = rows.last().and_then(|row| row.1);
            let amount = match draw() {
                chance if chance < heavy => 50.0 + halves(70.0, draw()),
                _ if draw() >= wet => 0.0,
                // Rain that goes on as it was, now and then.
                chance if chance > 0.7 => last.unwrap_or(0.0).min(20.0),
                _ => halves(12.0, draw()),
            };
            let amount = (draw() < 0.95).then_some(amount);
            rows.push((hour, amount, None));
            if draw() < 0.3 {
                let within: f64 = rows.iter().filter(|row| row.0 > hour - 6).filter_map(|row| row.1).sum();
                // Read too early, or wrong.
                let late = if draw() < 0.1 { amount.unwrap_or(0.0) } else { 0.0 };
                let total = if draw() < wrong { halves(within, draw()) } else { within - late };
                rows.last_mut().unwrap().2 = Some(total);
            }
        }
        let mut expected = Found::new();
        let mut erroneous = Vec::new();
        for (at, contradicted) in heavy_hours(&rows) {
            if contradicted {
                erroneous.push(at);
            }
            expected.insert((RAIN_1H, at, Verdict::Suspect));
        }
        for (long, hour) in contradictions(&rows) {
            expected.insert((RAIN_6H, long, Verdict::Suspect));
            expected.insert((RAIN_1H, hour, Verdict::Suspect));
        }
        expected.extend(streaks(&rows).into_iter().map(|at| (RAIN_1H, at, Verdict::Suspect)));
        // Of several findings of a value the gravest counts.
        for at in erroneous {
            expected.remove(&(RAIN_1H, at, Verdict::Suspect));
            expected.insert((RAIN_1H, at, Verdict::Erroneous));
        }
        let hours: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let column = |of: fn(&Row) -> Option<f64>| rows.iter().map(|row| of(row).unwrap_or(NONE)).collect();
        let columns = [(RAIN_1H, column(|row| row.1)), (RAIN_6H, column(|row| row.2))];
        (found("precipitation", &at_hours(&hours, &columns)), expected)
    });
}
