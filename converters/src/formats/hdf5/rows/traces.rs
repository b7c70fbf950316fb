//! Trace precipitation: a source of values in ISD's tenths in, the same with its traces as 0 mm, counted, out.
//!
//! Text of ISD-Lite and its HDF5 twin must become the same dataset: in both, a stored -1 is no amount.

use std::collections::BTreeMap;

use arrow::array::Float64Array;

use crate::{Batch, ColumnInfo, Measurement, Result, Source, Tally};

/// A stored -1 in tenths.
const TRACE_MM: f64 = -0.1;

/// A source whose traces of precipitation become 0.
pub struct Traces {
    source: Box<dyn Source>,
    traces: BTreeMap<String, u64>,
}

impl Traces {
    pub fn new(source: Box<dyn Source>) -> Self {
        Self { source, traces: BTreeMap::new() }
    }
}

impl Source for Traces {
    fn columns(&self) -> &[ColumnInfo] {
        self.source.columns()
    }

    fn rows(&self) -> Option<u64> {
        self.source.rows()
    }

    fn layout(&self) -> &'static str {
        self.source.layout()
    }

    fn notes(&self) -> &[String] {
        self.source.notes()
    }

    fn tally(&self) -> Tally {
        let mut tally = self.source.tally();
        tally.add(&Tally { traces: self.traces.clone(), ..Tally::default() });
        tally
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let Some(mut batch) = self.source.next_batch()? else { return Ok(None) };
        for (info, column) in self.source.columns().iter().zip(&mut batch.columns) {
            if Measurement::named(&info.name).is_some_and(|measurement| measurement.trace) {
                let traces = column.iter().filter(|&value| value == Some(TRACE_MM)).count();
                if traces > 0 {
                    *column = without_traces(column);
                    *self.traces.entry(info.name.clone()).or_default() += traces as u64;
                }
            }
        }
        Ok(Some(batch))
    }
}

fn without_traces(column: &Float64Array) -> Float64Array {
    column.unary(|value| if value == TRACE_MM { 0.0 } else { value })
}
