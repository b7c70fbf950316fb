//! `humidity`: a dew point that does not go with the temperature.

use isd_dataset::Result;

use crate::qc::finding::Verdict;
use crate::qc::station::Station;
use crate::qc::statistics::median;
use crate::qc::test::{About, DEW_POINT, Needs, Parameter, RAIN_1H, Run, SKY, TEMPERATURE, Test};

/// The test.
pub struct Humidity;

static ABOUT: About = About {
    name: "humidity",
    needs: Needs::Variables,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[TEMPERATURE, DEW_POINT],
    parameters: &[
        Parameter::new("tolerance", "degC", 0.5, "dew point above temperature by more than this"),
        Parameter::new("hours", "h", 24.0, "length of a run of saturated air at least"),
        Parameter::new("clear", "", 2.0, "sky condition up to which the sky is clear, in oktas"),
        Parameter::new("clear_share", "", 0.5, "share of such a run under a clear sky"),
    ],
    definition: "A dew point above the temperature: the temperature is suspect where it lies more than 3 degC from the median of its \
                 other values within 6 h, and more than twice as far as the dew point from that of its own; else the dew point. And \
                 runs of air saturated within 0.25 degC for 24 h, at least four values without a gap of more than 12 h, half of them \
                 under a clear sky and without rain: the dew point is suspect. Fog alone is no evidence.",
    source: "HadISD 3 (supersaturation, dew point depression), but that the month is not flagged with its values and that the dry \
             evidence is asked for",
};

/// Hours around a value that its level is taken from.
const LEVEL_HOURS: f64 = 6.0;
/// Depression of saturated air, in degC.
const SATURATED: f64 = 0.25;
/// Hours without a value that end a run of saturated air.
const GAP_HOURS: f64 = 12.0;

impl Test for Humidity {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let station = run.station;
        let air = run.parameters::<4>(TEMPERATURE)?;
        let Some([tolerance, hours, clear, clear_share]) = run.parameters(DEW_POINT)?.or(air) else {
            return Ok(());
        };
        if !station.has(TEMPERATURE) || !station.has(DEW_POINT) {
            let measurement = if station.has(TEMPERATURE) { TEMPERATURE } else { DEW_POINT };
            run.not_run(measurement, "the station has not both temperature and dew point");
            return Ok(());
        }
        let both: Vec<(usize, f64, f64)> = (0..station.rows())
            .filter_map(|row| Some((row, station.value(TEMPERATURE, row)?, station.value(DEW_POINT, row)?)))
            .collect();
        for &(row, air, dew) in both.iter().filter(|(_, air, dew)| dew - air > tolerance) {
            let measurement = if is_air_wrong(station, row) { TEMPERATURE } else { DEW_POINT };
            if run.settings.is_on(run.test, measurement) {
                let limits = (f64::NAN, tolerance);
                run.find(
                    measurement,
                    row,
                    Verdict::Suspect,
                    dew - air,
                    limits,
                    "dew point above temperature",
                );
            }
        }
        if !run.settings.is_on(run.test, DEW_POINT) {
            return Ok(());
        }
        let saturated = |(_, air, dew): &(usize, f64, f64)| (air - dew).abs() <= SATURATED;
        let goes_on = |a: &(usize, f64, f64), b: &(usize, f64, f64)| {
            saturated(a) && saturated(b) && station.hours_between(a.0, b.0) <= GAP_HOURS
        };
        for saturated in both.chunk_by(goes_on).filter(|values| values.len() >= 4) {
            let (first, last) = (saturated[0].0, saturated[saturated.len() - 1].0);
            let length = station.hours_between(first, last);
            let dry = |&&(row, ..): &&(usize, f64, f64)| {
                station.value(SKY, row).is_some_and(|sky| sky <= clear)
                    && station.value(RAIN_1H, row).is_none_or(|rain| rain == 0.0)
            };
            let dry = saturated.iter().filter(dry).count();
            if length >= hours && dry as f64 >= clear_share * saturated.len() as f64 {
                for &(row, ..) in saturated {
                    run.find(
                        DEW_POINT,
                        row,
                        Verdict::Suspect,
                        length,
                        (f64::NAN, hours),
                        "saturated under a clear sky",
                    );
                }
            }
        }
        Ok(())
    }
}

/// Whether of a dew point above the temperature it is the temperature that has left its level.
fn is_air_wrong(station: &Station, row: usize) -> bool {
    let departure = |measurement: usize| {
        let value = station.value(measurement, row)?;
        let around = station.around(row, LEVEL_HOURS).filter(|&other| other != row);
        let mut values: Vec<f64> = around.filter_map(|row| station.value(measurement, row)).collect();
        Some((value - median(&mut values)?).abs())
    };
    departure(TEMPERATURE).zip(departure(DEW_POINT)).is_some_and(|(air, dew)| air > 2.0 * dew && air > 3.0)
}
