//! The outlier test as a Polars expression: columns in, a struct of one row an outlier out.

use std::fmt;
use std::sync::{Arc, Mutex};

use isd_kernel::{
    self as kernel, LengthError, Outcome, Outlier, Packing, RollingTest, Scratch, TimesError,
    outliers_of_each,
};
use polars::prelude::*;

use super::adapter::{groupwise, kernel_series, microseconds, only_chunk, validity_of};
use super::boundaries::Boundaries;
use crate::plan::error::internal;
use crate::plan::table::{
    FILLED, MEASUREMENT, ROLLING_MEAN, ROLLING_STD, VALUE, WINDOW_COUNT, WINDOW_FILLED, ZSCORE,
};

/// Name of the field that holds the outlier's row in the frame.
const ROW: &str = "row";

/// Names of the fields that [`rolling_outliers`] adds to the carried columns, in order.
pub const FIELDS: [&str; 9] =
    [ROW, MEASUREMENT, VALUE, ROLLING_MEAN, ROLLING_STD, ZSCORE, WINDOW_COUNT, FILLED, WINDOW_FILLED];

/// What became of the series of one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeriesCount {
    /// Number of series that were tested.
    pub tested: usize,
    /// Number of series with fewer than `min_periods + 1` observed values, which were not.
    pub too_short: usize,
    /// Number of outliers.
    pub outliers: usize,
    /// Number of series with at least one outlier.
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

/// One count a measurement, to which a plan with the expression adds when it is collected.
pub type SeriesCounts = Arc<Mutex<Vec<SeriesCount>>>;

/// A column that the kernel tests: null, NaN and infinite values are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestedColumn {
    /// Its name.
    pub name: PlSmallStr,
    /// `None` for a column of Float64. Otherwise the column is of Int32, and this says which decimals its integers stand
    /// for; a null has the integer of the value before it.
    pub(crate) packing: Option<Packing>,
}

impl<S: Into<PlSmallStr>> From<S> for TestedColumn {
    /// A column of Float64.
    fn from(name: S) -> Self {
        Self { name: name.into(), packing: None }
    }
}

/// The columns that the outlier test works on.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Where the series end.
    pub series: Boundaries,
    /// Column of times, ascending within a series. Only a time window and a fill limit in time need it.
    pub time: Option<PlSmallStr>,
    /// Columns to test.
    pub measurements: Vec<TestedColumn>,
    /// Columns that are put beside each outlier.
    pub carried: Carried,
}

/// Columns that are put beside each outlier, and where they come from.
#[derive(Clone)]
pub enum Carried {
    /// The outliers' rows of these columns of the frame.
    Copied(Vec<PlSmallStr>),
    /// Columns that are looked up for the outliers' rows once those are found, so that they are not read whole.
    LookedUp {
        /// Their names and types.
        fields: Vec<Field>,
        /// Gives the columns of rows in ascending order; a row with several outliers is asked for as often.
        look_up: Arc<LookUp>,
    },
}

/// Takes rows and gives columns of as many rows.
pub type LookUp = dyn Fn(&[usize]) -> PolarsResult<Vec<Column>> + Send + Sync;

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copied(names) => f.debug_tuple("Copied").field(names).finish(),
            Self::LookedUp { fields, .. } => {
                f.debug_struct("LookedUp").field("fields", fields).finish_non_exhaustive()
            }
        }
    }
}

/// Finds the outliers of every series of every measurement: a struct with the carried columns and [`FIELDS`], one row
/// an outlier, in the order of (row, measurement name). Select it alone, and unnest.
///
/// Where `counts` is given, what became of the series is added to it on collection.
///
/// ```
/// use isd::kernel::RollingTest;
/// use isd::plan::kernel_expressions::{Boundaries, Carried, Columns, rolling_outliers};
/// use polars::prelude::*;
///
/// let wind: Vec<f64> = (0..60).map(|hour| if hour == 45 { 45.8 } else { 3.0 + f64::from(hour % 3) / 10.0 }).collect();
/// let frame = df!("station_id" => vec!["724920-23237"; 60], "wind_speed_rate" => wind)?;
/// let columns = Columns {
///     series: Boundaries::Runs("station_id".into()),
///     time: None,
///     measurements: vec!["wind_speed_rate".into()],
///     carried: Carried::Copied(vec!["station_id".into()]),
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
    let (copied, looked_up, look_up) = match carried {
        Carried::Copied(names) => (names, Vec::new(), None),
        Carried::LookedUp { fields, look_up } => (Vec::new(), fields, Some(look_up)),
    };
    let (keyed, timed) = (series.column().is_some(), time.is_some());
    let mut inputs: Vec<Expr> = copied.into_iter().map(col).collect();
    let copied = inputs.len();
    inputs.extend(series.column());
    inputs.extend(time.map(col));
    let packings: Vec<Option<Packing>> = measurements.iter().map(|measurement| measurement.packing).collect();
    inputs.extend(measurements.into_iter().map(|TestedColumn { name, packing }| match packing {
        Some(_) => col(name),
        None => col(name).strict_cast(DataType::Float64),
    }));
    let name = format!("rolling_outliers[{}]", test.rolling());
    let compute = move |inputs: &mut [Column]| {
        let (carried, rest) = inputs.split_at(copied);
        let (keys, rest) = rest.split_at(usize::from(keyed));
        let (time, measurements) = rest.split_at(usize::from(timed));
        let lengths = series.lengths(keys.first())?;
        let names: Vec<&str> = measurements.iter().map(|column| column.name().as_str()).collect();
        let found = find(&lengths, time.first(), (measurements, &packings), &test, counts.as_ref())?;
        let carried = if let Some(look_up) = &look_up {
            look_up(&found.iter().map(|(_, outlier)| outlier.row).collect::<Vec<_>>())?
        } else {
            let rows: IdxCa = found.iter().map(|(_, outlier)| Some(outlier.row as IdxSize)).collect();
            carried.iter().map(|column| column.take(&rows)).collect::<PolarsResult<_>>()?
        };
        to_struct(carried, &found, &names)
    };
    let field = move |_: &Schema, inputs: &[Field]| {
        let copied = inputs.get(..copied).ok_or_else(|| internal("an outlier expression lost its inputs"))?;
        let mut fields = copied.to_vec();
        fields.extend_from_slice(&looked_up);
        fields.extend(types_of_fields());
        Ok(Field::new("outlier".into(), DataType::Struct(fields)))
    };
    groupwise(compute, inputs, field, &name)
}

/// The outliers of all columns in row order, each with the number of its column. Those of one row are in the order of
/// the columns' names.
fn find(
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
    by_name.sort_by_key(|number| measurements[*number].name());
    for number in by_name {
        let column = measurements[number].as_materialized_series().rechunk();
        let mut outliers = Vec::new();
        let mut test_all = |series: Result<kernel::Series<'_>, LengthError>| {
            series
                .and_then(|series| outliers_of_each(series, lengths, test, &mut scratch, &mut outliers))
                .map_err(|error| polars_err!(ComputeError: "{}: {error}", column.name()))
        };
        let outcomes = match packings[number] {
            Some(packing) => {
                let array = only_chunk(column.i32()?)?;
                let series = kernel::Series::packed(array.values().as_slice(), packing);
                test_all(
                    validity_of(array.validity())
                        .and_then(|validity| series.with_validity(validity)?.with_times(times)),
                )?
            }
            None => test_all(kernel_series(only_chunk(column.f64()?)?, times))?,
        };
        if outcomes.contains(&Outcome::NoTimes) {
            polars_bail!(ComputeError: "{}: {}", column.name(), TimesError::Missing);
        }
        if outcomes.contains(&Outcome::UnsortedTimes) {
            let time = time.ok_or_else(|| internal("times that do not ascend without a column of times"))?;
            polars_bail!(ComputeError: "{}: {}", time.name(), TimesError::Unsorted);
        }
        counted[number] = count(&outcomes, lengths, &outliers);
        found.extend(outliers.into_iter().map(|outlier| (number, outlier)));
    }
    if let Some(counts) = counts {
        let mut counts = counts.lock().map_err(|_| internal("a thread panicked while it counted series"))?;
        counts.resize(measurements.len(), SeriesCount::default());
        counts.iter_mut().zip(counted).for_each(|(count, more)| *count += more);
    }
    // The sort is stable: outliers of one row stay in the order of the names.
    found.sort_by_key(|(_, outlier)| outlier.row);
    Ok(found)
}

/// What became of series of these lengths, whose outliers are in row order.
fn count(outcomes: &[Outcome], lengths: &[usize], outliers: &[Outlier]) -> SeriesCount {
    let (mut end, mut rest, mut with_outliers) = (0, outliers, 0);
    for length in lengths {
        end += length;
        let (own, later) = rest.split_at(rest.partition_point(|outlier| outlier.row < end));
        with_outliers += usize::from(!own.is_empty());
        rest = later;
    }
    SeriesCount {
        tested: outcomes.iter().filter(|outcome| **outcome == Outcome::Tested).count(),
        too_short: outcomes.iter().filter(|outcome| **outcome == Outcome::TooShort).count(),
        outliers: outliers.len(),
        with_outliers,
    }
}

/// [`FIELDS`] with their types.
fn types_of_fields() -> [Field; 9] {
    [
        (ROW, DataType::UInt32),
        (MEASUREMENT, DataType::String),
        (VALUE, DataType::Float64),
        (ROLLING_MEAN, DataType::Float64),
        (ROLLING_STD, DataType::Float64),
        (ZSCORE, DataType::Float64),
        (WINDOW_COUNT, DataType::Int64),
        (FILLED, DataType::Boolean),
        (WINDOW_FILLED, DataType::Int64),
    ]
    .map(|(name, dtype)| Field::new(name.into(), dtype))
}

/// One struct column of the carried columns and of [`FIELDS`], one row an outlier; `names` are those of the measurements.
fn to_struct(mut fields: Vec<Column>, found: &[(usize, Outlier)], names: &[&str]) -> PolarsResult<Column> {
    let doubles = |f: fn(&Outlier) -> f64| found.iter().map(|(_, o)| f(o)).collect::<Vec<f64>>();
    fields.extend([
        Column::new(ROW.into(), found.iter().map(|(_, o)| o.row as IdxSize).collect::<Vec<_>>()),
        Column::new(MEASUREMENT.into(), found.iter().map(|(number, _)| names[*number]).collect::<Vec<_>>()),
        Column::new(VALUE.into(), doubles(|o| o.value)),
        Column::new(ROLLING_MEAN.into(), doubles(|o| o.mean)),
        Column::new(ROLLING_STD.into(), doubles(|o| o.std)),
        Column::new(ZSCORE.into(), doubles(|o| o.zscore)),
        Column::new(WINDOW_COUNT.into(), found.iter().map(|(_, o)| o.count as i64).collect::<Vec<_>>()),
        Column::new(FILLED.into(), found.iter().map(|(_, o)| o.filled).collect::<Vec<_>>()),
        Column::new(
            WINDOW_FILLED.into(),
            found.iter().map(|(_, o)| o.window_filled as i64).collect::<Vec<_>>(),
        ),
    ]);
    Ok(StructChunked::from_columns("outlier".into(), found.len(), &fields)?.into_column())
}
