//! Station CSV: a header and an observation a line in, observations out.
//!
//! Two forms are known by their headers. The talk's has `station_usaf` and `station_wban`, and its measurements are
//! ISD's tenths. The other has `station_id`, and its measurements are in their units, as an exported dataset has them.
//! Columns may come in any order, quoted or not. Other columns keep their names, as long as they hold numbers.

use super::isd_groups::pad;
use super::text::{LineFormat, Rows, TextSource, decimal, fields, shown};
use crate::input::without_mark;
use crate::instants::{TIME_HINT, TextTimes};
use crate::keys;
use crate::{
    ColumnInfo, Error, Format, Head, Input, MEASUREMENTS, Measurement, ReadOptions, Result, Scale, Source,
};

const SEPARATOR: u8 = b',';
/// Columns of a dataset's key and of its partitions, which are no values.
const KEYS: [&str; 5] = ["station_usaf", "station_wban", "station_id", "timestamp", "block"];
/// Lines after the header that say whether a column holds numbers.
const SAMPLE_LINES: usize = 1000;
/// What ISD stores for a missing value.
const MISSING: f64 = -9999.0;
/// What ISD stores for an amount of precipitation too small to measure.
const TRACE: f64 = -1.0;

/// CSV with `timestamp` and `station_usaf` or `station_id`.
#[derive(Debug)]
pub struct StationCsv;

impl Format for StationCsv {
    fn name(&self) -> &'static str {
        "station-csv"
    }

    /// The name that it had first, after the talk whose file it was written for.
    fn aliases(&self) -> &'static [&'static str] {
        &["talk-csv"]
    }

    fn recognises(&self, head: &Head) -> bool {
        let names = names(header(head));
        let has = |name: &str| names.iter().any(|other| other == name);
        has("timestamp") && (has("station_usaf") || has("station_id"))
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let head = input.head()?;
        let lines = Header { input, options, names: names(header(&head)) }.lines(&head)?;
        Ok(Box::new(TextSource::new(input, lines, options)?))
    }
}

/// The first line that is not empty; empty where there is none.
fn header(head: &Head) -> &[u8] {
    head.lines().find(|line| !line.is_empty()).unwrap_or(b"")
}

/// Column names of a header: those that are known here in their usual spelling, others as they are.
fn names(header: &[u8]) -> Vec<String> {
    let name = |field: &[u8]| {
        let name = String::from_utf8_lossy(field.trim_ascii()).into_owned();
        let lower = name.to_ascii_lowercase();
        let known = KEYS.contains(&lower.as_str()) || Measurement::named(&lower).is_some();
        if known { lower } else { name }
    };
    fields(header, SEPARATOR).map(name).collect()
}

/// What a field of a line is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Usaf,
    Wban,
    Id,
    Time,
    /// The value of that column.
    Value(usize),
    Skipped,
}

/// How a column's numbers become values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stored {
    /// They are values.
    AsWritten,
    /// Tenths. Unless that is `certain`, since the user says so, a number with a fraction shows that they are none.
    Tenths { trace: bool, certain: bool },
}

struct Header<'a> {
    input: &'a Input,
    options: &'a ReadOptions,
    names: Vec<String>,
}

/// Value columns, each with its place, and the names of columns that hold no numbers.
type ValueColumns = (Vec<(String, usize)>, Vec<String>);

impl Header<'_> {
    /// The columns that hold values: canonical ones first, then others of numbers.
    fn value_columns(&self, sample: &Sample, layout: &[Field]) -> Result<ValueColumns> {
        let mut found = Vec::new();
        for measurement in &MEASUREMENTS {
            if let Some(index) = self.find(measurement.name)? {
                found.push((measurement.name.to_owned(), index));
            }
        }
        for (name, _) in &self.options.column_paths {
            if Measurement::named(name).is_none() && !KEYS.contains(&name.as_str()) {
                found.push((name.clone(), self.required(name)?));
            }
        }
        let mut texts = Vec::new();
        for (index, name) in self.names.iter().enumerate() {
            let taken = found.iter().any(|&(_, other)| other == index);
            // An unnamed column is the row number that data frames write.
            if taken || name.is_empty() || KEYS.contains(&name.as_str()) || layout[index] != Field::Skipped {
                continue;
            }
            if sample.is_numeric(index) {
                found.push((name.clone(), index));
            } else {
                texts.push(name.clone());
            }
        }
        Ok((found, texts))
    }

    /// How the lines after the header are read.
    fn lines(&self, head: &Head) -> Result<Lines> {
        let mut layout: Vec<Field> = vec![Field::Skipped; self.names.len()];
        let usaf = if self.mapped("station_id") { None } else { self.find("station_usaf")? };
        if let Some(usaf) = usaf {
            layout[usaf] = Field::Usaf;
            if let Some(wban) = self.find("station_wban")? {
                layout[wban] = Field::Wban;
            }
        } else {
            layout[self.required("station_id")?] = Field::Id;
        }
        let time = self.required("timestamp")?;
        layout[time] = Field::Time;
        let times = self.times(head, time)?;

        let sample = Sample::new(head, self.names.len());
        let (found, texts) = self.value_columns(&sample, &layout)?;
        let tenths = usaf.is_some() || self.options.scale == Scale::Isd;
        let fractions = MEASUREMENTS.iter().filter(|m| m.isd_decimals == 1);
        let fractions = fractions
            .filter_map(|m| found.iter().find(|(name, _)| name == m.name))
            .any(|&(_, index)| sample.has_fraction(index));
        let certain = self.options.scale == Scale::Isd;
        let physical = !tenths || (fractions && !certain);
        let mut lines = Lines {
            header: header(head).to_vec(),
            layout,
            columns: Vec::new(),
            stored: Vec::new(),
            notes: times.note().into_iter().collect(),
            times,
        };
        for (name, index) in found {
            if let Some(other) = lines.columns.iter().find(|column| column.name == name) {
                return Err(
                    self.error(&other.name, "stands in the header twice, expected names of their own")
                );
            }
            let measurement = Measurement::named(&name);
            let stored = match measurement {
                Some(m) if !physical && m.isd_decimals == 1 => Stored::Tenths { trace: m.trace, certain },
                _ => Stored::AsWritten,
            };
            // A column that is not asked for need not hold numbers.
            let asked = &self.options.measurements;
            if asked.is_empty() || asked.contains(&name) {
                lines.layout[index] = Field::Value(lines.columns.len());
            }
            lines.columns.push(ColumnInfo {
                units: measurement.map(|m| m.units.to_owned()),
                long_name: measurement.map(|m| m.long_name.to_owned()),
                resolution: match stored {
                    Stored::Tenths { certain: false, .. } => Some("0.1".to_owned()),
                    _ => None,
                },
                origin: Some(match stored {
                    Stored::Tenths { .. } => format!("{name}, tenths"),
                    Stored::AsWritten => name.clone(),
                }),
                name,
            });
            lines.stored.push(stored);
        }
        if lines.columns.is_empty() {
            let found = format!("holds no measurement; it has {}", self.names.join(", "));
            return Err(Error::Format {
                path: self.input.path().to_path_buf(),
                found,
                hint: Some("name one with --column air_temperature=NAME".into()),
            });
        }
        if usaf.is_some() && physical {
            lines.notes.push(
                "values have fractions and are taken as they are; if they are ISD's tenths, --scale isd converts them"
                    .to_owned(),
            );
        }
        if !texts.is_empty() {
            lines.notes.push(format!("left out, since they are no column of numbers: {}", texts.join(", ")));
        }
        Ok(lines)
    }

    /// How times are read, from those of the first lines in the column of that index.
    fn times(&self, head: &Head, index: usize) -> Result<TextTimes> {
        let sample = sample_lines(head).filter_map(|line| fields(line, SEPARATOR).nth(index));
        TextTimes::find(sample, self.options).map_err(|found| Error::Column {
            path: self.input.path().to_path_buf(),
            column: self.names.get(index).cloned().unwrap_or_default(),
            found,
            hint: Some(TIME_HINT.to_owned()),
        })
    }

    fn error(&self, column: &str, found: impl Into<String>) -> Error {
        Error::Column {
            path: self.input.path().to_path_buf(),
            column: column.to_owned(),
            found: found.into(),
            hint: None,
        }
    }

    /// Whether the user says where a column lies.
    fn mapped(&self, column: &str) -> bool {
        self.options.column_paths.iter().any(|(name, _)| name == column)
    }

    /// The index of a column; `None` where there is none, unless the user says where it lies.
    fn find(&self, column: &str) -> Result<Option<usize>> {
        let mut paths = self.options.column_paths.iter().rev();
        let mapped = paths.find(|(name, _)| name == column).map(|(_, path)| path.as_str());
        let index = self.names.iter().position(|name| name == mapped.unwrap_or(column));
        match (index, mapped) {
            (None, Some(mapped)) => {
                let found = format!(
                    "is to be {mapped}, which does not exist; the file has {}",
                    self.names.join(", ")
                );
                Err(self.error(column, found))
            }
            (index, _) => Ok(index),
        }
    }

    fn required(&self, column: &str) -> Result<usize> {
        self.find(column)?.ok_or_else(|| Error::Column {
            path: self.input.path().to_path_buf(),
            column: column.to_owned(),
            found: format!("does not exist; the file has {}", self.names.join(", ")),
            hint: Some(format!("name it with --column {column}=NAME")),
        })
    }
}

/// The first whole lines after the header, but for empty ones and for the header once more.
fn sample_lines(head: &Head) -> impl Iterator<Item = &[u8]> {
    let lines: Vec<&[u8]> =
        head.lines().map(without_mark).filter(|line| !line.is_empty()).take(SAMPLE_LINES).collect();
    // The last line of a head may be cut within a number, which would then be another number.
    let cut = !head.text.ends_with(b"\n") && lines.len() > 2 && lines.len() < SAMPLE_LINES;
    let whole = lines.len() - usize::from(cut);
    lines.into_iter().take(whole).skip(1).filter(|line| *line != header(head))
}

/// What the first lines show of the columns.
struct Sample {
    /// For each column, whether each of its fields is a number or missing, and whether one has a fraction.
    columns: Vec<(bool, bool)>,
}

impl Sample {
    fn new(head: &Head, columns: usize) -> Self {
        let mut sample = Self { columns: vec![(true, false); columns] };
        for line in sample_lines(head) {
            for ((numeric, fraction), field) in sample.columns.iter_mut().zip(fields(line, SEPARATOR)) {
                match number(field, 0) {
                    Some(value) => *fraction |= value.trunc() != value,
                    None => *numeric = false,
                }
            }
        }
        sample
    }

    fn is_numeric(&self, index: usize) -> bool {
        self.columns.get(index).is_some_and(|&(numeric, _)| numeric)
    }

    fn has_fraction(&self, index: usize) -> bool {
        self.columns.get(index).is_some_and(|&(_, fraction)| fraction)
    }
}

/// A field's number times 10^-`shift`; NaN where it is missing, `None` where it is no number.
#[inline]
fn number(field: &[u8], shift: u32) -> Option<f64> {
    let field = field.trim_ascii();
    if field.is_empty() {
        return Some(f64::NAN);
    }
    decimal(field, shift).or_else(|| {
        let missing = [b"nan".as_slice(), b"null", b"na", b"none"];
        missing.iter().any(|text| field.eq_ignore_ascii_case(text)).then_some(f64::NAN)
    })
}

struct Lines {
    /// The header, which is no observation wherever it stands.
    header: Vec<u8>,
    layout: Vec<Field>,
    columns: Vec<ColumnInfo>,
    /// How the numbers of each of `columns` become values.
    stored: Vec<Stored>,
    notes: Vec<String>,
    times: TextTimes,
}

impl LineFormat for Lines {
    fn layout(&self) -> &'static str {
        "station CSV"
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String> {
        if line == self.header {
            return Ok(());
        }
        let (mut usaf, mut wban, mut id, mut time) = (None, None, None, None);
        let mut found = 0;
        for (field, kind) in fields(line, SEPARATOR).zip(&self.layout) {
            found += 1;
            match kind {
                Field::Usaf => usaf = Some(field.trim_ascii()),
                Field::Wban => wban = Some(field.trim_ascii()),
                Field::Id => id = Some(field.trim_ascii()),
                Field::Time => time = Some(field.trim_ascii()),
                Field::Value(_) | Field::Skipped => {}
            }
        }
        if found < self.layout.len() || fields(line, SEPARATOR).nth(found).is_some() {
            let found = fields(line, SEPARATOR).count();
            return Err(format!("has {found} fields, expected {} as the header", self.layout.len()));
        }
        let time = time.ok_or("internal error: no field is the time")?;
        let micros = self.times.micros(time)?;
        match (usaf, id) {
            (Some(usaf), _) => rows.begin(usaf_wban(usaf, wban, &mut [0; 12])?, micros),
            (None, Some(id)) => rows.begin(keys::station(id)?, micros),
            (None, None) => return Err("internal error: no field is the station".into()),
        }
        for (field, kind) in fields(line, SEPARATOR).zip(&self.layout) {
            if let Field::Value(column) = kind {
                self.value(*column, field, rows)?;
            }
        }
        Ok(())
    }
}

impl Lines {
    #[inline]
    fn value(&self, column: usize, field: &[u8], rows: &mut Rows) -> Result<(), String> {
        let info = &self.columns[column];
        let value = number(field, 0).ok_or_else(|| {
            format!("{} is {}, expected a number; -m picks other columns", info.name, shown(field))
        })?;
        if value == MISSING || value.is_nan() {
            return Ok(());
        }
        match self.stored[column] {
            Stored::AsWritten => rows.set(column, value),
            Stored::Tenths { trace: true, .. } if value == TRACE => {
                rows.trace(&info.name);
                rows.set(column, 0.0);
            }
            Stored::Tenths { certain: false, .. } if value.trunc() != value => {
                return Err(format!(
                    "{} is {}, expected whole tenths as in the lines before it; --scale isd takes it as tenths",
                    info.name,
                    shown(field)
                ));
            }
            Stored::Tenths { .. } => {
                rows.set(column, number(field, 1).ok_or("internal error: a number is none in tenths")?);
            }
        }
        Ok(())
    }
}

/// `USAF-WBAN` in `text`, or the USAF alone where there is no column of WBANs, padded with zeros.
fn usaf_wban<'a>(usaf: &[u8], wban: Option<&[u8]>, text: &'a mut [u8; 12]) -> Result<&'a str, String> {
    text[6] = b'-';
    if !pad(&mut text[..6], whole(usaf)) {
        return Err(format!("station_usaf is {}, expected up to 6 digits or capital letters", shown(usaf)));
    }
    let length = match wban {
        None => 6,
        // ISD writes 99999 for a station without a WBAN.
        Some(b"") => {
            text[7..].copy_from_slice(b"99999");
            12
        }
        Some(wban) if pad(&mut text[7..], whole(wban)) => 12,
        Some(wban) => return Err(format!("station_wban is {}, expected up to 5 digits", shown(wban))),
    };
    str::from_utf8(&text[..length]).map_err(|_| "internal error: a station is no text".into())
}

/// An identifier without the fraction that it gets where a column of integers with gaps becomes one of floats.
fn whole(field: &[u8]) -> &[u8] {
    field.strip_suffix(b".0").unwrap_or(field)
}
