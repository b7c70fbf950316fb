//! The tools: a name and an argument vector in, what a run printed out; or a whole command line and an exit status.

use std::ffi::OsString;
use std::process;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use isd::cli::convert::ConvertArgs;
use isd::cli::detect::DetectArgs;
use isd::cli::embedded::{Counts, EmbeddedRun, Printed};
use isd::cli::events::EventsArgs;
use isd::cli::qc::QcArgs;
use isd::cli::synth::SynthArgs;
use isd::cli::{Failure, Kind, run_with};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::capsules::table_capsule;
use crate::errors::exception;
use crate::table::Table;
use crate::watch::watched;

/// Runs a tool with those arguments, the first of which is its name; gives what it prints to standard output and to standard
/// error, and, where `keep` says so, the table that it would write to `-o`. Sources that were left out are told in the text for
/// standard error. `progress` is called with a dict of counts.
///
/// # Errors
/// Those of the tool as exceptions, that of Ctrl-C, and what `progress` raises.
pub fn run(
    py: Python<'_>,
    tool: &str,
    arguments: Vec<OsString>,
    progress: Option<&Py<PyAny>>,
    keep: bool,
) -> PyResult<(String, String, Option<Py<PyCapsule>>)> {
    refuse_after_fork()?;
    let run = Arc::new(if keep { EmbeddedRun::for_table() } else { EmbeddedRun::default() });
    let work = || match tool {
        "isd-convert" => run.run::<ConvertArgs>(arguments),
        "isd-detect" => run.run::<DetectArgs>(arguments),
        "isd-events" => run.run::<EventsArgs>(arguments),
        "isd-qc" => run.run::<QcArgs>(arguments),
        tool => Err(no_such(tool)),
    };
    let tell = |py: Python<'_>| match (progress, run.progress()) {
        (Some(callback), Some(counts)) => callback.call1(py, (counts_dict(py, &counts)?,)).map(drop),
        _ => Ok(()),
    };
    let result = watched(py, work, || run.cancel(), tell)?;
    let Printed { stdout, mut stderr } = run.printed();
    match result {
        Ok(()) | Err(Failure::Found | Failure::ClosedPipe) => {}
        // All else is done, and the summary lists them.
        Err(Failure::Report(report)) if report.kind == Kind::LeftOut => {
            stderr.push_str(&report.message);
            stderr.push('\n');
        }
        Err(failure) => return Err(exception(py, failure)),
    }
    // The last word on progress: a short run ends before the first look.
    tell(py)?;
    let table = run.table().map(|(schema, batches)| table_capsule(py, Table { schema, batches }));
    Ok((stdout, stderr, table.transpose()?.map(Bound::unbind)))
}

/// Runs a tool as its binary does, with those arguments, the first of which is its name; gives the exit status. It may end the
/// process instead.
///
/// # Errors
/// A name that no tool has.
pub fn script(tool: &str, arguments: &[OsString]) -> PyResult<u8> {
    let status = match tool {
        "isd-convert" => run_with::<ConvertArgs>(arguments),
        "isd-detect" => run_with::<DetectArgs>(arguments),
        "isd-events" => run_with::<EventsArgs>(arguments),
        "isd-qc" => run_with::<QcArgs>(arguments),
        "isd-synth" => run_with::<SynthArgs>(arguments),
        tool => return Err(PyValueError::new_err(format!("{tool}: no such tool"))),
    };
    // An exit status cannot be asked for its number.
    let number = (0..=u8::MAX).find(|number| ExitCode::from(*number) == status);
    Ok(number.unwrap_or(1))
}

fn no_such(tool: &str) -> Failure {
    Failure::usage(format!("{tool}: no such tool"))
}

fn counts_dict<'py>(py: Python<'py>, counts: &Counts) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("rows", counts.rows)?;
    dict.set_item("rows_total", counts.rows_total)?;
    dict.set_item("bytes", counts.bytes)?;
    dict.set_item("bytes_total", counts.bytes_total)?;
    dict.set_item("files", counts.files)?;
    dict.set_item("files_total", counts.files_total)?;
    dict.set_item("seconds", counts.seconds)?;
    Ok(dict)
}

/// Makes sure that the process was not forked from one in which tools had run: the threads of Polars are not there in a fork,
/// where a run would wait for them for ever.
///
/// # Errors
/// Such a process.
fn refuse_after_fork() -> PyResult<()> {
    static FIRST: OnceLock<u32> = OnceLock::new();
    if *FIRST.get_or_init(process::id) == process::id() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "isdtools has run in the process that this one was forked from, whose threads are gone\n\
         hint: start processes by 'spawn' or 'forkserver', as joblib and Dask do by default",
    ))
}
