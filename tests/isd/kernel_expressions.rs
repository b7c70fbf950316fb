//! Filled columns and rolling statistics as Polars expressions: they give what the kernel gives for arrays.

use arrow::array::{Float64Array, TimestampMicrosecondArray};
use isd::plan::kernel_expressions::{self as exprs, Boundaries};
use isd_kernel::{Rolling, RollingTest, Window, arrow as arrays};
use polars::prelude::*;
use proptest::prelude::*;

use crate::strategies::{options, series, times};

fn array(values: &[Option<f64>]) -> Float64Array {
    values.iter().copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_shrink_iters: 5000, ..ProptestConfig::default() })]

    #[test]
    fn expressions_give_what_arrays_give(parts in prop::collection::vec(series(), 0..4), test in options(), cut in any::<prop::sample::Index>()) {
        let values: Vec<Option<f64>> = parts.concat();
        let lengths: Vec<usize> = parts.iter().map(Vec::len).filter(|len| *len > 0).collect();
        let ids = lengths.iter().enumerate().flat_map(|(id, len)| std::iter::repeat_n(id as i64, *len));
        let time: Vec<i64> = lengths.iter().flat_map(|len| times(*len)).collect();
        let frame = df!("id" => ids.collect::<Vec<_>>(), "time" => time.clone(), "value" => values.clone()).unwrap();
        let kind = DataType::Datetime(TimeUnit::Microseconds, None);
        let frame = frame.lazy().with_column(col("time").cast(kind)).collect().unwrap();
        let at = if values.is_empty() { 0 } else { cut.index(values.len()) };
        let mut chunked = frame.slice(0, at);
        chunked.vstack_mut(&frame.slice(at as i64, values.len())).unwrap();

        let time = TimestampMicrosecondArray::from(time);
        let rolling = test.rolling();
        let expected = [
            arrays::forward_fill(&array(&values), Some(&time), &lengths, test.fill_limit()),
            arrays::rolling_mean(&array(&values), Some(&time), &lengths, rolling),
            arrays::rolling_std(&array(&values), Some(&time), &lengths, rolling),
        ];
        for series in [Boundaries::Runs("id".into()), Boundaries::Lengths(lengths.into())] {
            let time = || Some("time".into());
            let found = chunked
                .clone()
                .lazy()
                .with_columns([
                    exprs::forward_fill(col("value"), series.clone(), time(), test.fill_limit()).alias("filled"),
                    exprs::rolling_mean(col("value"), series.clone(), time(), rolling.clone()).alias("mean"),
                    exprs::rolling_std(col("value"), series, time(), rolling.clone()).alias("std"),
                ])
                .collect()
                .unwrap();
            for (name, expected) in ["filled", "mean", "std"].into_iter().zip(&expected) {
                let column: Float64Array = found.column(name).unwrap().f64().unwrap().iter().collect();
                prop_assert_eq!(&column, expected.as_ref().unwrap(), "{}", name);
            }
        }
    }
}

#[test]
fn expressions_see_whole_columns() {
    // An engine may hand an expression that is marked elementwise or that maps batches a part of its rows.
    let series = || Boundaries::Lengths([3].into());
    let rolling = || Rolling::builder().window(Window::Rows(2)).build().unwrap();
    let test = RollingTest::default();
    let columns = exprs::Columns {
        series: series(),
        time: None,
        measurements: vec![],
        carried: exprs::Carried::Copied(vec![]),
    };
    for expr in [
        exprs::forward_fill(col("value"), series(), None, None),
        exprs::rolling_mean(col("value"), series(), None, rolling()),
        exprs::rolling_std(col("value"), series(), None, rolling()),
        exprs::rolling_outliers(columns, test, None),
    ] {
        let Expr::AnonymousFunction { options, .. } = &expr else { panic!("{expr:?}") };
        assert!(!options.is_elementwise() && !options.is_length_preserving(), "{expr:?}");
    }
}

#[test]
fn what_the_expressions_do_not_take_is_named() {
    let time = Rolling::builder().window(Window::Micros(5)).build().unwrap();
    let frame = df!("value" => ["calm"], "time" => [1]).unwrap().lazy();
    let series = || Boundaries::Lengths([1].into());
    let text = frame.clone().select([exprs::rolling_mean(col("value"), series(), None, time.clone())]);
    assert!(text.collect().is_err());
    let no_time = exprs::rolling_mean(lit(1.0), series(), Some("time".into()), time);
    assert!(frame.select([no_time]).collect().unwrap_err().to_string().contains("time"));
}
