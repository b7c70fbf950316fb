//! Configurations: TOML in, settings out, and back.
//!
//! ```toml
//! [tests.spike]             # for all measurements
//! factor = 6
//! [tests.hampel]
//! enabled = true
//! [air_temperature.spike]   # for one
//! factor = 8
//! [air_temperature]
//! disable = ["hampel"]
//! ```

use std::fmt::Write as _;
use std::path::Path;

use isd_dataset::names::one_line;
use isd_dataset::{Error, MEASUREMENTS, Result};
use isd_kernel::{Decimal, RollingTest, Window};
use toml::{Table, Value};

use crate::qc::CATALOGUE;
use crate::qc::settings::{Settings, test_index};
use crate::qc::test::Parameter;

/// Table of what holds for all measurements.
const TESTS: &str = "tests";
/// Key that turns a test on or off.
const ENABLED: &str = "enabled";
/// Keys of a measurement that list tests.
const LISTS: [(&str, bool); 2] = [("disable", false), ("enable", true)];
/// Parameters that may be negative: values of a measurement.
const SIGNED: [&str; 4] = ["least", "most", "doubtful", "calm"];

/// Changes `settings` as the configuration in the file `path` says. What holds for one measurement goes over what holds for all.
///
/// # Errors
/// A file that cannot be read or is no TOML, an unknown key, which the error names with the nearest one that there is, and a value
/// that a parameter cannot have.
pub fn apply(path: &Path, settings: &mut Settings) -> Result<()> {
    let text = isd_dataset::storage::read_to_string(path)
        .map_err(|source| Error::io(path, "cannot read", source))?;
    let table: Table = toml::from_str(&text).map_err(|error| Error::Format {
        path: path.to_owned(),
        found: format!("is no TOML: {}", one_line(&error)),
        hint: Some("isd-qc --print-config prints a configuration to begin with".into()),
    })?;
    let file = File { path };
    let known: Vec<&str> = [TESTS].into_iter().chain(MEASUREMENTS.iter().map(|m| m.name)).collect();
    if let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(file.unknown(unknown, &known));
    }
    if let Some(tests) = table.get(TESTS) {
        let tests = file.table(TESTS, tests)?;
        for (name, values) in tests {
            let test = file.test(TESTS, name)?;
            let key = format!("{TESTS}.{name}");
            let judged = CATALOGUE.get(test).map_or(&[][..], |test| test.about().measurements);
            file.set(&key, file.table(&key, values)?, test, judged, settings)?;
        }
    }
    for (measurement, known) in MEASUREMENTS.iter().enumerate() {
        let Some(own) = table.get(known.name) else { continue };
        for (key, value) in file.table(known.name, own)? {
            let place = format!("{}.{key}", known.name);
            if let Some((_, on)) = LISTS.iter().find(|(list, _)| list == key) {
                let names = value.as_array().ok_or_else(|| file.wrong(&place, value, "a list of tests"))?;
                for name in names {
                    let name = name.as_str().ok_or_else(|| file.wrong(&place, name, "the name of a test"))?;
                    settings.turn(file.test(&place, name)?, measurement, *on);
                }
                continue;
            }
            let Some(test) = test_index(key) else {
                let known =
                    CATALOGUE.iter().map(|test| test.about().name).chain(LISTS.iter().map(|(list, _)| *list));
                return Err(file.unknown(&place, &known.collect::<Vec<_>>()));
            };
            file.set(&place, file.table(&place, value)?, test, &[measurement], settings)?;
        }
    }
    check(settings).map_err(|found| Error::Format { path: path.to_owned(), found, hint: None })
}

/// A configuration, for messages.
struct File<'a> {
    path: &'a Path,
}

impl File<'_> {
    fn table<'t>(&self, key: &str, value: &'t Value) -> Result<&'t Table> {
        value.as_table().ok_or_else(|| self.wrong(key, value, "a table"))
    }

    fn test(&self, place: &str, name: &str) -> Result<usize> {
        let names: Vec<&str> = CATALOGUE.iter().map(|test| test.about().name).collect();
        test_index(name).ok_or_else(|| self.unknown(&format!("{place}.{name}"), &names))
    }

    /// Sets the parameters of a test for some measurements.
    fn set(
        &self,
        key: &str,
        values: &Table,
        test: usize,
        measurements: &[usize],
        settings: &mut Settings,
    ) -> Result<()> {
        let parameters: &[Parameter] = CATALOGUE.get(test).map_or(&[], |test| test.about().parameters);
        for (name, value) in values {
            let place = format!("{key}.{name}");
            if name == ENABLED {
                let on = value.as_bool().ok_or_else(|| self.wrong(&place, value, "true or false"))?;
                for &measurement in measurements {
                    settings.turn(test, measurement, on);
                }
                continue;
            }
            let Some(parameter) = parameters.iter().position(|parameter| parameter.name == name) else {
                let known: Vec<&str> =
                    parameters.iter().map(|parameter| parameter.name).chain([ENABLED]).collect();
                return Err(self.unknown(&place, &known));
            };
            let number = value.as_float().or_else(|| value.as_integer().map(|number| number as f64));
            let signed = SIGNED.contains(&name.as_str());
            let number = number.filter(|number| !number.is_nan() && (signed || *number >= 0.0));
            let expected = if signed { "a number" } else { "a number that is not negative" };
            let number = number.ok_or_else(|| self.wrong(&place, value, expected))?;
            measurements
                .iter()
                .try_for_each(|&measurement| settings.set(test, measurement, parameter, number))?;
        }
        Ok(())
    }

    fn wrong(&self, key: &str, value: &Value, expected: &str) -> Error {
        let value = match value {
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            Value::String(text) => one_line(&format!("{text:?}")),
            other => format!("{} {}", if other.is_array() { "an" } else { "a" }, other.type_str()),
        };
        let found = format!("{key} = {value}: expected {expected}");
        Error::Format { path: self.path.to_owned(), found, hint: None }
    }

    /// An unknown key; the hint names the nearest of those that there are.
    fn unknown(&self, key: &str, known: &[&str]) -> Error {
        let name = key.rsplit('.').next().unwrap_or(key);
        Error::Format {
            path: self.path.to_owned(),
            found: format!("{key}: no such key"),
            hint: nearest(name, known).map(|nearest| format!("the nearest that there is: {nearest}")),
        }
    }
}

/// The name that is most like another; `None` where there is no name.
#[must_use]
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = |other: &&&str| strsim::jaro_winkler(name, other);
    known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))).copied()
}

/// Checks parameters that depend on each other. Errors: the message.
fn check(settings: &Settings) -> Result<(), String> {
    let rolling = test_index("rolling").unwrap_or(usize::MAX);
    for &measurement in CATALOGUE.get(rolling).map_or(&[][..], |test| test.about().measurements) {
        let Ok([window, threshold, min_std]) = settings.values::<3>(rolling, measurement) else { continue };
        let decimal = |number: f64| {
            format!("{number}").parse::<Decimal>().map_err(|error| format!("tests.rolling: {error}"))
        };
        let builder =
            RollingTest::builder().window(Window::Rows(window as usize)).threshold(decimal(threshold)?);
        builder.min_std(decimal(min_std)?).build().map_err(|error| format!("tests.rolling: {error}"))?;
    }
    Ok(())
}

/// The settings as a configuration, complete and with comments, which [`apply`] takes.
#[must_use]
pub fn print(settings: &Settings) -> String {
    let mut text =
        String::from("# What isd-qc runs, in this order. Numbers for one measurement follow at the end.\n");
    let mut own = String::new();
    // Writing to a String cannot fail.
    for (index, test) in CATALOGUE.iter().enumerate() {
        let about = test.about();
        let Some(&first) = about.measurements.first() else { continue };
        let _ = writeln!(
            text,
            "\n# {}\n[{TESTS}.{}]\n{ENABLED} = {}",
            about.definition,
            about.name,
            settings.runs(index)
        );
        for (parameter, known) in about.parameters.iter().enumerate() {
            let value = |measurement| settings.value(index, measurement, parameter).unwrap_or(f64::NAN);
            let units = if known.units.is_empty() { String::new() } else { format!(" [{}]", known.units) };
            let _ = writeln!(text, "{} = {:?} # {}{units}", known.name, value(first), known.meaning);
        }
        for &measurement in about.measurements {
            let name = MEASUREMENTS[measurement].name;
            let mut lines = String::new();
            if settings.is_on(index, measurement) != settings.runs(index) {
                let _ = writeln!(lines, "{ENABLED} = {}", settings.is_on(index, measurement));
            }
            for (parameter, known) in about.parameters.iter().enumerate() {
                let value = |measurement| settings.value(index, measurement, parameter);
                if let Some(value) = value(measurement).filter(|_| value(measurement) != value(first)) {
                    let _ = writeln!(lines, "{} = {value:?}", known.name);
                }
            }
            if !lines.is_empty() {
                let _ = write!(own, "\n[{name}.{}]\n{lines}", about.name);
            }
        }
    }
    text + &own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qc::profile::Profile;

    fn applied(text: &str) -> Result<Settings, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("qc.toml");
        std::fs::write(&path, text).expect("written");
        let mut settings = Settings::default();
        match apply(&path, &mut settings) {
            Ok(()) => Ok(settings),
            Err(error) => {
                let message = error.to_string().replace(&format!("{}: ", path.display()), "");
                Err(format!("{message} / {}", error.hint().unwrap_or_default()))
            }
        }
    }

    #[test]
    fn what_is_printed_can_be_given_back() {
        for profile in [Profile::Default, Profile::Qartod, Profile::Talk, Profile::Hadisd] {
            let settings = profile.settings().expect("a profile");
            assert_eq!(applied(&print(&settings)).as_ref(), Ok(&settings), "{profile:?}");
        }
    }

    #[test]
    fn what_holds_for_one_measurement_goes_over_what_holds_for_all() {
        let text = "[air_temperature.spike]\nfactor = 8\n[tests.spike]\nfactor = 7.5\n[air_temperature]\ndisable = ['plateau']\n\
                    [tests.hampel]\nenabled = true";
        // TOML does not let a table be defined twice.
        assert!(applied(text).is_ok());
        let settings = applied(text).expect("a configuration");
        let (spike, plateau, hampel) =
            (test_index("spike").unwrap(), test_index("plateau").unwrap(), test_index("hampel").unwrap());
        assert_eq!(settings.value(spike, 0, 0), Some(8.0));
        assert_eq!(settings.value(spike, 1, 0), Some(7.5));
        assert!(!settings.is_on(plateau, 0) && settings.is_on(plateau, 1));
        assert!(settings.is_on(hampel, 4) && !settings.is_on(hampel, 3));
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_named() {
        let error = |text| applied(text).expect_err("refused");
        assert_eq!(
            error("[tests.spike]\nfacter = 6"),
            "tests.spike.facter: no such key / the nearest that there is: factor"
        );
        assert_eq!(error("[tests.spiek]\n"), "tests.spiek: no such key / the nearest that there is: spike");
        assert_eq!(
            error("[air_temp]\n"),
            "air_temp: no such key / the nearest that there is: air_temperature"
        );
        assert_eq!(
            error("[air_temperature]\ndisabel = []"),
            "air_temperature.disabel: no such key / the nearest that there is: disable"
        );
        assert_eq!(
            error("[tests.spike]\nfactor = 'x'"),
            "tests.spike.factor = \"x\": expected a number that is not negative / "
        );
        assert_eq!(
            error("[tests.spike]\nfactor = -1"),
            "tests.spike.factor = -1: expected a number that is not negative / "
        );
        assert_eq!(error("[tests]\nspike = 1"), "tests.spike = 1: expected a table / ");
        assert!(error("[tests").starts_with("is no TOML: "));
        assert!(error("[tests.rolling]\nwindow = 0").starts_with("tests.rolling: "));
    }
}
