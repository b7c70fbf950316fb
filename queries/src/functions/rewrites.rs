//! In: calls and comparisons as other databases write them; out: what the engine calls the same.
//!
//! | written | read as |
//! |---|---|
//! | `year(t)`, `month(t)`, `day(t)`, `hour(t)` | `date_part('year', t)`, … |
//! | `strftime(t, pattern)` | `to_char(t, pattern)` |
//! | `to_char(t, 'YYYY-MM-DD HH24:MI')` | `to_char(t, '%Y-%m-%d %H:%M')` |
//! | `arg_max(x, by)`, `max_by`, `arg_min(x, by)`, `min_by` | `first_value(x order by …)` of the rows that have both |
//! | `t >= '2017-06-01 00:00'`, `'2017-06-01T00:00'` | `t >= '2017-06-01 00:00:00'` |

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::functions::datetime::{date_part, to_char};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDFImpl,
    Signature, Volatility, lit,
};
use datafusion::prelude::SessionContext;

use super::patterns::strftime_pattern;

/// The parts of a time that have a function of their own.
const PARTS: [&str; 4] = ["year", "month", "day", "hour"];
const STRFTIME: &str = "strftime";
const TO_CHAR: &str = "to_char";
const ARG_MAX: &str = "arg_max";
const ARG_MIN: &str = "arg_min";

/// Makes the calls known, and what they are read as.
pub(super) fn register(context: &mut SessionContext) -> Result<()> {
    let signature = |arguments| Signature::any(arguments, Volatility::Immutable);
    for name in PARTS {
        let part = Call { name, return_type: DataType::Int32, signature: signature(1) };
        context.register_udf(Arc::new(part.into()))?;
    }
    let strftime = Call { name: STRFTIME, return_type: DataType::Utf8, signature: signature(2) };
    context.register_udf(Arc::new(strftime.into()))?;
    for (name, alias) in [(ARG_MAX, "max_by"), (ARG_MIN, "min_by")] {
        let value = ValueAt { name, aliases: vec![alias.to_owned()], signature: signature(2) };
        context.register_udaf(Arc::new(value.into()))?;
    }
    context.register_function_rewrite(Arc::new(Rewrites))
}

/// Reads calls and comparisons as others, before the engine settles the types.
#[derive(Debug)]
struct Rewrites;

impl FunctionRewrite for Rewrites {
    fn name(&self) -> &'static str {
        "isd-query"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let is_time = |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Timestamp(..)));
        Ok(match expr {
            Expr::ScalarFunction(call) => return rewrite_call(call),
            Expr::AggregateFunction(call) if [ARG_MAX, ARG_MIN].contains(&call.func.name()) => {
                Transformed::yes(first_of_order(call)?)
            }
            Expr::BinaryExpr(mut compared) if is_time(&compared.left) || is_time(&compared.right) => {
                *compared.left = with_seconds(*compared.left);
                *compared.right = with_seconds(*compared.right);
                Transformed::yes(Expr::BinaryExpr(compared))
            }
            Expr::Between(mut between) if is_time(&between.expr) => {
                *between.low = with_seconds(*between.low);
                *between.high = with_seconds(*between.high);
                Transformed::yes(Expr::Between(between))
            }
            Expr::InList(mut within) if is_time(&within.expr) => {
                within.list = within.list.into_iter().map(with_seconds).collect();
                Transformed::yes(Expr::InList(within))
            }
            Expr::Cast(mut cast) if matches!(cast.field.data_type(), DataType::Timestamp(..)) => {
                *cast.expr = with_seconds(*cast.expr);
                Transformed::yes(Expr::Cast(cast))
            }
            other => Transformed::no(other),
        })
    }
}

/// Reads a call of a scalar function as another; other calls stay as they are.
fn rewrite_call(mut call: ScalarFunction) -> Result<Transformed<Expr>> {
    let name = call.func.name();
    if PARTS.contains(&name) {
        call.args.insert(0, lit(name));
        return Ok(Transformed::yes(date_part().call(call.args)));
    }
    if name == STRFTIME {
        // SQLite has the pattern first, DuckDB takes it in either place.
        if let [pattern, time] = call.args.as_mut_slice()
            && text(pattern).is_some()
            && text(time).is_none()
        {
            std::mem::swap(pattern, time);
        }
        return Ok(Transformed::yes(to_char().call(call.args)));
    }
    if name == TO_CHAR
        && let [_, pattern] = call.args.as_mut_slice()
        && let Some(written) = text(pattern)
        && !written.contains('%')
    {
        *pattern = match strftime_pattern(written) {
            Ok(read) => lit(read),
            Err(unknown) => {
                return plan_err!(
                    "to_char: the pattern `{written}` has `{unknown}`, which is none of YYYY, YY, MM, Month, Mon, DD, DDD, \
                     Day, Dy, HH24, HH12, MI, SS, MS, US, AM, am, IYYY, IW; put other letters in double quotes, or use \
                     strftime's %Y, %m, …"
                );
            }
        };
        return Ok(Transformed::yes(Expr::ScalarFunction(call)));
    }
    Ok(Transformed::no(Expr::ScalarFunction(call)))
}

/// The value of `x` where `by` is greatest or least, of `arg_max(x, by)` or `arg_min(x, by)`: of the rows that have both; of
/// several such rows, the least `x`, so that it depends on no order.
fn first_of_order(call: AggregateFunction) -> Result<Expr> {
    let AggregateFunction { func, params } = call;
    let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = params;
    let ([x, by], true) = (args.as_slice(), order_by.is_empty()) else {
        return plan_err!("{} takes two arguments and no order", func.name());
    };
    let has_both = [x.clone().is_not_null(), by.clone().is_not_null()];
    let params = AggregateFunctionParams {
        args: vec![x.clone()],
        distinct,
        filter: conjunction(has_both.into_iter().chain(filter.map(|filter| *filter))).map(Box::new),
        order_by: vec![by.clone().sort(func.name() == ARG_MIN, false), x.clone().sort(true, false)],
        null_treatment,
    };
    Ok(Expr::AggregateFunction(AggregateFunction { func: first_value_udaf(), params }))
}

/// The text of a literal.
fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

/// A literal such as `2017-06-01 00:00` with its seconds, which the engine wants; everything else as it is.
fn with_seconds(expr: Expr) -> Expr {
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let Some((time, zone)) = text(&expr).and_then(|text| text.split_at_checked("2017-06-01 00:00".len()))
    else {
        return expr;
    };
    let is_minute = ["0000-00-00 00:00", "0000-00-00T00:00"]
        .contains(&time.chars().map(shape).collect::<String>().as_str());
    if !is_minute || zone.starts_with(':') {
        return expr;
    }
    Expr::Literal(ScalarValue::from(format!("{time}:00{zone}")), None)
}

/// A scalar function that is always read as another.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Call {
    name: &'static str,
    return_type: DataType,
    signature: Signature,
}

impl ScalarUDFImpl for Call {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.return_type.clone())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} was not read as another function", self.name)
    }
}

/// `arg_max` or `arg_min`, which as an aggregate is always read as another.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ValueAt {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
}

impl AggregateUDFImpl for ValueAt {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let [x, _] = arguments else { return plan_err!("{} takes two arguments", self.name) };
        Ok(x.clone())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        plan_err!("{} has no window; `first_value(x) over (… order by …)` has", self.name)
    }
}
