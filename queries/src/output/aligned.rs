//! In: batches of a result; out: lines with aligned columns, cut to the screen where there is one.

use std::fmt::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Screen;
use super::text::{cells, printable};
use crate::error::Result;

/// Rows that are looked at before the widths of the columns are settled.
const MEASURED_ROWS: usize = 10_000;

/// A column is not cut to fewer characters than this to make place for others.
const LEAST_WIDTH: usize = 12;

/// Spaces between two columns.
const GAP: usize = 2;

/// An aligned table that is being written: its first rows wait until the widths are known.
#[derive(Debug)]
pub(super) struct Aligned {
    schema: SchemaRef,
    /// The screen that the table must fit, if any.
    screen: Option<Screen>,
    /// Rows so far, and how many of them are shown.
    rows: usize,
    shown: usize,
    waiting: Vec<RecordBatch>,
    /// Settled after [`MEASURED_ROWS`], or at the end.
    columns: Option<Columns>,
}

/// The columns that are shown.
#[derive(Debug)]
struct Columns {
    /// Characters in a cell of each.
    widths: Vec<usize>,
    /// Whether the column is numbers, which are aligned to the right.
    right: Vec<bool>,
    /// Whether a cell of the column was cut; none where cells are written whole.
    cut: Option<Vec<bool>>,
}

impl Aligned {
    pub fn new(schema: SchemaRef, screen: Option<Screen>) -> Self {
        Self { schema, screen, rows: 0, shown: 0, waiting: Vec::new(), columns: None }
    }

    /// The lines that the rows of a batch complete.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<String> {
        self.rows += batch.num_rows();
        let most = self.screen.and_then(|screen| screen.rows).unwrap_or(usize::MAX);
        let batch = &batch.slice(0, batch.num_rows().min(most.saturating_sub(self.shown)));
        self.shown += batch.num_rows();
        if let Some(columns) = &mut self.columns {
            let mut text = String::new();
            columns.align_rows(&mut text, batch)?;
            return Ok(text);
        }
        self.waiting.push(batch.clone());
        let rows: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
        if rows < MEASURED_ROWS.min(most) {
            return Ok(String::new());
        }
        let (columns, text) = self.settle()?;
        self.columns = Some(columns);
        Ok(text)
    }

    /// The lines that wait, and which columns did not fit. A result without columns has no lines.
    pub fn finish(mut self) -> Result<String> {
        if self.schema.fields().is_empty() {
            return Ok(String::new());
        }
        let (columns, mut text) = match self.columns.take() {
            Some(columns) => (columns, String::new()),
            None => self.settle()?,
        };
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let (shown, left_out) = names.split_at(columns.widths.len());
        let cut = shown.iter().zip(columns.cut.iter().flatten()).filter(|(_, cut)| **cut);
        let cut: Vec<&str> = cut.map(|(name, _)| *name).collect();
        if self.shown < self.rows {
            let (rows, shown, more) = (grouped(self.rows), self.shown, self.screen.map_or("", |s| s.more));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "({rows} rows, the first {shown} shown; {more} shows all)");
        }
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

    /// Decides on the widths; returns the header and the rows that waited, too.
    fn settle(&mut self) -> Result<(Columns, String)> {
        let fields = self.schema.fields();
        let names: Vec<String> = fields.iter().map(|f| printable(f.name())).collect();
        let mut widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
        let waiting = std::mem::take(&mut self.waiting);
        for batch in &waiting {
            for row in cells(batch, "null", self.screen.is_some())? {
                for (width, cell) in widths.iter_mut().zip(&row?) {
                    *width = (*width).max(cell.width());
                }
            }
        }
        if let Some(screen) = self.screen {
            let shrinks = fields.iter().map(|field| !field.data_type().is_primitive()).collect::<Vec<_>>();
            fit(&mut widths, &shrinks, screen.width);
        }
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let right = fields.iter().map(|field| field.data_type().is_numeric()).collect();
        let cut = self.screen.map(|_| vec![false; widths.len()]);
        let mut columns = Columns { widths, right, cut };
        let mut text = String::new();
        columns.align(&mut text, names);
        columns.align(&mut text, rules);
        for batch in &waiting {
            columns.align_rows(&mut text, batch)?;
        }
        Ok((columns, text))
    }
}

impl Columns {
    /// A line for each row of a batch.
    fn align_rows(&mut self, text: &mut String, batch: &RecordBatch) -> Result<()> {
        for row in cells(batch, "null", self.cut.is_some())? {
            self.align(text, row?);
        }
        Ok(())
    }

    /// One line: numbers to the right, the rest to the left, no spaces at the end. Cells of columns that are not shown are
    /// left out.
    fn align(&mut self, text: &mut String, cells: Vec<String>) {
        let start = text.len();
        for (column, (mut cell, (width, right))) in
            cells.into_iter().zip(self.widths.iter().zip(&self.right)).enumerate()
        {
            // Where cells are written whole, one that comes late may be wider than its column.
            if let Some(cut) = &mut self.cut
                && cell.width() > *width
            {
                cell = shortened(&cell, *width);
                cut[column] = true;
            }
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let gap = " ".repeat(if column == 0 { 0 } else { GAP });
            let (left, right) = if *right { (padding, String::new()) } else { (String::new(), padding) };
            text.extend([gap, left, cell, right]);
        }
        let end = text.trim_end_matches(' ').len().max(start);
        text.truncate(end);
        text.push('\n');
    }
}

/// A number with commas between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Cuts a table to the width of the screen: takes width from the widest texts first, which `shrinks` marks, then leaves out
/// columns from the right; one always stays.
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
