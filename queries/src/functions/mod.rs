//! In: columns of a query; out: the functions that plain SQL lacks for series of observations.
//!
//! | function | what it returns |
//! |---|---|
//! | `great_circle_km(lat1, lon1, lat2, lon2)` | the distance in km of two positions in degrees |
//! | `forward_fill(x [, rows]) over (…)` | the last value that was not null, at most so many rows before |
//! | `max(x)`, `min(x)`, `date_trunc` | what the engine has, but faster: see [`extremes`] and [`periods`] |
//! | `year(t)`, `strftime`, `arg_max`, … | what the engine has by other names: see [`rewrites`] |
//! | `rolling_zscore(x, window [, min_periods]) over (…)` | the distance of `x` from the mean of the values before it, in standard deviations |

mod distance;
mod extremes;
mod fill;
mod patterns;
mod periods;
mod rewrites;
mod zscore;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::functions::datetime::date_trunc;
use datafusion::functions::math::signum;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;

/// Makes the functions known to a session.
///
/// # Errors
/// Those of the engine.
pub(crate) fn register(context: &mut SessionContext) -> Result<()> {
    context.register_udf(ScalarUDF::from(distance::GreatCircle::default()));
    context.register_udwf(WindowUDF::from(fill::ForwardFill::default()));
    context.register_udwf(WindowUDF::from(zscore::RollingZscore::default()));
    context.register_udf(ScalarUDF::from(periods::DateTrunc::new(date_trunc())));
    for extreme in [max_udaf(), min_udaf()] {
        context.register_udaf(AggregateUDF::from(extremes::Extreme::new(extreme)));
    }
    // Other databases call it sign.
    context.register_udf(signum().as_ref().clone().with_aliases(["sign"]));
    rewrites::register(context)
}

/// The argument of a window function at `index`, a number of rows from 1; none where it is not given. `what` names the
/// argument in errors.
/// Errors: an argument that is no such number.
fn row_count(
    function: &str,
    what: &str,
    arguments: &[Arc<dyn PhysicalExpr>],
    index: usize,
) -> Result<Option<usize>> {
    let Some(argument) = arguments.get(index) else { return Ok(None) };
    let number = argument
        .downcast_ref::<Literal>()
        .and_then(|literal| literal.value().cast_to(&DataType::Int64).ok())
        .and_then(|value| i64::try_from(value).ok())
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number > 0);
    if number.is_none() {
        return plan_err!("{function}: {what} is {argument}, expected a whole number from 1");
    }
    Ok(number)
}
