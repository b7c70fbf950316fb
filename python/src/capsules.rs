//! The Arrow PyCapsule interface, and the one place of this crate with unsafe code: Python objects in, record batches out, and
//! back; and how Python loads the module.
#![allow(unsafe_code, reason = "capsules hold raw pointers, and Python loads a module by a C function")]

use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::ptr;

use arrow::array::RecordBatchIterator;
use arrow::datatypes::Schema;
use arrow::ffi::FFI_ArrowSchema;
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::errors::with_hint;
use crate::table::Table;

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";
const TABLE: &CStr = c"isdtools.table";

/// Takes the stream of an object that has `__arrow_c_stream__`.
///
/// # Errors
/// An object without it, or one whose stream holds no table.
pub fn stream_of(object: &Bound<'_, PyAny>) -> PyResult<ArrowArrayStreamReader> {
    let py = object.py();
    let method = object.getattr("__arrow_c_stream__").map_err(|_| {
        let found = object.get_type().name().map_or_else(|_| "something else".to_owned(), |n| n.to_string());
        // Polars' lazy frames, and Dask's.
        let lazy = ["collect", "compute"].into_iter().find(|name| object.hasattr(*name).unwrap_or(false));
        let hint = lazy.map(|name| format!("give its result, that of {name}()"));
        PyTypeError::new_err(with_hint(
            format!(
                "observations: expected a table with __arrow_c_stream__ (Polars, pandas 3, pyarrow, DuckDB), found {found}"
            ),
            hint,
        ))
    })?;
    let capsule = method.call0()?.cast_into::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: by the PyCapsule interface a capsule of that name points to a stream, which is moved out of it: the capsule's
    // destructor finds it released. The capsule outlives this call.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr()) };
    // Asking for the schema may start a query, whose threads may need the interpreter.
    py.detach(|| ArrowArrayStreamReader::try_new(stream)).map_err(|error| {
        PyTypeError::new_err(format!("observations: expected a table, found a column or an error: {error}"))
    })
}

/// A capsule with a stream of the table's batches.
///
/// # Errors
/// Python has no memory for it.
pub fn stream_capsule<'py>(py: Python<'py>, table: &Table) -> PyResult<Bound<'py, PyCapsule>> {
    let batches: Vec<_> = table.batches.iter().cloned().map(Ok).collect();
    let reader = RecordBatchIterator::new(batches, table.schema.clone());
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
}

/// A capsule with a schema.
///
/// # Errors
/// A type that the C interface lacks.
pub fn schema_capsule<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let schema =
        FFI_ArrowSchema::try_from(schema).map_err(|error| PyValueError::new_err(error.to_string()))?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// A capsule by which Python code holds a table.
///
/// # Errors
/// Python has no memory for it.
pub fn table_capsule(py: Python<'_>, table: Table) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, table, TABLE)
}

/// The table that a capsule of [`table_capsule`] holds.
///
/// # Errors
/// Any other object.
pub fn table_of(object: &Bound<'_, PyAny>) -> PyResult<Table> {
    let pointer = object.cast::<PyCapsule>()?.pointer_checked(Some(TABLE))?.cast::<Table>();
    // SAFETY: only `table_capsule` makes capsules of that name, whose value is a table that nobody changes. It lives as long
    // as the capsule, which `object` keeps alive during this call.
    Ok(unsafe { pointer.as_ref() }.clone())
}

/// What Python knows of the module. It is handed out once, and from then on Python's alone.
struct Definition(UnsafeCell<ffi::PyModuleDef>);

// SAFETY: only `PyInit__native` reaches it, which Python calls with the interpreter held.
unsafe impl Sync for Definition {}

static DEFINITION: Definition = Definition(UnsafeCell::new(ffi::PyModuleDef {
    m_base: ffi::PyModuleDef_HEAD_INIT,
    m_name: c"_native".as_ptr(),
    m_doc: ptr::null(),
    m_size: -1,
    m_methods: ptr::null_mut(),
    m_slots: ptr::null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
}));

/// Makes the module. Python calls it when `isdtools._native` is first imported.
#[unsafe(no_mangle)]
pub extern "C" fn PyInit__native() -> *mut ffi::PyObject {
    Python::attach(|py| {
        // SAFETY: the interpreter is held, and the definition lives as long as the process. What `PyModule_Create` returns is
        // a new reference, or null where it has set an exception.
        let module = unsafe {
            let created = ffi::PyModule_Create(DEFINITION.0.get());
            Bound::from_owned_ptr_or_err(py, created)
        };
        let module = module.and_then(|module| {
            let module = module.cast_into::<PyModule>()?;
            crate::fill(&module)?;
            Ok(module)
        });
        match module {
            Ok(module) => module.into_ptr(),
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    })
}
