//! Numbers as tables hold them as text: a field in; a number, a missing value or a trace out.

use crate::formats::text::{decimal, shown};

/// What stands for a missing value besides an empty field, in lower case: of data frames and databases, of airport and
/// climate archives, of spreadsheets.
const MISSING: [&str; 17] = [
    "nan", "null", "na", "none", "n/a", "#n/a", "<na>", "nil", "m", "mm", "-", "--", "---", ".", "\\n",
    "missing", "///",
];
/// What stands for an amount too small to measure, in lower case.
const TRACE: [&str; 2] = ["t", "trace"];
/// Characters of the longest number with a comma that is read.
const NUMBER_BYTES: usize = 40;

/// What separates the whole part of a number from its fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// A point.
    Point,
    /// A comma.
    Comma,
    /// Either: no number with a fraction was seen. A comma that may separate thousands, as in `1,010`, is neither.
    Either,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Text {
    /// A number.
    Number(f64),
    /// Nothing, or a mark for a missing value.
    Missing,
    /// A mark for an amount too small to measure.
    Trace,
    /// Something else.
    Other,
}

/// What the commas and points of numbers say of the decimal mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// A comma is a decimal mark: `12,5`.
    pub comma: bool,
    /// A comma may be one or separate thousands: `1,010`.
    pub doubtful_comma: bool,
    /// A point is one: `12.5`.
    pub point: bool,
}

impl Marks {
    /// Takes note of a field.
    pub fn add(&mut self, field: &[u8]) {
        let field = field.trim_ascii();
        if decimal(field, 0).is_some() {
            self.point |= field.contains(&b'.');
        } else if with_comma(field, 0, DecimalMark::Comma).is_some() {
            let doubtful = may_be_thousands(field);
            self.comma |= !doubtful;
            self.doubtful_comma |= doubtful;
        }
    }
}

/// Whether the comma of a number may separate thousands: up to three digits before it, of which the first is no 0, and
/// three behind it.
pub fn may_be_thousands(field: &[u8]) -> bool {
    let number = field.strip_prefix(b"-").or(field.strip_prefix(b"+")).unwrap_or(field);
    let mut groups = number.split(|&byte| byte == b',');
    let digits = |group: &[u8]| group.iter().all(u8::is_ascii_digit);
    groups.next().is_some_and(|first| matches!(first, [b'1'..=b'9', ..]) && first.len() <= 3 && digits(first))
        && number.contains(&b',')
        && groups.all(|group| group.len() == 3 && digits(group))
}

/// What is wrong with a text that is no number in a column of that name.
pub fn no_number(name: &str, field: &[u8]) -> String {
    let field = field.trim_ascii();
    let shown = shown(field);
    if may_be_thousands(field) {
        return format!(
            "{name} is {shown}, whose comma may separate thousands or a fraction; expected numbers that say which, such as \"12,5\", or without it"
        );
    }
    format!("{name} is {shown}, expected a number; -m picks other columns")
}

/// Reads a field, whose number is multiplied by 10^-`shift`.
#[inline]
pub fn read(field: &[u8], shift: u32, mark: DecimalMark) -> Text {
    let field = field.trim_ascii();
    if field.is_empty() {
        return Text::Missing;
    }
    let number = match mark {
        DecimalMark::Point => decimal(field, shift),
        _ => with_comma(field, shift, mark),
    };
    match number {
        Some(number) => Text::Number(number),
        None => marker(field),
    }
}

/// What a field that is no number stands for.
#[cold]
fn marker(field: &[u8]) -> Text {
    let is = |known: &[&str]| known.iter().any(|text| field.eq_ignore_ascii_case(text.as_bytes()));
    if is(&MISSING) {
        Text::Missing
    } else if is(&TRACE) {
        Text::Trace
    } else {
        Text::Other
    }
}

/// What the first fields of a column hold.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says of itself whether something was seen")]
pub struct Seen {
    /// A number.
    pub number: bool,
    /// A number with a fraction.
    pub fraction: bool,
    /// Something that is neither a number nor a mark.
    pub other: bool,
    /// A mark that is a mark only beside numbers, such as `M`.
    letter: bool,
}

impl Seen {
    /// Takes note of a field.
    pub fn add(&mut self, field: &[u8], mark: DecimalMark) {
        let field = field.trim_ascii();
        match read(field, 0, mark) {
            Text::Number(number) => {
                self.number = true;
                self.fraction |= number.trunc() != number;
            }
            Text::Missing if field.is_empty() => {}
            Text::Missing | Text::Trace => self.letter |= is_letter(field),
            Text::Other => self.other = true,
        }
    }

    /// Whether the column holds marks that are ones only beside numbers, and nothing else.
    pub fn is_of_marks(&self) -> bool {
        self.letter && !self.number && !self.other
    }

    /// Whether the column can be one of numbers: marks such as `M` alone do not make one.
    pub fn may_be_numbers(&self) -> bool {
        !self.other && (self.number || !self.letter)
    }
}

/// Whether a missing value is spelled in a way that data frames and databases do not write: it needs a number beside it
/// to be known as one.
fn is_letter(field: &[u8]) -> bool {
    let known = |text: &&str| field.eq_ignore_ascii_case(text.as_bytes());
    !MISSING[..4].iter().any(known)
}

fn with_comma(field: &[u8], shift: u32, mark: DecimalMark) -> Option<f64> {
    let Some(comma) = field.iter().position(|&byte| byte == b',') else {
        // Where the comma is the mark, a point separates thousands.
        let point = mark == DecimalMark::Comma && field.contains(&b'.');
        return if point { None } else { decimal(field, shift) };
    };
    if mark == DecimalMark::Either && may_be_thousands(field) {
        return None;
    }
    let mut copy = [0; NUMBER_BYTES];
    let copy = copy.get_mut(..field.len()).filter(|_| !field.contains(&b'.'))?;
    copy.copy_from_slice(field);
    copy[comma] = b'.';
    decimal(copy, shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_decimal_marks_where_points_are_not() {
        let read = |field: &str, mark| read(field.as_bytes(), 0, mark);
        assert_eq!(read("5,1", DecimalMark::Comma), Text::Number(5.1));
        assert_eq!(read("-0,05", DecimalMark::Either), Text::Number(-0.05));
        assert_eq!(read("5.1", DecimalMark::Either), Text::Number(5.1));
        assert_eq!(read("0,125", DecimalMark::Either), Text::Number(0.125));
        assert_eq!(read("1010,250", DecimalMark::Either), Text::Number(1010.25));
        assert_eq!(read("1,029", DecimalMark::Comma), Text::Number(1.029));
        for (field, mark) in [
            ("5,1", DecimalMark::Point),
            ("1.029", DecimalMark::Comma),
            ("1.029,6", DecimalMark::Comma),
            ("1,029.6", DecimalMark::Either),
            ("1,029,6", DecimalMark::Comma),
            ("1,029", DecimalMark::Either),
            ("-12,000", DecimalMark::Either),
        ] {
            assert_eq!(read(field, mark), Text::Other, "{field}");
        }
    }

    #[test]
    fn marks_are_no_numbers() {
        let read = |field: &str| read(field.as_bytes(), 0, DecimalMark::Point);
        for field in ["", " ", "M", "null", "N/A", "-", "\\N", "NaN", "<NA>"] {
            assert_eq!(read(field), Text::Missing, "{field}");
        }
        assert_eq!(
            (read("T"), read("trace"), read("-5"), read("x")),
            (Text::Trace, Text::Trace, Text::Number(-5.0), Text::Other)
        );
    }
}
