//! `precipitation`: totals that contradict each other, and single hours of rain that nothing goes with.

use isd_dataset::Result;

use crate::qc::derived::kept;
use crate::qc::finding::Verdict;
use crate::qc::station::Station;
use crate::qc::statistics::quantile;
use crate::qc::test::{About, Needs, Parameter, RAIN_1H, RAIN_6H, Run, Test};

/// The test.
pub struct Precipitation;

static ABOUT: About = About {
    name: "precipitation",
    needs: Needs::Variables,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[RAIN_1H, RAIN_6H],
    parameters: &[
        Parameter::new(
            "tolerance",
            "mm",
            2.5,
            "amount by which a longer total may be smaller than a shorter one within it",
        ),
        Parameter::new("heavy", "mm", 50.0, "amount of one hour that is looked at"),
        Parameter::new("factor", "", 5.0, "times the 99.9th percentile of the station's other wet hours"),
        Parameter::new(
            "factor_alone",
            "",
            2.0,
            "the same where it does not rain in the three hours before and after",
        ),
        Parameter::new("dry", "", 0.1, "share of the amount that the hours before and after have at most"),
        Parameter::new("streak", "", 4.0, "equal consecutive hourly amounts at least"),
        Parameter::new("streak_least", "mm", 2.0, "least amount of such a streak"),
    ],
    definition: "A total of 6 h smaller than the greatest of its hours: both are suspect, unless it is the last of \
                 them and the next total holds what is missing: that rain fell after the total was read. One hour \
                 above 50 mm and above 5 times the 99.9th percentile of the station's other wet hours up to 50 mm, \
                 with hardly any rain in the values before and after, or above twice that without any in three hours \
                 before and three after: suspect, and erroneous where a total of 6 h that holds it is less than half \
                 of it. The same amount of 2 mm or more in four consecutive hours: suspect.",
    source: "HadISD 3 (precipitation totals); the single hour and the streak follow from what other tests do for other measurements",
};

/// Hours of the longer total.
const LONG_HOURS: f64 = 6.0;
/// Hours before and after an hour of rain that is alone: most of the six have a value, and all of these are dry.
const ALONE_HOURS: f64 = 3.0;

impl Test for Precipitation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let long = run.parameters::<7>(RAIN_6H)?;
        let Some(parameters) = run.parameters::<7>(RAIN_1H)? else {
            if long.is_some() {
                run.not_run(RAIN_6H, "the station has no hourly totals");
            }
            return Ok(());
        };
        if run.station.has(RAIN_6H) {
            contradictions(run, parameters[0], long.is_some());
        }
        heavy_hours(run, parameters);
        streaks(run, parameters);
        Ok(())
    }
}

/// Finds totals of 6 h below the greatest of their hours; the longer total only `with_long`.
fn contradictions(run: &mut Run<'_>, tolerance: f64, with_long: bool) {
    let station = run.station;
    for row in station.observed(RAIN_6H).iter().map(|&row| row as usize) {
        let Some(total) = station.value(RAIN_6H, row) else { continue };
        let hours = (0..=row).rev().take_while(|&hour| station.hours_between(hour, row) < LONG_HOURS);
        let hours = hours.filter_map(|hour| station.value(RAIN_1H, hour).map(|amount| (hour, amount)));
        let Some((hour, most)) = hours.max_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        let missing = most - total;
        if missing <= tolerance || hour == row && next_holds(station, row) >= missing - tolerance {
            continue;
        }
        if with_long {
            let limits = (most - tolerance, f64::NAN);
            run.find(RAIN_6H, row, Verdict::Suspect, total, limits, "less than one of its hours");
        }
        if !run
            .found
            .iter()
            .any(|finding| finding.row as usize == hour && usize::from(finding.measurement) == RAIN_1H)
        {
            let limits = (f64::NAN, total + tolerance);
            run.find(RAIN_1H, hour, Verdict::Suspect, most, limits, "more than the 6 h that hold it");
        }
    }
}

/// How much more than its own hours the total of 6 h after the one of a row holds, in mm; minus infinity where it is missing.
fn next_holds(station: &Station, row: usize) -> f64 {
    let mut hours = 0.0;
    for later in row + 1..station.rows() {
        if station.hours_between(row, later) > LONG_HOURS {
            break;
        }
        hours += station.value(RAIN_1H, later).unwrap_or(0.0);
        if let Some(total) = station.value(RAIN_6H, later) {
            return total - hours;
        }
    }
    f64::NEG_INFINITY
}

fn heavy_hours(run: &mut Run<'_>, parameters: [f64; 7]) {
    let [_, heavy, factor, factor_alone, dry, ..] = parameters;
    let station = run.station;
    let rows = station.observed(RAIN_1H);
    let amount = |at: usize| rows.get(at).and_then(|&row| station.value(RAIN_1H, row as usize));
    // Heavy hours are looked for below, so that they must not say themselves what is usual.
    let usual = *run.derived.wet_hours.entry(RAIN_1H).or_insert_with(|| {
        let wet = (0..rows.len()).filter_map(amount).filter(|&amount| amount > 0.0 && amount <= heavy);
        quantile(&mut wet.collect::<Vec<f64>>(), 0.999).map_or(0.0, kept)
    });
    let (limit, limit_alone) = (heavy.max(factor * usual), heavy.max(factor_alone * usual));
    for (at, &row) in rows.iter().enumerate() {
        let row = row as usize;
        let Some(value) = amount(at).filter(|&value| value > limit.min(limit_alone)) else { continue };
        let limit = if is_alone(station, row) { limit_alone } else { limit };
        if value <= limit {
            continue;
        }
        let is_dry = |at: Option<usize>| at.and_then(amount).is_none_or(|other| other <= dry * value);
        if !is_dry(at.checked_sub(1)) || !is_dry(Some(at + 1)) {
            continue;
        }
        let long = (row..station.rows()).take_while(|&later| station.hours_between(row, later) < LONG_HOURS);
        let contradicted =
            long.filter_map(|row| station.value(RAIN_6H, row)).any(|total| total < value / 2.0);
        let verdict = if contradicted { Verdict::Erroneous } else { Verdict::Suspect };
        run.find(RAIN_1H, row, verdict, value, (f64::NAN, limit), "one heavy hour among dry ones");
    }
}

/// Whether it does not rain in the hours around that of a row; not where they say little.
fn is_alone(station: &Station, row: usize) -> bool {
    let others = station.around(row, ALONE_HOURS).filter(|&other| other != row);
    let amounts: Vec<f64> = others.filter_map(|other| station.value(RAIN_1H, other)).collect();
    amounts.len() as f64 > ALONE_HOURS && amounts.iter().all(|&amount| amount == 0.0)
}

fn streaks(run: &mut Run<'_>, parameters: [f64; 7]) {
    let [.., streak, least] = parameters;
    let (station, values) = (run.station, run.values(RAIN_1H));
    let rows = station.observed(RAIN_1H);
    let same = |&a: &u32, &b: &u32| {
        values[a as usize] == values[b as usize] && station.hours_between(a as usize, b as usize) <= 1.5
    };
    for equal in rows.chunk_by(same) {
        let enough = equal.len() as f64 >= streak && values[equal[0] as usize] >= least;
        for &row in equal.iter().filter(|_| enough) {
            let limits = (f64::NAN, streak);
            run.find(
                RAIN_1H,
                row as usize,
                Verdict::Suspect,
                equal.len() as f64,
                limits,
                "equal consecutive amounts",
            );
        }
    }
}
