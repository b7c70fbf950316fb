//! The kernels as Polars expressions: columns in, a column or a struct of one row an outlier out.
//!
//! The expressions are groupwise: each sees the whole of its columns at once, in any engine, so that no window loses its
//! past at a morsel's edge.

mod columns;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use polars::prelude::*;
use polars_arrow::array::PrimitiveArray;
use polars_arrow::bitmap::Bitmap;

pub use columns::{forward_fill, rolling_mean, rolling_std};

use isd_kernel::{
    LengthError, Outcome, Outlier, Packing, RollingTest, Scratch, Series as KernelSeries, TimesError,
    Validity, outliers_of_each,
};

/// Names of the fields that [`rolling_outliers`] adds to the carried columns, in order.
pub const FIELDS: [&str; 8] =
    ["row", "measurement", "value", "rolling_mean", "rolling_std", "zscore", "window_count", "filled"];

/// What became of the series of one measurement, as the expression counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeriesCount {
    /// Series tested.
    pub tested: usize,
    /// Series with fewer than `min_periods + 1` observed values.
    pub too_short: usize,
    /// Outliers.
    pub outliers: usize,
    /// Series with at least one.
    pub with_outliers: usize,
}

impl std::ops::AddAssign for SeriesCount {
    fn add_assign(&mut self, more: Self) {
        self.tested += more.tested;
        self.too_short += more.too_short;
        self.outliers += more.outliers;
        self.with_outliers += more.with_outliers;
    }
}

/// Counts of series, one a measurement, filled in when a plan with the expression is collected.
pub type SeriesCounts = Arc<Mutex<Vec<SeriesCount>>>;

/// Where one series ends and the next begins.
#[derive(Debug, Clone)]
pub enum Boundaries {
    /// A run of equal values of this column is a series: strings or integers, no nulls, no value in two runs.
    Runs(PlSmallStr),
    /// The series have these numbers of rows, which add up to the frame's.
    Lengths(Arc<[usize]>),
}

impl Boundaries {
    /// The column that they are read from.
    fn column(&self) -> Option<Expr> {
        match self {
            Self::Runs(keys) => Some(col(keys.clone())),
            Self::Lengths(_) => None,
        }
    }

    /// The numbers of rows, given that column.
    fn lengths(&self, keys: Option<&Column>) -> PolarsResult<Cow<'_, [usize]>> {
        match (self, keys) {
            (Self::Lengths(lengths), _) => Ok(Cow::Borrowed(lengths)),
            (Self::Runs(_), Some(keys)) => run_lengths(keys).map(Cow::Owned),
            (Self::Runs(keys), None) => polars_bail!(ComputeError: "{keys}: no such column of series"),
        }
    }
}

/// A column that the kernel tests: null, NaN and infinite values are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// Its name.
    pub name: PlSmallStr,
    /// None if it is of Float64; or what it holds the values as in Int32. In place of a null is the value before it.
    pub(crate) packing: Option<Packing>,
}

impl<S: Into<PlSmallStr>> From<S> for Measurement {
    /// A column of Float64.
    fn from(name: S) -> Self {
        Self { name: name.into(), packing: None }
    }
}

/// The columns that the kernel works on.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The series.
    pub series: Boundaries,
    /// Column of times, ascending within a series; needed for a time window and a fill limit in time only.
    pub time: Option<PlSmallStr>,
    /// Columns to test.
    pub measurements: Vec<Measurement>,
    /// What stands beside each outlier.
    pub carried: Carried,
}

/// Columns that stand beside outliers.
#[derive(Clone)]
pub enum Carried {
    /// The outliers' rows of these columns of the frame.
    Columns(Vec<PlSmallStr>),
    /// Columns that are looked up for the outliers' rows once those are found, so that nobody need read them all.
    LookedUp {
        /// Their names and types.
        fields: Vec<Field>,
        /// Rows in ascending order, one of several outliers as often, to the columns.
        look_up: Arc<LookUp>,
    },
}

/// Rows in, columns of as many out.
pub type LookUp = dyn Fn(&[usize]) -> PolarsResult<Vec<Column>> + Send + Sync;

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns(names) => f.debug_tuple("Columns").field(names).finish(),
            Self::LookedUp { fields, .. } => {
                f.debug_struct("LookedUp").field("fields", fields).finish_non_exhaustive()
            }
        }
    }
}

/// The outliers of every series of every measurement, as a struct with the carried columns and [`FIELDS`]:
/// one row for each outlier, in the order of (row, measurement name). Select it alone, and unnest.
///
/// Where `counts` is given, what became of the series is added to it on collection.
///
/// ```
/// use isd::kernel::RollingTest;
/// use isd::plan::expressions::{Boundaries, Carried, Columns, rolling_outliers};
/// use polars::prelude::*;
///
/// let wind: Vec<f64> = (0..60).map(|hour| if hour == 45 { 45.8 } else { 3.0 + f64::from(hour % 3) / 10.0 }).collect();
/// let frame = df!("station_id" => vec!["724920-23237"; 60], "wind_speed_rate" => wind)?;
/// let columns = Columns {
///     series: Boundaries::Runs("station_id".into()),
///     time: None,
///     measurements: vec!["wind_speed_rate".into()],
///     carried: Carried::Columns(vec!["station_id".into()]),
/// };
/// let outliers = frame
///     .lazy()
///     .select([rolling_outliers(columns, RollingTest::default(), None).alias("outlier")])
///     .unnest(cols(["outlier"]), None)
///     .collect()?;
/// assert_eq!(outliers.column("row")?.u32()?.get(0), Some(45));
/// # Ok::<(), PolarsError>(())
/// ```
pub fn rolling_outliers(columns: Columns, test: RollingTest, counts: Option<SeriesCounts>) -> Expr {
    let Columns { series, time, measurements, carried } = columns;
    let time = time.filter(|_| test.needs_time());
    let (handed_on, looked_up, look_up) = match carried {
        Carried::Columns(names) => (names, Vec::new(), None),
        Carried::LookedUp { fields, look_up } => (Vec::new(), fields, Some(look_up)),
    };
    let (keyed, timed) = (series.column().is_some(), time.is_some());
    let mut inputs: Vec<Expr> = handed_on.into_iter().map(col).collect();
    let handed_on = inputs.len();
    inputs.extend(series.column());
    inputs.extend(time.map(col));
    let packings: Vec<Option<Packing>> = measurements.iter().map(|measurement| measurement.packing).collect();
    inputs.extend(measurements.into_iter().map(|Measurement { name, packing }| match packing {
        Some(_) => col(name),
        None => col(name).strict_cast(DataType::Float64),
    }));
    let name = format!("rolling_outliers[{}]", test.rolling());
    let compute = move |inputs: &mut [Column]| {
        let (carried, rest) = inputs.split_at(handed_on);
        let (keys, rest) = rest.split_at(usize::from(keyed));
        let (time, measurements) = rest.split_at(usize::from(timed));
        let lengths = series.lengths(keys.first())?;
        let names: Vec<&str> = measurements.iter().map(|column| column.name().as_str()).collect();
        let found = detect(&lengths, time.first(), (measurements, &packings), &test, counts.as_ref())?;
        let carried = if let Some(look_up) = &look_up {
            look_up(&found.iter().map(|(_, outlier)| outlier.row).collect::<Vec<_>>())?
        } else {
            let rows: IdxCa = found.iter().map(|(_, outlier)| Some(outlier.row as IdxSize)).collect();
            carried.iter().map(|column| column.take(&rows)).collect::<PolarsResult<_>>()?
        };
        to_struct(carried, &found, &names)
    };
    let field = move |_: &Schema, inputs: &[Field]| {
        let mut fields = inputs.get(..handed_on).unwrap_or_default().to_vec();
        fields.extend_from_slice(&looked_up);
        fields.extend(fields_of_kernel());
        Ok(Field::new("outlier".into(), DataType::Struct(fields)))
    };
    groupwise(compute, inputs, field, &name)
}

/// An expression that sees all rows of its inputs at once; `name` is what a printed plan calls it.
fn groupwise(
    compute: impl Fn(&mut [Column]) -> PolarsResult<Column> + Send + Sync + 'static,
    inputs: Vec<Expr>,
    field: impl Fn(&Schema, &[Field]) -> PolarsResult<Field> + Send + Sync + 'static,
    name: &str,
) -> Expr {
    let mut expr = apply_multiple(compute, inputs, field, false);
    if let Expr::AnonymousFunction { fmt_str, .. } = &mut expr {
        **fmt_str = name.into();
    }
    expr
}

/// A chunk as the kernels take it.
fn kernel_series<'a>(
    array: &'a PrimitiveArray<f64>,
    times: Option<&'a [i64]>,
) -> Result<KernelSeries<'a>, LengthError> {
    let series = KernelSeries::new(array.values().as_slice());
    series.with_validity(validity_of(array.validity())?)?.with_times(times)
}

/// A bitmap of Polars as the kernels take it.
fn validity_of(bitmap: Option<&Bitmap>) -> Result<Option<Validity<'_>>, LengthError> {
    let validity = bitmap.map(|bitmap| {
        let (bytes, offset, len) = bitmap.as_slice();
        Validity::new(bytes, offset, len)
    });
    validity.transpose()
}

fn fields_of_kernel() -> [Field; 8] {
    let types = [
        DataType::UInt32,
        DataType::String,
        DataType::Float64,
        DataType::Float64,
        DataType::Float64,
        DataType::Float64,
        DataType::Int64,
        DataType::Boolean,
    ];
    let mut types = types.into_iter();
    FIELDS.map(|name| Field::new(name.into(), types.next().unwrap_or(DataType::Null)))
}

/// The outliers in order, each with the number of its measurement.
fn detect(
    lengths: &[usize],
    time: Option<&Column>,
    (measurements, packings): (&[Column], &[Option<Packing>]),
    test: &RollingTest,
    counts: Option<&SeriesCounts>,
) -> PolarsResult<Vec<(usize, Outlier)>> {
    let times = time.map(microseconds).transpose()?;
    let times = times.as_ref().map(|times| times.cont_slice()).transpose()?;
    let mut scratch = Scratch::default();
    let mut found: Vec<(usize, Outlier)> = Vec::new();
    let mut counted = vec![SeriesCount::default(); measurements.len()];
    let mut by_name: Vec<usize> = (0..measurements.len()).collect();
    by_name.sort_by_key(|code| measurements[*code].name());
    for code in by_name {
        let (column, packing) = (&measurements[code], packings[code]);
        let column = column.as_materialized_series().rechunk();
        let mut outliers = Vec::new();
        let mut find = |series: Result<KernelSeries<'_>, LengthError>| {
            series
                .and_then(|series| outliers_of_each(series, lengths, test, &mut scratch, &mut outliers))
                .map_err(|error| polars_err!(ComputeError: "{}: {error}", column.name()))
        };
        let mut outcomes = Vec::new();
        // One chunk, or none.
        if let Some(packing) = packing {
            for array in column.i32()?.downcast_iter() {
                let series = KernelSeries::packed(array.values().as_slice(), packing);
                let series = validity_of(array.validity())
                    .and_then(|validity| series.with_validity(validity)?.with_times(times));
                outcomes = find(series)?;
            }
        } else {
            for array in column.f64()?.downcast_iter() {
                outcomes = find(kernel_series(array, times))?;
            }
        }
        polars_ensure!(
            !outcomes.contains(&Outcome::UnsortedTimes),
            ComputeError: "{}: {}", time.map_or("", |time| time.name()), TimesError::Unsorted
        );
        counted[code] = count(&outcomes, lengths, &outliers);
        found.extend(outliers.into_iter().map(|outlier| (code, outlier)));
    }
    if let Some(counts) = counts {
        let mut counts =
            counts.lock().map_err(|_| polars_err!(ComputeError: "the series count is poisoned"))?;
        counts.resize(measurements.len(), SeriesCount::default());
        counts.iter_mut().zip(counted).for_each(|(count, more)| *count += more);
    }
    // Those of a row stay in the order of the names.
    found.sort_by_key(|(_, outlier)| outlier.row);
    Ok(found)
}

/// What became of series of these lengths, whose outliers are in row order.
fn count(outcomes: &[Outcome], lengths: &[usize], outliers: &[Outlier]) -> SeriesCount {
    let (mut end, mut rest, mut with_outliers) = (0, outliers, 0);
    for length in lengths {
        end += length;
        let (own, behind) = rest.split_at(rest.partition_point(|outlier| outlier.row < end));
        with_outliers += usize::from(!own.is_empty());
        rest = behind;
    }
    SeriesCount {
        tested: outcomes.iter().filter(|o| **o == Outcome::Tested).count(),
        too_short: outcomes.iter().filter(|o| **o == Outcome::TooShort).count(),
        outliers: outliers.len(),
        with_outliers,
    }
}

/// One struct column of the carried columns' values and the outliers'.
fn to_struct(mut fields: Vec<Column>, found: &[(usize, Outlier)], names: &[&str]) -> PolarsResult<Column> {
    let doubles = |f: fn(&Outlier) -> f64| found.iter().map(|(_, o)| f(o)).collect::<Vec<f64>>();
    fields.extend([
        Column::new("row".into(), found.iter().map(|(_, o)| o.row as IdxSize).collect::<Vec<_>>()),
        Column::new("measurement".into(), found.iter().map(|(code, _)| names[*code]).collect::<Vec<_>>()),
        Column::new("value".into(), doubles(|o| o.value)),
        Column::new("rolling_mean".into(), doubles(|o| o.mean)),
        Column::new("rolling_std".into(), doubles(|o| o.std)),
        Column::new("zscore".into(), doubles(|o| o.zscore)),
        Column::new("window_count".into(), found.iter().map(|(_, o)| o.count as i64).collect::<Vec<_>>()),
        Column::new("filled".into(), found.iter().map(|(_, o)| o.filled).collect::<Vec<_>>()),
    ]);
    Ok(StructChunked::from_columns("outlier".into(), found.len(), &fields)?.into_column())
}

/// Times as microseconds in one chunk.
fn microseconds(time: &Column) -> PolarsResult<Int64Chunked> {
    let zone = match time.dtype() {
        DataType::Datetime(_, zone) => zone.clone(),
        found => polars_bail!(ComputeError: "{}: expected times, found {found}", time.name()),
    };
    let times = time.cast(&DataType::Datetime(TimeUnit::Microseconds, zone))?;
    let times = times.as_materialized_series().rechunk();
    polars_ensure!(times.null_count() == 0, ComputeError: "{}: holds missing times", time.name());
    Ok(times.to_physical_repr().i64()?.clone())
}

/// Lengths of the runs of equal keys, each of which has one run only.
fn run_lengths(keys: &Column) -> PolarsResult<Vec<usize>> {
    polars_ensure!(keys.null_count() == 0, ComputeError: "{}: holds rows without a series", keys.name());
    if let Column::Scalar(_) = keys {
        return Ok(if keys.is_empty() { Vec::new() } else { vec![keys.len()] });
    }
    let keys = keys.as_materialized_series().rechunk();
    let text = keys.cast(&DataType::String)?;
    let mut runs: Vec<(&str, usize)> = Vec::new();
    for key in text.str()?.iter().flatten() {
        match runs.last_mut() {
            Some((last, len)) if *last == key => *len += 1,
            _ => runs.push((key, 1)),
        }
    }
    let mut seen = HashSet::with_capacity(runs.len());
    if let Some((key, _)) = runs.iter().find(|(key, _)| !seen.insert(*key)) {
        polars_bail!(ComputeError: "{}: the rows of {key} lie in two places: expected rows sorted by series", keys.name());
    }
    Ok(runs.into_iter().map(|(_, len)| len).collect())
}
