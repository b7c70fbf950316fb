//! Names in messages: from the known names to a short list of them, or to the one that a mistyped name may stand for.

use std::fmt::Display;
use strsim::levenshtein;

/// Names that a message lists before it says how many more there are.
const LISTED: usize = 20;

/// A text with what would end the line, or change the terminal, as an escape: a line break as `\n`. What a library says of a
/// damaged file may quote it.
#[must_use]
pub fn one_line(text: &impl Display) -> String {
    let mut line = String::new();
    for character in text.to_string().chars() {
        if character.is_control() { line.extend(character.escape_default()) } else { line.push(character) }
    }
    line
}

/// Lists names in one line, separated by commas; of more than 20 the first 20 and the number of the others.
#[must_use]
pub fn list(names: &[String]) -> String {
    match names.get(..LISTED) {
        Some(first) if names.len() > LISTED => {
            format!("{} and {} more", first.join(", "), names.len() - LISTED)
        }
        _ => names.join(", "),
    }
}

/// Finds the known name that differs least from `name`; the first of several. `None` where each differs in more than a
/// third of `name`'s characters, rounded up.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3);
    least_different(name, known).filter(|(distance, _)| *distance <= limit).map(|(_, nearest)| nearest)
}

/// Finds the known name that differs least from `name`, however much that is, with the difference; the first of several.
/// `None` where no name is known.
///
/// The difference is the number of characters to insert, remove or replace (the Levenshtein distance), whatever their case.
pub fn least_different<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let name = name.to_lowercase();
    let distances = known.into_iter().map(|other| (levenshtein(&name, &other.to_lowercase()), other));
    distances.min_by_key(|(distance, _)| *distance)
}
