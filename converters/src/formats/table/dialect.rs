//! How a file of separated values is written: its first lines in; its header, separator and decimal mark, and what the
//! first fields of each column are, out.

use super::markers::{DecimalMark, Seen, Text, read};
use super::names::{USAF, known_spelling, usual_station, usual_time};
use crate::formats::text::{decimal, fields};
use crate::instants::Instants;
use crate::{Head, ReadOptions};

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
    /// Between the whole part of a number and its fraction.
    pub mark: DecimalMark,
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
        let mut preamble: Vec<Vec<u8>> = Vec::new();
        let mut header: &[u8] = b"";
        for line in head.lines().filter(|line| !line.is_empty()) {
            if line.starts_with(&[COMMENT]) || names_separator(line) {
                preamble.push(line.to_owned());
            } else {
                header = line;
                break;
            }
        }
        let count = |separator: u8| fields(header, separator).count();
        let separator =
            SEPARATORS.into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(b',');
        let name = |field: &[u8]| known_spelling(&String::from_utf8_lossy(field.trim_ascii()));
        let names: Vec<String> = fields(header, separator).map(name).collect();
        let mut dialect =
            Self { separator, mark: DecimalMark::Point, header: header.to_owned(), preamble, names };
        dialect.mark = dialect.decimal_mark(head);
        dialect
    }

    /// Whether it has columns of stations and times, of usual names or of those that the user gives.
    pub fn has_keys(&self, options: &ReadOptions) -> bool {
        let has = |name: &str| self.names.iter().any(|other| other == name);
        let station = match options.path_of("station_id") {
            Some(mapped) => has(mapped),
            None => usual_station(&self.names).is_some() || has(USAF),
        };
        let time = options.path_of("timestamp").map_or_else(|| usual_time(&self.names).is_some(), has);
        station && time && self.names.len() > 1
    }

    /// Whether it is a table at all: names that hold more than a word, several of them.
    pub fn is_table(&self) -> bool {
        let is_name =
            |name: &String| name.chars().any(char::is_alphabetic) && !name.contains(['<', '\u{fffd}', '\0']);
        self.names.len() > 1 && self.names.iter().all(is_name)
    }

    /// The comma, where a field is a number by that alone and none is one by a point; either where no field decides.
    fn decimal_mark(&self, head: &Head) -> DecimalMark {
        let (mut comma, mut point) = (false, false);
        for line in self.sample(head) {
            for field in fields(line, self.separator) {
                let field = field.trim_ascii();
                let is_number = decimal(field, 0).is_some();
                point |= is_number && field.contains(&b'.');
                comma |= !is_number && matches!(read(field, 0, DecimalMark::Comma), Text::Number(_));
            }
        }
        match (comma, point) {
            (true, false) => DecimalMark::Comma,
            (false, false) if self.separator != b',' => DecimalMark::Either,
            _ => DecimalMark::Point,
        }
    }

    /// The lines that say what columns hold.
    pub fn sample<'a>(&self, head: &'a Head) -> Vec<&'a [u8]> {
        let lines = head.lines().filter(|line| !line.is_empty());
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
            for (seen, field) in seen.iter_mut().zip(fields(line, self.separator)) {
                seen.add(field, self.mark);
            }
        }
        seen
    }

    /// What the numbers in the column of times count or spell; Unix seconds where it holds none.
    ///
    /// # Errors
    /// Numbers that are no times.
    pub fn instants(&self, head: &Head, time: usize) -> Result<Instants, String> {
        let field = |line| fields(line, self.separator).nth(time);
        let times = self.sample(head).into_iter().filter_map(field);
        let times: Vec<f64> = times.filter_map(|field| decimal(field.trim_ascii(), 0)).collect();
        Ok(Instants::of(&times)?.unwrap_or(Instants::Seconds))
    }

    /// What the user should know of how the file is written.
    pub fn notes(&self) -> Option<String> {
        (self.mark == DecimalMark::Comma).then(|| "numbers have a decimal comma: 5,1 is 5.1".to_owned())
    }
}

/// Whether a line says which separator follows, as spreadsheets write it: `sep=;`.
fn names_separator(line: &[u8]) -> bool {
    matches!(line, [s, e, p, b'=', _] if [*s, *e, *p].eq_ignore_ascii_case(b"sep"))
}
