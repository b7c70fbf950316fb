//! The module `isdtools._native`: what the Python package calls. It is written without PyO3's macros, which would have Polars
//! compiled once more: see the workspace's `Cargo.toml`.

mod capsules;
mod columns;
mod errors;
mod observations;
mod options;
mod outliers;
mod parts;
mod plots;
mod request;
mod stations;
mod table;
mod threads;
mod times;
mod tools;
mod values;
mod watch;

use std::ffi::{CStr, OsString};
use std::path::PathBuf;

use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

/// Adds what Python code calls to the module.
fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    add(module, c"run", |arguments| {
        let (tool, line, progress, keep) =
            arguments.extract::<(String, Vec<OsString>, Option<Py<PyAny>>, bool)>()?;
        tools::run(arguments.py(), &tool, line, progress.as_ref(), keep)
    })?;
    add(module, c"script", |arguments| {
        let (tool, line) = arguments.extract::<(String, Vec<OsString>)>()?;
        tools::script(&tool, &line)
    })?;
    add(module, c"options", |arguments| {
        let (tool,) = arguments.extract::<(String,)>()?;
        options::options(&tool)
    })?;
    add(module, c"outliers", |arguments| {
        let (stream, names, line) = arguments.extract::<(Bound<'_, PyAny>, _, Vec<OsString>)>()?;
        outliers::outliers(&stream, names, line)
    })?;
    add(module, c"columns", |arguments| {
        let (stream, kind, names, line) =
            arguments.extract::<(Bound<'_, PyAny>, String, _, Vec<OsString>)>()?;
        columns::columns(&stream, &kind, names, line)
    })?;
    add(module, c"parts", |arguments| {
        let (dataset, parts) = arguments.extract::<(PathBuf, usize)>()?;
        parts::rows_of_parts(arguments.py(), &dataset, parts)
    })?;
    add(module, c"stations_of_part", |arguments| {
        let (dataset, number, parts) = arguments.extract::<(PathBuf, usize, usize)>()?;
        parts::stations_of_part(arguments.py(), &dataset, number, parts)
    })?;
    add(module, c"plot", |arguments| {
        let (line,) = arguments.extract::<(Vec<OsString>,)>()?;
        plots::plot(arguments.py(), line)
    })?;
    table::fill(module)
}

/// Adds a function that takes positional arguments alone.
fn add<R>(
    module: &Bound<'_, PyModule>,
    name: &'static CStr,
    function: impl Fn(&Bound<'_, PyTuple>) -> PyResult<R> + Send + Sync + 'static,
) -> PyResult<()>
where
    R: for<'py> IntoPyObject<'py>,
{
    let function = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        function(arguments)?.into_py_any(arguments.py())
    };
    let function = PyCFunction::new_closure(module.py(), Some(name), None, function)?;
    module.add(&*name.to_string_lossy(), function)
}
