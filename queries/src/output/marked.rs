//! Tables in the marks of a document: rows of cells in, Markdown or LaTeX out.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::text::{cells, printable};
use crate::error::Result;

/// How a table is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    Markdown,
    /// A `tabular` environment, which needs no package.
    Latex,
}

impl Marks {
    /// What comes before the rows: the names of the columns, and on which side their cells stand.
    pub(super) fn header(self, schema: &Schema) -> String {
        let names = schema.fields().iter().map(|field| printable(field.name())).collect();
        let is_number = |field: &arrow::datatypes::FieldRef| field.data_type().is_numeric();
        match self {
            Self::Markdown => {
                let rule = |right: bool| if right { "---:" } else { "---" }.to_owned();
                let rules = schema.fields().iter().map(|field| rule(is_number(field))).collect();
                self.row(names) + &self.row(rules)
            }
            Self::Latex => {
                let sides: String =
                    schema.fields().iter().map(|field| if is_number(field) { 'r' } else { 'l' }).collect();
                format!("\\begin{{tabular}}{{{sides}}}\n\\hline\n{}\\hline\n", self.row(names))
            }
        }
    }

    /// The rows of a batch; a null is an empty cell.
    pub(super) fn rows(self, batch: &RecordBatch) -> Result<String> {
        cells(batch, "", false)?.map(|row| Ok(self.row(row?))).collect()
    }

    /// What comes after the rows.
    pub(super) fn footer(self) -> &'static str {
        match self {
            Self::Markdown => "",
            Self::Latex => "\\hline\n\\end{tabular}\n",
        }
    }

    fn row(self, cells: Vec<String>) -> String {
        match self {
            Self::Markdown => {
                let cell = |cell: String| format!("| {} ", cell.replace('\\', "\\\\").replace('|', "\\|"));
                cells.into_iter().map(cell).collect::<String>() + "|\n"
            }
            Self::Latex => {
                let cells: Vec<String> = cells.iter().map(|cell| latex(cell)).collect();
                cells.join(" & ") + " \\\\\n"
            }
        }
    }
}

/// A text with the characters that LaTeX takes for its own marked as what they are.
fn latex(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => marked.extend(['\\', character]),
            '\\' => marked.push_str("\\textbackslash{}"),
            '~' => marked.push_str("\\textasciitilde{}"),
            '^' => marked.push_str("\\textasciicircum{}"),
            other => marked.push(other),
        }
    }
    marked
}
