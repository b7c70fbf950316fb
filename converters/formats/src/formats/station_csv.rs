//! Station CSV: a header and an observation a line in, observations out.
//!
//! The columns of stations and times are found by their usual names or by those that the user gives. The talk's form has
//! `station_usaf` and `station_wban`, and its measurements are ISD's tenths; in all others measurements are in their
//! units, as an exported dataset has them. Columns may come in any order, quoted or not, separated by commas, semicolons,
//! tabs or pipes. Other columns keep their names, as long as they hold numbers.

use super::table::clock::{Clock, no_clock};
use super::table::dialect::Dialect;
use super::table::markers::{self, DecimalMark, Seen, Text, no_number};
use super::table::meaning::{Meaning, Missing, Stored, TRACE};
use super::table::names::{Columns, KEYS, USAF, WBAN, only_station};
use super::table::usaf_wban;
use super::text::{LineFormat, Rows, TextSource, check_quotes, fields, shown, unquoted};
use crate::instants::{NumberTimes, OneUnit, TIME_HINT, TextTimes, in_range};
use crate::keys;
use crate::text_encoding::decoded;
use crate::{
    ColumnInfo, Error, Format, Head, Input, MEASUREMENTS, Measurement, ReadOptions, Result, Scale, Source,
};

/// Separated values with a column of stations and one of times.
#[derive(Debug)]
pub struct StationCsv;

impl Format for StationCsv {
    fn name(&self) -> &'static str {
        "station-csv"
    }

    /// The name that it had first, after the talk whose file it was written for.
    fn aliases(&self) -> &'static [&'static str] {
        &["talk-csv", "csv"]
    }

    fn recognises(&self, head: &Head) -> bool {
        Dialect::of(head).has_keys(&ReadOptions::default())
    }

    fn recognises_with(&self, head: &Head, options: &ReadOptions) -> bool {
        Dialect::of(head).has_keys(options)
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let head = input.head()?;
        let dialect = Dialect::of(&head);
        check_quotes(&dialect.header, dialect.separator).map_err(|found| {
            let line = dialect.preamble.len() as u64 + 1;
            Error::Line { path: input.path().to_path_buf(), line, found, hint: None }
        })?;
        let seen = dialect.seen(&head);
        let columns = Columns { path: input.path(), names: &dialect.names, options };
        let lines = Header { columns, dialect: &dialect, seen: &seen }.lines(&head)?;
        Ok(OneUnit::check(Box::new(TextSource::new(input, lines, options)?)))
    }
}

/// What a field of a line is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Usaf,
    Wban,
    Id,
    Time,
    /// The time of day of a row whose time is that of a day.
    Clock,
    /// The value of that column.
    Value(usize),
    Skipped,
}

struct Header<'a> {
    columns: Columns<'a>,
    dialect: &'a Dialect,
    /// What the first fields of each column are.
    seen: &'a [Seen],
}

/// Value columns, each with its place, and the names of columns that hold no numbers.
type ValueColumns = (Vec<(String, usize)>, Vec<String>);

impl Header<'_> {
    /// The columns that hold values: canonical ones first, then others of numbers.
    fn value_columns(&self, layout: &[Field]) -> Result<ValueColumns> {
        let options = self.columns.options;
        let mut found = Vec::new();
        for measurement in &MEASUREMENTS {
            if let Some(index) = self.columns.find(measurement.name)? {
                found.push((measurement.name.to_owned(), index));
            }
        }
        for (name, _) in &options.column_paths {
            let known = Measurement::named(name).is_some() || KEYS.contains(&name.as_str());
            if !known && found.iter().all(|(other, _)| other != name) {
                let index = self.columns.find(name)?.ok_or_else(|| self.columns.absent(name))?;
                found.push((name.clone(), index));
            }
        }
        let mut texts = Vec::new();
        for (index, name) in self.columns.names.iter().enumerate() {
            let taken = found.iter().any(|&(_, other)| other == index);
            // An unnamed column is the row number that data frames write.
            if taken || name.is_empty() || KEYS.contains(&name.as_str()) || layout[index] != Field::Skipped {
                continue;
            }
            if self.seen[index].may_be_numbers() || options.measurements.contains(name) {
                found.push((name.clone(), index));
            } else {
                texts.push(name.clone());
            }
        }
        if found.is_empty() {
            // Amounts that are all missing or too small to measure are amounts.
            let of_marks = |name: &String| {
                let place = self.columns.names.iter().position(|other| other == name);
                place.filter(|&place| self.seen.get(place).is_some_and(Seen::is_of_marks))
            };
            found.extend(texts.iter().filter_map(|name| Some((name.clone(), of_marks(name)?))));
            texts.retain(|name| found.iter().all(|(other, _)| other != name));
        }
        Ok((found, texts))
    }

    /// Which field is which key, how times of day are written if they have a field of their own, and what the user should
    /// know of it.
    fn keys(&self, head: &Head) -> Result<(Vec<Field>, Option<Clock>, Vec<String>)> {
        let columns = &self.columns;
        let mut layout: Vec<Field> = vec![Field::Skipped; columns.names.len()];
        let mut notes = Vec::new();
        let usaf = if columns.options.path_of("station_id").is_some() { None } else { columns.find(USAF)? };
        if let Some(usaf) = usaf {
            layout[usaf] = Field::Usaf;
            if let Some(wban) = columns.find(WBAN)? {
                layout[wban] = Field::Wban;
            }
        }
        // Of a file without both keys the time is said to be missing first.
        let pair = columns
            .time_pair()
            .and_then(|pair| self.dialect.clock(head, pair, columns.options).map(|clock| (pair, clock)));
        columns.check_minutes(pair.map(|(_, clock)| clock))?;
        let time = match pair {
            Some(((date, _), _)) => date,
            None => columns.time()?,
        };
        if usaf.is_none() && only_station(columns.options).is_none() {
            let station = columns.station()?.ok_or_else(|| columns.absent("station_id"))?;
            layout[station] = Field::Id;
            notes.extend(columns.note("station_id", station));
        }
        if layout[time] != Field::Skipped {
            return Err(
                columns.error("timestamp", "is the column of the stations, too; expected two columns")
            );
        }
        layout[time] = Field::Time;
        match pair {
            Some(((date, place), _)) => {
                layout[place] = Field::Clock;
                notes.push(format!(
                    "timestamp is read from {} and {}",
                    columns.names[date], columns.names[place]
                ));
            }
            None => notes.extend(columns.note("timestamp", time)),
        }
        Ok((layout, pair.map(|(_, clock)| clock), notes))
    }

    /// How the lines after the header are read.
    fn lines(&self, head: &Head) -> Result<Lines> {
        let options = self.columns.options;
        let (layout, clock, mut notes) = self.keys(head)?;
        let usaf = layout.contains(&Field::Usaf);
        let time = layout.iter().position(|field| *field == Field::Time).unwrap_or_default();
        let times = self.dialect.times(head, time, options).map_err(|found| Error::Column {
            path: self.columns.path.to_path_buf(),
            column: self.columns.names.get(time).cloned().unwrap_or_default(),
            found,
            hint: Some(TIME_HINT.to_owned()),
        })?;
        let (found, texts) = self.value_columns(&layout)?;
        let tenths = usaf || options.scale == Scale::Isd;
        let certain = options.scale == Scale::Isd;
        let mut decimals = MEASUREMENTS.iter().filter(|m| m.isd_decimals == 1);
        let fractions =
            decimals.any(|m| found.iter().any(|(name, index)| name == m.name && self.seen[*index].fraction));
        let physical = !tenths || (fractions && !certain);
        let mut lines = Lines {
            dialect: self.dialect.clone(),
            layout,
            columns: Vec::new(),
            stored: Vec::new(),
            missing: Vec::new(),
            marks: Vec::new(),
            notes: Vec::new(),
            number_times: times.numbers().and_then(|numbers| numbers.recognised(options)),
            times,
            clock,
            station: only_station(options).map(str::to_owned),
        };
        for (name, index) in found {
            if let Some(other) = lines.columns.iter().find(|column| column.name == name) {
                let found = "stands in the header twice, expected names of their own";
                return Err(self.columns.error(&other.name, found));
            }
            let own = ColumnInfo {
                origin: Some(self.columns.options.path_of(&name).unwrap_or(&name).to_owned()),
                name: name.clone(),
                ..ColumnInfo::default()
            };
            let Meaning { mut info, stored, note, missing } = Meaning::new(&self.columns, own, !physical)?;
            if let Stored::Tenths { certain, .. } = stored {
                info.resolution = (!certain).then(|| "0.1".to_owned());
                info.origin = info.origin.map(|origin| format!("{origin}, tenths"));
            }
            // A column that is not asked for need not hold numbers.
            if options.reads(&name) {
                lines.layout[index] = Field::Value(lines.columns.len());
                notes.extend(note);
            }
            lines.columns.push(info);
            lines.stored.push(stored);
            lines.missing.push(missing);
            lines.marks.push(self.dialect.mark(index));
        }
        if lines.columns.is_empty() {
            let found = format!("holds no measurement; it has {}", self.columns.names.join(", "));
            return Err(Error::Format {
                path: self.columns.path.to_path_buf(),
                found,
                hint: Some("name one with --column air_temperature=NAME".into()),
            });
        }
        if usaf && physical {
            notes.push(
                "values have fractions and are taken as they are; if they are ISD's tenths, --scale isd converts them"
                    .to_owned(),
            );
        }
        notes.extend(lines.times.note());
        notes.extend(self.dialect.notes());
        if !texts.is_empty() {
            notes.push(format!("left out, since they are no column of numbers: {}", texts.join(", ")));
        }
        lines.notes = notes;
        Ok(lines)
    }
}

struct Lines {
    dialect: Dialect,
    layout: Vec<Field>,
    columns: Vec<ColumnInfo>,
    /// How the numbers of each of `columns` become values.
    stored: Vec<Stored>,
    /// The numbers of each of `columns` that are no values.
    missing: Vec<Missing>,
    /// The decimal mark of each of `columns`.
    marks: Vec<DecimalMark>,
    notes: Vec<String>,
    times: TextTimes,
    /// How those that are numbers are read, where no option says it.
    number_times: Option<NumberTimes>,
    /// How times of day are written, where they have a column of their own.
    clock: Option<Clock>,
    /// The station of all rows, where the user names it.
    station: Option<String>,
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

    fn number_times(&self) -> Option<NumberTimes> {
        self.number_times
    }

    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String> {
        let separator = self.dialect.separator;
        if line == self.dialect.header || self.is_no_row(line, rows) {
            return Ok(());
        }
        check_quotes(line, separator)?;
        let (mut usaf, mut wban, mut id, mut time, mut clock) = (None, None, None, None, None);
        let mut found = 0;
        for (field, kind) in fields(line, separator).zip(&self.layout) {
            found += 1;
            match kind {
                Field::Usaf => usaf = Some(field.trim_ascii()),
                Field::Wban => wban = Some(field.trim_ascii()),
                Field::Id => id = Some((found - 1, field)),
                Field::Time => time = Some(field.trim_ascii()),
                Field::Clock => clock = Some(field.trim_ascii()),
                Field::Value(_) | Field::Skipped => {}
            }
        }
        if found < self.layout.len() || fields(line, separator).nth(found).is_some() {
            let found = fields(line, separator).count();
            return Err(format!("has {found} fields, expected {} as the header", self.layout.len()));
        }
        let time = time.ok_or("internal error: no field is the time")?;
        let micros = match (self.clock, clock) {
            (Some(kind), Some(clock)) => self.joined(time, clock, kind)?,
            _ => self.times.micros(time)?,
        };
        match (usaf, id) {
            (Some(usaf), _) => rows.begin(usaf_wban(usaf, wban, &mut [0; 12])?, micros),
            (None, Some((place, id))) if id.contains(&b'"') || !id.is_ascii() => {
                let id = unquoted(line, separator, place);
                rows.begin(keys::station(decoded(&id).as_bytes())?, micros);
            }
            (None, Some((_, id))) => rows.begin(keys::station(id)?, micros),
            (None, None) => {
                let station = self.station.as_deref().ok_or("internal error: no field is the station")?;
                rows.begin(station, micros);
            }
        }
        for (field, kind) in fields(line, separator).zip(&self.layout) {
            if let Field::Value(column) = kind {
                self.value(*column, field, rows)?;
            }
        }
        Ok(())
    }
}

impl Lines {
    /// The time of a day and a time of day.
    fn joined(&self, date: &[u8], text: &[u8], clock: Clock) -> Result<i64, String> {
        if matches!(self.times, TextTimes::Format(_)) {
            return self.times.micros(&[date, b" ", text].concat());
        }
        let micros = clock.micros(text).ok_or_else(|| no_clock(text))?;
        let date = self.times.micros(date)?;
        in_range(date + micros)
            .ok_or_else(|| format!("timestamp with {} lies outside the years 1600 to 2199", shown(text)))
    }

    /// Whether a line stands before the header or is a comment, which is counted.
    #[inline]
    fn is_no_row(&self, line: &[u8], rows: &mut Rows) -> bool {
        if self.dialect.preamble.is_empty() {
            return false;
        }
        let before = self.dialect.preamble.iter().any(|other| other == line);
        let comment = !before && self.dialect.is_comment(line);
        if comment {
            rows.leave_out("lines of comments");
        }
        before || comment
    }

    #[inline]
    fn value(&self, column: usize, field: &[u8], rows: &mut Rows) -> Result<(), String> {
        let info = &self.columns[column];
        let value = match markers::read(field, 0, self.marks[column]) {
            Text::Number(value) => value,
            Text::Missing => {
                let mark = field.trim_ascii();
                if !mark.is_empty() {
                    rows.missing(&decoded(mark));
                }
                return Ok(());
            }
            Text::Trace => {
                rows.trace(&info.name);
                rows.set(column, 0.0);
                return Ok(());
            }
            Text::Other => return Err(no_number(&info.name, field)),
        };
        if self.missing[column].contains(value) {
            return Ok(());
        }
        let physical = match self.stored[column] {
            Stored::AsWritten => value,
            Stored::Converted(transform) => transform.apply(value),
            Stored::Tenths { .. } => value / 10.0,
        };
        if self.missing[column].looks_like_one(value, physical) {
            rows.like_missing(&info.name, value);
        }
        match self.stored[column] {
            Stored::AsWritten | Stored::Converted(_) => rows.set(column, physical),
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
                let Text::Number(value) = markers::read(field, 1, self.marks[column]) else {
                    return Err("internal error: a number is none in tenths".into());
                };
                rows.set(column, value);
            }
        }
        Ok(())
    }
}
