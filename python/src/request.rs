//! What is asked of observations in memory: a table, names of columns and options of `isd-detect` in; the same read and
//! checked, and threads to work on it, out.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::error::ArrowError;
use clap::Parser;
use isd::cli::Tool;
use isd::cli::detect::DetectArgs;
use isd::kernel::Scratch;
use pyo3::prelude::*;

use crate::capsules::stream_of;
use crate::errors::{Refusal, exception, value_error};
use crate::observations::{Observations, Station};
use crate::threads::Threads;
use crate::watch::watched;

/// What the observations are called in messages.
const NAME: &str = "observations";

/// Names of the measurements that are asked for, of the column of stations and of that of times.
pub type Names = (Vec<String>, String, String);

/// Observations, and what is asked of them.
pub struct Request {
    /// The observations.
    pub observations: Observations,
    /// The options.
    pub arguments: DetectArgs,
    /// The measurements that are meant, each once.
    pub measurements: Vec<String>,
    /// The threads to work on.
    pub threads: Threads,
    cancelled: Arc<AtomicBool>,
}

impl Request {
    /// Reads a table, and parses options of `isd-detect`.
    ///
    /// # Errors
    /// Options that the tool refuses, or measurements that are absent or no numbers.
    pub fn new(
        stream: &Bound<'_, PyAny>,
        (measurements, station, time): Names,
        line: Vec<OsString>,
    ) -> PyResult<Self> {
        let py = stream.py();
        let arguments = DetectArgs::try_parse_from(line).map_err(|error| exception(py, error.into()))?;
        let reader = stream_of(stream)?;
        // What gives the batches may need the interpreter.
        let (schema, batches) = py.detach(|| {
            let schema = reader.schema();
            let batches = reader.collect::<Result<Vec<RecordBatch>, ArrowError>>();
            let failed = |error| match error {
                // Of such a column, which nobody has to ask for, the whole batch cannot be taken over.
                ArrowError::CDataInterface(found) => Refusal::value(format!(
                    "{NAME}: a column is of a type that cannot be taken over ({found}); select those that are needed"
                )),
                other => Refusal::value(format!("{NAME}: cannot be read: {other}")),
            };
            batches.map(|batches| (schema, batches)).map_err(failed)
        })?;
        let observations = Observations::new(schema, batches, station, time);
        observations.expect_numbers(&measurements)?;
        let measurements = arguments.measurements(&observations.numbers(), NAME).map_err(value_error)?;
        let threads = Threads::new(arguments.common(), observations.rows());
        let threads = threads.map_err(|failure| exception(py, failure))?;
        Ok(Self { observations, arguments, measurements, threads, cancelled: Arc::default() })
    }

    /// Does `work` without the interpreter, until Ctrl-C.
    ///
    /// # Errors
    /// Those of `work`, and that of Ctrl-C.
    pub fn watched<R: Send>(
        mut self,
        py: Python<'_>,
        work: impl FnOnce(&mut Self) -> Result<R, Refusal> + Send,
    ) -> PyResult<R> {
        let cancelled = Arc::clone(&self.cancelled);
        Ok(watched(py, || work(&mut self), || cancelled.store(true, Ordering::Relaxed), |_| Ok(()))??)
    }

    /// Calls `work` for each station, on all threads; the results are in the order of the stations. It gets buffers to
    /// reuse.
    ///
    /// # Errors
    /// The first one of `work`.
    pub fn of_each<R: Send>(
        &self,
        stations: &[Station],
        work: impl Fn(&Station, &mut Scratch, &mut Vec<f64>) -> Result<R, Refusal> + Sync,
    ) -> Result<Vec<R>, Refusal> {
        let buffers = || (Scratch::default(), Vec::new());
        self.threads.map(stations, buffers, |(scratch, buffer), station| {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Refusal::value("cancelled"));
            }
            work(station, scratch, buffer)
        })
    }
}
