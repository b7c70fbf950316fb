//! Fields of a line of separated values: a line in, its fields without their quotes out.

use std::borrow::Cow;
use std::iter::FusedIterator;

use memchr::memchr_iter;

/// The fields of a line, in order; a line without a separator is one field.
///
/// Quotes around a field are taken off and may hold separators; a quote that is doubled within them stays doubled,
/// since nothing is copied. A line end within quotes ends the line: a format of lines has none.
#[must_use]
pub fn fields(line: &[u8], separator: u8) -> Fields<'_> {
    Fields { rest: Some(line), separator }
}

/// The text of the field of that place, counted from 0: without quotes around it and with one quote for each that is
/// doubled within them; empty where the line has no such field.
#[must_use]
pub fn unquoted(line: &[u8], separator: u8, place: usize) -> Cow<'_, [u8]> {
    let mut all = fields(line, separator);
    let before = place.checked_sub(1).and_then(|before| all.nth(before));
    let rest = if place == 0 || before.is_some() { all.rest } else { None };
    let field = all.next().unwrap_or_default();
    // A quoted field begins after its quote.
    let is_quoted = rest.is_some_and(|rest| !std::ptr::eq(rest.as_ptr(), field.as_ptr()));
    if !is_quoted || !field.contains(&b'"') {
        return Cow::Borrowed(field);
    }
    let mut text = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        text.push(byte);
        if byte == b'"' {
            bytes.next();
        }
    }
    Cow::Owned(text)
}

/// Makes sure that every quote that begins a field of the line is closed on it: what follows would else become part of
/// another field.
///
/// # Errors
/// A quote that is open at the end of the line.
#[inline]
pub fn check_quotes(line: &[u8], separator: u8) -> Result<(), String> {
    // Closed ones come in pairs, and most lines have none.
    if memchr_iter(b'"', line).count() % 2 == 1 && has_open_quote(line, separator) {
        return Err("has a quote that is not closed; line ends within quotes are not read".to_owned());
    }
    Ok(())
}

#[cold]
fn has_open_quote(line: &[u8], separator: u8) -> bool {
    let mut all = fields(line, separator);
    while let Some(rest) = all.rest {
        let Some(field) = all.next() else { break };
        // A field whose quotes were taken off begins behind the first of them.
        let is_raw = std::ptr::eq(rest.as_ptr(), field.as_ptr());
        if is_raw && rest.starts_with(b"\"") && memchr_iter(b'"', field).count() % 2 == 1 {
            return true;
        }
    }
    false
}

/// Yields the fields of a line, for [`fields`].
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// What follows the last separator; `None` after the last field.
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        if let Some(quoted) = rest.strip_prefix(b"\"")
            && let Some(field) = self.quoted(quoted)
        {
            return Some(field);
        }
        let end = rest.iter().position(|&byte| byte == self.separator);
        self.rest = end.map(|end| &rest[end + 1..]);
        Some(end.map_or(rest, |end| &rest[..end]))
    }
}

impl FusedIterator for Fields<'_> {}

impl<'a> Fields<'a> {
    /// The field after an opening quote; `None` where no quote closes it before a separator or the end of the line.
    fn quoted(&mut self, quoted: &'a [u8]) -> Option<&'a [u8]> {
        let mut at = 0;
        loop {
            let end = at + quoted.get(at..)?.iter().position(|&byte| byte == b'"')?;
            match quoted.get(end + 1) {
                Some(b'"') => at = end + 2,
                next => {
                    if next.is_some_and(|&byte| byte != self.separator) {
                        return None;
                    }
                    self.rest = next.and_then(|_| quoted.get(end + 2..));
                    return quoted.get(..end);
                }
            }
        }
    }
}
