//! How a file of separated values is written: its first lines in; its header, separator and decimal mark, and what the
//! first fields of each column are, out.

use super::clock::{Clock, DAY};
use super::markers::{DecimalMark, Marks, Seen};
use super::names::{USAF, known_spelling, usual_station, usual_time};
use crate::formats::text::{decimal, fields};
use crate::input::without_mark;
use crate::instants::TextTimes;
use crate::text_encoding::decoded;
use crate::{Head, ReadOptions};
use isd_dataset::layout::{STATION_ID, TIMESTAMP};

/// Separators that are known, in the order in which they are taken where several would do.
const SEPARATORS: [u8; 4] = *b",;\t|";
/// Lines after the header that say what columns hold.
const SAMPLE_LINES: usize = 1000;
/// Begins a line that is a comment.
pub const COMMENT: u8 = b'#';

/// How a file is written.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// Between two fields.
    pub separator: u8,
    /// Between the whole part of a number and its fraction, one a column.
    pub marks: Vec<DecimalMark>,
    /// The header, which is no observation wherever it stands.
    pub header: Vec<u8>,
    /// Lines before the header.
    pub preamble: Vec<Vec<u8>>,
    /// Names of the columns: those that are known here in their usual spelling, others as they are.
    pub names: Vec<String>,
}

impl Dialect {
    /// The dialect of a file that begins so.
    pub fn of(head: &Head) -> Self {
        let mut preamble: Vec<&[u8]> = Vec::new();
        let mut header: &[u8] = b"";
        for line in head.lines().filter(|line| !line.is_empty()) {
            if line.starts_with(&[COMMENT]) || names_separator(line) {
                preamble.push(line);
            } else {
                header = line;
                break;
            }
        }
        // A header may be the last comment: what follows it is no header then.
        if let Some(&comment) = preamble.last()
            && is_header_of(comment, header)
        {
            header = comment;
            preamble.pop();
        }
        let count = |separator: u8| fields(header, separator).count();
        let separator =
            SEPARATORS.into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(b',');
        let named = header.strip_prefix(&[COMMENT]).map_or(header, <[u8]>::trim_ascii_start);
        let preamble = preamble.into_iter().map(<[u8]>::to_vec).collect();
        let name = |field: &[u8]| known_spelling(&decoded(field.trim_ascii()));
        let names: Vec<String> = fields(named, separator).map(name).collect();
        let mut dialect = Self { separator, marks: Vec::new(), header: header.to_owned(), preamble, names };
        dialect.marks = dialect.decimal_marks(head);
        dialect
    }

    /// Whether it has columns of stations and times, of usual names or of those that the user gives.
    pub fn has_keys(&self, options: &ReadOptions) -> bool {
        self.lacking(options).is_empty() && self.names.len() > 1
    }

    /// The keys for which it has no column, of usual names or of those that the user gives.
    pub fn lacking(&self, options: &ReadOptions) -> Vec<&'static str> {
        let has = |name: &str| self.names.iter().any(|other| other == name);
        let station = match options.path_of(STATION_ID) {
            Some(mapped) => mapped.starts_with('=') || has(mapped),
            None => usual_station(&self.names).is_some() || has(options.path_of(USAF).unwrap_or(USAF)),
        };
        let mapped = |mapped: &str| {
            has(mapped)
                || mapped.split_once('+').is_some_and(|(date, time)| has(date.trim()) && has(time.trim()))
        };
        let time = options.path_of(TIMESTAMP).map_or_else(|| usual_time(&self.names).is_some(), mapped);
        let keys = [(STATION_ID, station), (TIMESTAMP, time)];
        keys.into_iter().filter(|(_, found)| !found).map(|(key, _)| key).collect()
    }

    /// Whether it is a table at all: several names, and below them as many fields.
    pub fn is_table(&self, head: &Head) -> bool {
        let is_name = |name: &String| name.chars().any(char::is_alphabetic) && !name.contains(['<', '\0']);
        let sample = self.sample(head);
        let as_many = |line: &&[u8]| fields(line, self.separator).count() == self.names.len();
        self.names.len() > 1 && self.names.iter().all(is_name) && sample.first().is_some_and(as_many)
    }

    /// The comma, where a number of the file has one for its fraction and none a point; either where no number decides. In a
    /// file whose separator is the comma, it must be one of the same column where the column has commas that may separate
    /// thousands.
    fn decimal_marks(&self, head: &Head) -> Vec<DecimalMark> {
        let mut seen = vec![Marks::default(); self.names.len()];
        for line in self.sample(head) {
            for (marks, field) in seen.iter_mut().zip(fields(line, self.separator)) {
                marks.add(field);
            }
        }
        let commas = self.separator == b',';
        let point = seen.iter().any(|marks| marks.point);
        let comma = seen.iter().any(|marks| marks.comma || (marks.doubtful_comma && !commas));
        let mark = |marks: &Marks| match (comma, point) {
            (true, false) if commas && marks.doubtful_comma && !marks.comma => DecimalMark::Point,
            (true, false) => DecimalMark::Comma,
            (false, false) if !commas => DecimalMark::Either,
            _ => DecimalMark::Point,
        };
        seen.iter().map(mark).collect()
    }

    /// The decimal mark of the column of that place.
    pub fn mark(&self, place: usize) -> DecimalMark {
        self.marks.get(place).copied().unwrap_or(DecimalMark::Point)
    }

    /// The lines that say what columns hold.
    pub fn sample<'a>(&self, head: &'a Head) -> Vec<&'a [u8]> {
        let lines = head.lines().map(without_mark).filter(|line| !line.is_empty());
        let lines: Vec<&[u8]> = lines.skip(self.preamble.len()).take(SAMPLE_LINES).collect();
        // The last line of a head may be cut within a number, which would then be another number.
        let cut = !head.text.ends_with(b"\n") && lines.len() > 2 && lines.len() < SAMPLE_LINES;
        let whole = lines.iter().take(lines.len() - usize::from(cut)).skip(1);
        whole.copied().filter(|line| *line != self.header && !self.is_comment(line)).collect()
    }

    /// Whether a line is a comment: in a file that begins with such.
    pub fn is_comment(&self, line: &[u8]) -> bool {
        line.starts_with(&[COMMENT]) && self.preamble.iter().any(|line| line.starts_with(&[COMMENT]))
    }

    /// What the first fields of each column are.
    pub fn seen(&self, head: &Head) -> Vec<Seen> {
        let mut seen = vec![Seen::default(); self.names.len()];
        for line in self.sample(head) {
            let columns = seen.iter_mut().zip(&self.marks);
            for ((seen, mark), field) in columns.zip(fields(line, self.separator)) {
                seen.add(field, *mark);
            }
        }
        seen
    }

    /// How the times in the column of that place are read.
    ///
    /// # Errors
    /// Numbers that are no times, or a format of times that is none.
    pub fn times(&self, head: &Head, place: usize, options: &ReadOptions) -> Result<TextTimes, String> {
        TextTimes::find(self.column(head, place), options)
    }

    /// How the times of day in one column are written, where it holds such and another one days without any.
    pub fn clock(
        &self,
        head: &Head,
        (dates, clocks): (usize, usize),
        options: &ReadOptions,
    ) -> Option<Clock> {
        let otherwise = self.names.get(clocks).and_then(|name| Clock::otherwise(name));
        let clock = Clock::of_sample(self.column(head, clocks)).or(otherwise);
        if options.time_format.is_some() {
            return clock.or(Some(Clock::Colons));
        }
        let times = self.times(head, dates, options).ok()?;
        let is_day = |date: &[u8]| times.micros(date.trim_ascii()).is_ok_and(|micros| micros % DAY == 0);
        clock.filter(|_| self.column(head, dates).into_iter().all(is_day))
    }

    /// The first fields of a column.
    fn column<'a>(&self, head: &'a Head, place: usize) -> Vec<&'a [u8]> {
        self.sample(head).into_iter().filter_map(|line| fields(line, self.separator).nth(place)).collect()
    }

    /// What the user should know of how the file is written.
    pub fn notes(&self) -> Option<String> {
        self.marks
            .contains(&DecimalMark::Comma)
            .then(|| "numbers have a decimal comma: 5,1 is 5.1".to_owned())
    }
}

/// Whether a comment is the header of a table whose first line is `line`: of as many fields, of which none is a number
/// while one of the line is.
fn is_header_of(comment: &[u8], line: &[u8]) -> bool {
    let Some(comment) = comment.strip_prefix(&[COMMENT]) else { return false };
    let number = |line: &[u8], separator| {
        fields(line, separator).any(|field| decimal(field.trim_ascii(), 0).is_some())
    };
    SEPARATORS.into_iter().any(|separator| {
        let count = fields(comment, separator).count();
        count > 2
            && count == fields(line, separator).count()
            && !number(comment, separator)
            && number(line, separator)
    })
}

/// Whether a line says which separator follows, as spreadsheets write it: `sep=;`.
fn names_separator(line: &[u8]) -> bool {
    matches!(line, [s, e, p, b'=', _] if [*s, *e, *p].eq_ignore_ascii_case(b"sep"))
}
