//! In: batches of a result; out: lines with aligned columns, cut to the screen where there is one.

use std::fmt::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::text::{cells, printable};
use crate::error::Result;

/// Rows that are looked at before the widths of the columns are settled.
const MEASURED_ROWS: usize = 10_000;

/// A column is not cut to fewer characters than this to make room for others.
const LEAST_WIDTH: usize = 12;

const GAP: usize = 2;

/// An aligned table in the making: its head is held back until the widths are known.
#[derive(Debug)]
pub(super) struct Aligned {
    schema: SchemaRef,
    /// Characters in a line of the screen, if the table must fit.
    screen: Option<usize>,
    head: Vec<RecordBatch>,
    head_rows: usize,
    layout: Option<Layout>,
}

/// The columns that are shown.
#[derive(Debug)]
struct Layout {
    widths: Vec<usize>,
    /// Whether a cell of the column was cut.
    cut: Vec<bool>,
}

impl Aligned {
    pub fn new(schema: SchemaRef, screen: Option<usize>) -> Self {
        Self { schema, screen, head: Vec::new(), head_rows: 0, layout: None }
    }

    /// The lines that the rows of a batch complete.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<String> {
        if self.layout.is_some() {
            return self.rows(batch);
        }
        self.head_rows += batch.num_rows();
        self.head.push(batch.clone());
        if self.head_rows >= MEASURED_ROWS { self.settle() } else { Ok(String::new()) }
    }

    /// The lines held back, and what did not fit.
    pub fn finish(mut self) -> Result<String> {
        let mut text = String::new();
        if self.layout.is_none() && !self.schema.fields().is_empty() {
            text = self.settle()?;
        }
        let Some(layout) = &self.layout else { return Ok(text) };
        let names = |keep: &dyn Fn(usize) -> bool| -> Vec<&str> {
            let fields = self.schema.fields().iter().enumerate();
            fields.filter(|(column, _)| keep(*column)).map(|(_, field)| field.name().as_str()).collect()
        };
        let cut = names(&|column| layout.cut.get(column).is_some_and(|cut| *cut));
        let left_out = names(&|column| column >= layout.widths.len());
        let mut notes = Vec::new();
        if !cut.is_empty() {
            notes.push(format!("shortened: {}", cut.join(", ")));
        }
        if !left_out.is_empty() {
            notes.push(format!("not shown: {}", left_out.join(", ")));
        }
        if !notes.is_empty() {
            let notes = notes.join("; ");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "(cut to the screen; {notes}; --format csv or -o FILE has all)");
        }
        Ok(text)
    }

    /// Decides on the widths; returns header and head.
    fn settle(&mut self) -> Result<String> {
        let fields = self.schema.fields();
        let names: Vec<String> = fields.iter().map(|f| printable(f.name())).collect();
        let mut widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
        let head = std::mem::take(&mut self.head);
        for batch in &head {
            for row in cells(batch, "null")? {
                for (width, cell) in widths.iter_mut().zip(&row?) {
                    *width = (*width).max(cell.width());
                }
            }
        }
        if let Some(screen) = self.screen {
            let shrinks = fields.iter().map(|field| !field.data_type().is_primitive()).collect::<Vec<_>>();
            fit(&mut widths, &shrinks, screen);
        }
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        self.layout = Some(Layout { cut: vec![false; widths.len()], widths });
        let mut text = String::new();
        self.align(&mut text, names);
        self.align(&mut text, rules);
        for batch in &head {
            text.push_str(&self.rows(batch)?);
        }
        Ok(text)
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<String> {
        let mut text = String::new();
        for row in cells(batch, "null")? {
            self.align(&mut text, row?);
        }
        Ok(text)
    }

    /// One line: numbers to the right, the rest to the left, two spaces between columns, none at the end.
    fn align(&mut self, text: &mut String, cells: Vec<String>) {
        let Some(Layout { widths, cut }) = &mut self.layout else { return };
        let start = text.len();
        let columns = cells.into_iter().zip(widths).zip(cut).zip(self.schema.fields());
        for (column, (((mut cell, width), cut), field)) in columns.enumerate() {
            // Without a screen a wider value that comes late is written whole.
            if self.screen.is_some() && cell.width() > *width {
                cell = shortened(&cell, *width);
                *cut = true;
            }
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let right = field.data_type().is_numeric();
            text.push_str(if column == 0 { "" } else { "  " });
            text.push_str(if right { &padding } else { "" });
            text.push_str(&cell);
            text.push_str(if right { "" } else { &padding });
        }
        let end = text.trim_end_matches(' ').len().max(start);
        text.truncate(end);
        text.push('\n');
    }
}

/// Takes width from the widest texts first, then leaves out columns from the right; one always stays.
fn fit(widths: &mut Vec<usize>, shrinks: &[bool], screen: usize) {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    while total(widths) > screen {
        let widest = widths.iter_mut().zip(shrinks).filter(|(w, shrinks)| **shrinks && **w > LEAST_WIDTH);
        match widest.map(|(width, _)| width).max() {
            Some(width) => *width -= 1,
            None => break,
        }
    }
    while total(widths) > screen && widths.len() > 1 {
        widths.pop();
    }
    if let [only] = widths.as_mut_slice() {
        *only = (*only).min(screen.max(1));
    }
}

/// The start of a text and an ellipsis, in that many columns of the screen.
fn shortened(text: &str, width: usize) -> String {
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widest_texts_give_way_first_then_columns() {
        let fitted = |widths: &[usize], shrinks: &[bool], screen| {
            let mut widths = widths.to_vec();
            fit(&mut widths, shrinks, screen);
            widths
        };
        assert_eq!(fitted(&[10, 20], &[true, true], 40), [10, 20]);
        assert_eq!(fitted(&[10, 40, 30], &[true; 3], 64), [10, 25, 25]);
        assert_eq!(fitted(&[20, 40], &[false, true], 40), [20, 18]);
        assert_eq!(fitted(&[20, 20, 20], &[false; 3], 45), [20, 20]);
        assert_eq!(fitted(&[50, 20], &[true, false], 8), [8]);
    }

    #[test]
    fn wide_characters_are_counted_as_they_are_shown() {
        assert_eq!(shortened("北京首都", 5), "北京…");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }
}
