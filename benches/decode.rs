//! Decoding alone: the value columns of a dataset as slices in, seconds out.
//!
//! `cargo bench --bench decode -- DATASET MEASUREMENT…` reads those columns with the reader that `isd-detect` uses, row
//! group by row group on all cores, and drops them: what `isd-detect` costs beside that is the rolling test. With
//! `--library` the Parquet library decodes them, into one array a row group. Without arguments, as under
//! `cargo test --benches`, there is nothing to read and nothing is measured.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use arrow::array::Array;
use isd_dataset::read::{Dataset, RowGroup};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;

// As in isd-detect.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Number of values of a column that are not missing.
type Observed = fn(&RowGroup, &str) -> Result<usize>;

fn by_reader(group: &RowGroup, measurement: &str) -> Result<usize> {
    let values = group.values(measurement)?;
    assert_eq!(values.len(), group.rows(), "a value or a null for each row");
    Ok(values.len() - values.null_count())
}

fn by_library(group: &RowGroup, measurement: &str) -> Result<usize> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(group.path())?)?;
    let column = ProjectionMask::columns(builder.parquet_schema(), [measurement]);
    let reader = builder
        .with_row_groups(vec![group.index()])
        .with_projection(column)
        .with_batch_size(group.rows())
        .build()?;
    let mut observed = 0;
    for batch in reader {
        let batch = batch?;
        observed += batch.num_rows() - batch.column(0).null_count();
    }
    Ok(observed)
}

fn run(path: &Path, measurements: &[String], observed: Observed) -> Result<()> {
    let start = Instant::now();
    let dataset = Dataset::open(path)?;
    let groups = dataset.row_groups();
    let observed = groups.par_iter().map(|group| {
        measurements.iter().map(|measurement| observed(group, measurement)).sum::<Result<usize>>()
    });
    let observed = observed.sum::<Result<usize>>()?;
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
    let (options, arguments): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let observed = if options.iter().any(|option| option == "--library") { by_library } else { by_reader };
    let mut arguments = arguments.into_iter();
    let Some(path) = arguments.next() else {
        println!("nothing to decode: cargo bench --bench decode -- DATASET MEASUREMENT…");
        return ExitCode::SUCCESS;
    };
    match run(Path::new(&path), &arguments.collect::<Vec<_>>(), observed) {
        // As isd-detect does.
        Ok(()) => isd::cli::leave(),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
