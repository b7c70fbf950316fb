//! The options of the tools, from the parsers of their command lines: a tool's name in, a description in JSON out. The Python
//! functions are generated from it.

use clap::{Arg, ArgAction, Command, CommandFactory};
use isd::cli::convert::ConvertArgs;
use isd::cli::detect::DetectArgs;
use isd::cli::events::EventsArgs;
use isd::cli::qc::QcArgs;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::{Value, json};

/// Describes the arguments of a tool.
///
/// # Errors
/// A name that no tool has.
pub fn options(tool: &str) -> PyResult<String> {
    let command = match tool {
        "isd-convert" => ConvertArgs::command(),
        "isd-detect" => DetectArgs::command(),
        "isd-events" => EventsArgs::command(),
        "isd-qc" => QcArgs::command(),
        tool => return Err(PyValueError::new_err(format!("{tool}: no such tool"))),
    };
    Ok(describe(command).to_string())
}

fn describe(mut command: Command) -> Value {
    command.build();
    let about = command.get_about().map(ToString::to_string);
    // What clap adds itself is no option of a function.
    let own = command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"));
    let arguments: Vec<Value> = own.map(argument).collect();
    json!({ "about": about, "arguments": arguments })
}

fn argument(argument: &Arg) -> Value {
    let texts = |texts: &[_]| -> Vec<String> {
        texts.iter().map(|text: &clap::builder::OsStr| text.to_string_lossy().into_owned()).collect()
    };
    let count = argument.get_num_args().map(|range| (range.min_values(), range.max_values()));
    let possible = argument.get_possible_values();
    json!({
        "name": argument.get_long(),
        "is_flag": matches!(argument.get_action(), ArgAction::SetTrue),
        "is_list": matches!(argument.get_action(), ArgAction::Append),
        "values": count,
        "value_names": argument.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "default": texts(argument.get_default_values()),
        "choices": possible.iter().map(|value| value.get_name().to_owned()).collect::<Vec<_>>(),
        "help": argument.get_help().map(ToString::to_string),
    })
}
