//! Outliers beyond the memory limit: they come back as they were.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use isd::detect::spool::Spool;

fn batch(rows: Range<i64>) -> RecordBatch {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.clone().map(|i| i.to_string())));
    let numbers: ArrayRef = Arc::new(rows.map(|i| (i % 3 > 0).then_some(i)).collect::<Int64Array>());
    RecordBatch::try_from_iter([("text", texts), ("number", numbers)]).unwrap()
}

#[test]
fn batches_come_back_in_the_order_asked_for_wherever_they_were() {
    let batches: Vec<RecordBatch> = (0..8).map(|i| batch(100 * i..100 * i + 10 * i)).collect();
    for limit in [0, 5000, usize::MAX] {
        let mut spool = Spool::with_limit(limit);
        for round in 0..2 {
            for (number, batch) in batches.iter().enumerate() {
                assert_eq!(spool.push(batch.clone()).unwrap(), number, "round {round}");
            }
            let order = [3, 0, 7, 5];
            spool.arrange(order).unwrap();
            let read = |spool: &Spool| spool.batches().collect::<Result<Vec<_>, _>>().unwrap();
            assert_eq!(read(&spool), order.map(|number| batches[number].clone()));
            // A second time, as when a table is printed: the columns' widths are taken first.
            assert_eq!(read(&spool).len(), 4);
            assert!(spool.arrange([4]).is_err());
            spool.clear();
            assert!(read(&spool).is_empty());
        }
    }
}
