//! Decoding alone: the value columns of a dataset as slices in, seconds out.
//!
//! `cargo bench --bench decode -- DATASET MEASUREMENT…` reads those columns with the reader that `isd-detect` uses, row
//! group by row group on all cores, and drops them: what `isd-detect` costs beside that is the rolling test. Without
//! arguments, as under `cargo test --benches`, there is nothing to read and nothing is measured.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use arrow::array::Array;
use isd_converters::Result;
use isd_converters::dataset::Dataset;
use rayon::prelude::*;

// As in isd-detect.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn run(path: &Path, measurements: &[String]) -> Result<()> {
    let start = Instant::now();
    let dataset = Dataset::open(path)?;
    let observed: usize = dataset
        .row_groups()
        .par_iter()
        .map(|group| {
            let columns = measurements.iter().map(|name| {
                let values = group.values(name)?;
                assert_eq!(values.len(), group.rows(), "a value or a null for each row");
                Ok(values.len() - values.null_count())
            });
            columns.sum::<Result<usize>>()
        })
        .sum::<Result<usize>>()?;
    // One JSON object, for the script that runs this beside isd-detect.
    println!(
        "{{\"rows\": {}, \"observed\": {observed}, \"seconds\": {:.6}}}",
        dataset.rows(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let Some(path) = arguments.next() else {
        println!("nothing to decode: cargo bench --bench decode -- DATASET MEASUREMENT…");
        return ExitCode::SUCCESS;
    };
    match run(Path::new(&path), &arguments.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
