//! What is read of a table: its schema and the reading options in, the columns of keys and values out.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use isd_dataset::layout::{STATION_ID, column_info};

use super::arrays::texts;
use super::leaves::{Kind, Leaf, leaves};
use super::markers::{DecimalMark, Marks, Seen};
use super::meaning::{Meaning, Stored};
use super::names::{Columns, KEYS, STATION_NAMES, USAF, WBAN, known_spelling, only_station, usual_time};
use super::source::no_values;
use crate::{ColumnInfo, Error, Input, MEASUREMENTS, Measurement, ReadOptions, Result, Scale};

/// Rows that say whether a column of texts holds numbers.
const SAMPLE_ROWS: usize = 1000;

/// What says the station of a row.
pub enum Station {
    /// All rows have this one, which the file's path names.
    All(Arc<str>),
    /// A column of identifiers.
    Id(Leaf),
    /// ISD's two numbers; the second need not be there.
    UsafWban(Leaf, Option<Leaf>),
}

/// A value column.
pub struct Value {
    /// Where it lies.
    pub leaf: Leaf,
    /// How its numbers become values.
    pub meaning: Meaning,
    /// Whether it is read whatever it holds: the user or its name says that it holds numbers.
    certain: bool,
    /// What its first texts are.
    seen: Seen,
    /// What these say of the decimal mark.
    marks: Marks,
}

impl Value {
    /// The decimal mark of a column of texts.
    pub fn mark(&self) -> DecimalMark {
        match self.marks {
            Marks { point: true, .. } => DecimalMark::Point,
            Marks { comma: true, .. } => DecimalMark::Comma,
            _ => DecimalMark::Either,
        }
    }
}

/// What is read of a table.
pub struct Plan {
    /// What says the station of a row.
    pub station: Station,
    /// The column of times.
    pub time: Leaf,
    /// The column of times of day where `time` is one of days.
    pub clock: Option<Leaf>,
    /// The value columns.
    pub values: Vec<Value>,
    /// Names of columns that hold no numbers.
    texts: Vec<String>,
    notes: Vec<String>,
}

impl Plan {
    /// The plan for a schema. Columns of texts are values of it until [`Plan::choose`] has seen what they hold.
    ///
    /// # Errors
    /// No column of stations or of times, or a column that the user names and that does not exist or holds no numbers.
    pub fn new(input: &Input, schema: &SchemaRef, options: &ReadOptions) -> Result<Self> {
        let leaves = leaves(schema.fields());
        let names: Vec<String> = leaves.iter().map(|leaf| known_spelling(&leaf.name())).collect();
        let columns = Columns { path: input.path(), names: &names, options };
        let mut notes = Vec::new();
        let leaf = |place: usize| -> Result<Leaf> {
            leaves.get(place).cloned().ok_or_else(|| Error::internal("a column that is not there"))
        };
        let pair = columns.time_pair();
        let time_place = pair.map_or_else(|| columns.time(), |(date, _)| Ok(date))?;
        if pair.is_none() {
            notes.extend(columns.note("timestamp", time_place));
        }
        let mut taken: Vec<usize> = [time_place].into_iter().chain(pair.map(|(_, clock)| clock)).collect();
        let mapped = options.path_of(STATION_ID);
        let usaf = if mapped.is_some() { None } else { columns.find(USAF)? };
        let station = if let Some(usaf) = usaf {
            let wban = columns.find(WBAN)?;
            taken.extend([usaf].into_iter().chain(wban));
            Station::UsafWban(leaf(usaf)?, wban.map(leaf).transpose()?)
        } else if let Some(station) = only_station(options) {
            Station::All(station.into())
        } else if let Some(station) = of_path(input.path(), &columns) {
            notes.push(format!("the station is {station}, as the path says"));
            Station::All(station)
        } else {
            let place = columns.station()?.ok_or_else(|| columns.absent(STATION_ID))?;
            notes.extend(columns.note(STATION_ID, place));
            taken.push(place);
            Station::Id(leaf(place)?)
        };
        let mut plan = Self {
            station,
            time: leaf(time_place)?,
            clock: pair.map(|(_, clock)| leaf(clock)).transpose()?,
            values: Vec::new(),
            texts: Vec::new(),
            notes,
        };
        for (name, _) in &options.column_paths {
            if KEYS.contains(&name.as_str()) {
                continue;
            }
            if let Some(place) = columns.find(name)?
                && !taken.contains(&place)
            {
                taken.push(place);
                plan.add(&columns, &leaf(place)?, name, true)?;
            }
        }
        for (place, name) in names.iter().enumerate() {
            // An unnamed column is the row number that data frames write.
            let is_key = KEYS.contains(&name.as_str()) || taken.contains(&place);
            let is_index = name.is_empty() || name.starts_with("__index_level_");
            // Where the user has another column for a measurement, one of its name is no value.
            if is_key || is_index || options.path_of(name).is_some() {
                continue;
            }
            let asked = options.measurements.contains(name);
            plan.add(&columns, &leaf(place)?, name, asked || Measurement::named(name).is_some())?;
        }
        Ok(plan)
    }

    /// Adds a value column.
    fn add(&mut self, columns: &Columns, leaf: &Leaf, name: &str, certain: bool) -> Result<()> {
        let asked = columns.options.measurements.iter().any(|asked| asked == name);
        match leaf.kind() {
            Kind::Other if asked || columns.options.path_of(name).is_some() => {
                let found = format!("is of type {}, expected numbers or texts", leaf.field.data_type());
                return Err(columns.error(name, found));
            }
            Kind::Other => self.texts.push(name.to_owned()),
            Kind::Nothing if !certain => self.texts.push(name.to_owned()),
            _ => {
                let own = ColumnInfo {
                    name: name.to_owned(),
                    origin: Some(leaf.name()),
                    ..column_info(&leaf.field)
                };
                let own = ColumnInfo {
                    units: own.units.or_else(|| leaf.field.metadata().get("unit").cloned()),
                    ..own
                };
                let tenths = columns.options.scale == Scale::Isd;
                let mut meaning = Meaning::new(columns, own, tenths)?;
                if matches!(meaning.stored, Stored::Tenths { .. }) {
                    meaning.info.origin = Some(format!("{}, tenths", leaf.name()));
                    meaning.info.resolution = None;
                }
                self.values.push(Value {
                    leaf: leaf.clone(),
                    meaning,
                    certain,
                    seen: Seen::default(),
                    marks: Marks::default(),
                });
            }
        }
        Ok(())
    }

    /// All columns that are read.
    pub fn read(&self) -> Vec<&Leaf> {
        let mut read = match &self.station {
            Station::All(_) => Vec::new(),
            Station::Id(leaf) => vec![leaf],
            Station::UsafWban(usaf, wban) => [usaf].into_iter().chain(wban).collect(),
        };
        read.push(&self.time);
        read.extend(&self.clock);
        read.extend(self.values.iter().map(|value| &value.leaf));
        read
    }

    /// Looks at the first rows: at what columns of texts hold, and, where `joined` says that a column holds the times of day
    /// of the other, at which of the two is the column of times.
    pub fn choose(&mut self, first: &RecordBatch, options: &ReadOptions, joined: bool) {
        if let Some(clock) = &self.clock {
            if joined {
                self.notes.push(format!("timestamp is read from {} and {}", self.time.name(), clock.name()));
            } else {
                if usual_time(&[clock.name()]).is_some() {
                    self.time = clock.clone();
                }
                self.clock = None;
                self.notes.push(format!("timestamp is read from the column {}", self.time.name()));
            }
        }
        let sample = first.slice(0, first.num_rows().min(SAMPLE_ROWS));
        for value in &mut self.values {
            let read = options.reads(&value.meaning.info.name) && value.leaf.kind() == Kind::Texts;
            let array = if read { value.leaf.values(&sample) } else { None };
            let Some(Ok(texts)) = array.map(|array| texts(&array)) else { continue };
            for text in texts.iter().flatten() {
                value.marks.add(text.as_bytes());
            }
            let mark = value.mark();
            for text in texts.iter().flatten() {
                value.seen.add(text.as_bytes(), mark);
            }
        }
    }

    /// The values that are asked for, and what the user should know of how they are taken.
    ///
    /// # Errors
    /// A measurement that the table does not have, or a table without values.
    pub fn finish(
        &mut self,
        input: &Input,
        schema: &SchemaRef,
        options: &ReadOptions,
    ) -> Result<(Vec<Value>, Vec<String>)> {
        let mut values = Vec::new();
        for value in std::mem::take(&mut self.values) {
            let numeric = value.leaf.kind() != Kind::Texts
                || value.certain
                || (value.seen.number && value.seen.may_be_numbers());
            if numeric { values.push(value) } else { self.texts.push(value.meaning.info.name.clone()) }
        }
        let order = |value: &Value| {
            let name = &value.meaning.info.name;
            MEASUREMENTS.iter().position(|m| m.name == *name).unwrap_or(MEASUREMENTS.len())
        };
        values.sort_by_key(order);
        if values.is_empty() {
            let names: Vec<String> = leaves(schema.fields()).iter().map(Leaf::name).collect();
            return Err(no_values(input, &names));
        }
        let known: Vec<ColumnInfo> = values.iter().map(|value| value.meaning.info.clone()).collect();
        let wanted = options.wanted(input.path(), &known)?;
        let mut place = 0;
        values.retain(|_| {
            place += 1;
            wanted.contains(&(place - 1))
        });
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(values.iter_mut().filter_map(|value| value.meaning.note.take()));
        if !self.texts.is_empty() && options.measurements.is_empty() {
            notes.push(format!("left out, since they are no column of numbers: {}", self.texts.join(", ")));
        }
        let usaf = matches!(self.station, Station::UsafWban(..));
        if usaf && options.scale != Scale::Isd && values.iter().any(|value| order(value) < MEASUREMENTS.len())
        {
            notes.push(
                "values are taken as they are; if they are ISD's tenths, --scale isd converts them"
                    .to_owned(),
            );
        }
        Ok((values, notes))
    }
}

/// The station that a directory of the path names as Hive does, such as `station_id=010010-99999`, where no column of the
/// table has that name.
fn of_path(path: &Path, columns: &Columns) -> Option<Arc<str>> {
    let mapped = columns.options.path_of(STATION_ID);
    let in_table = |name: &str| columns.names.iter().any(|other| other.eq_ignore_ascii_case(name));
    if mapped.map_or_else(|| STATION_NAMES.iter().any(|name| in_table(name)), in_table) {
        return None;
    }
    let parts = path.parent()?.components().rev();
    let keys: Vec<(String, String)> = parts
        .filter_map(|part| {
            let part = part.as_os_str().to_string_lossy();
            part.split_once('=').map(|(name, value)| (name.to_owned(), unescaped(value)))
        })
        .collect();
    let is = |name: &str, key: &str| key.eq_ignore_ascii_case(name);
    let station = match mapped {
        Some(mapped) => keys.iter().find(|(name, _)| is(name, mapped)),
        None => STATION_NAMES.iter().find_map(|known| keys.iter().find(|(name, _)| is(name, known))),
    };
    station.map(|(_, value)| value.as_str().into())
}

/// A value of a Hive partition without its escapes, such as `%3A` for a colon.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code =
            after.get(..2).and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        let code = code.filter(|_| byte == b'%');
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
