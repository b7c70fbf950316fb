//! Numbers as tables hold them as text: a field in; a number, a missing value or a trace out.

use crate::formats::text::decimal;

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
    /// Either: no number with a fraction was seen.
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
        for (field, mark) in [
            ("5,1", DecimalMark::Point),
            ("1.029", DecimalMark::Comma),
            ("1.029,6", DecimalMark::Comma),
            ("1,029.6", DecimalMark::Either),
            ("1,029,6", DecimalMark::Comma),
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
