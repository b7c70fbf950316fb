//! What the page shows of a series: a span and a number of pixels in, as many points as these can show, as JSON, out.

use std::ops::Range;

use serde_json::{Value, json};

use super::archive::Archive;
use super::findings::Mark;
use super::loaded::Loaded;
use crate::columns::{column_of, pixel_columns};
use crate::failure::Failure;

/// Stretches without values that are told of a view, at most: the longest.
const MOST_GAPS: usize = 200;
/// Rows a pixel up to which single values are apart, so that mean and band cover none of them.
const ROWS_A_PIXEL: usize = 2;

/// A time as the page takes it: milliseconds since 1970 UTC.
#[must_use]
pub fn milliseconds(time: i64) -> Value {
    if time % 1000 == 0 { json!(time / 1000) } else { json!(time as f64 / 1000.0) }
}

/// A number, and text of what JSON has no number for.
#[must_use]
pub fn number(value: f64) -> Value {
    if value.is_infinite() { json!(if value > 0.0 { "inf" } else { "-inf" }) } else { json!(value) }
}

/// A series in a span, for a panel that is so many pixels wide.
///
/// # Errors
/// No such station or measurement, and files that cannot be read.
pub fn panel(
    archive: &Archive,
    (station, measurement): (u32, u16),
    span: &Range<i64>,
    width: usize,
) -> Result<Value, Failure> {
    let loaded = archive.loaded(station, measurement)?;
    let rows = loaded.rows(span);
    let is_apart = rows.len() <= ROWS_A_PIXEL * width;
    let (times, values) = line(&loaded, span, width);
    let band = is_apart && archive.is_linear(measurement);
    let record = loaded.span();
    let gaps: Vec<Value> = gaps(&loaded, span)
        .iter()
        .map(|gap| json!([milliseconds(gap.start), milliseconds(gap.end)]))
        .collect();
    let finite = loaded.values[rows.clone()].iter().filter(|value| value.is_finite()).count();
    Ok(json!({
        "station": station,
        "measurement": measurement,
        "record": record.map(|span| [milliseconds(span.start), milliseconds(span.end)]),
        "rows": rows.len(),
        "values": finite,
        "is_apart": is_apart,
        "t": times,
        "v": values,
        "gaps": gaps,
        "band": if band { self::band(archive, &loaded, rows) } else { Value::Null },
        "marks": marks(archive, &loaded, (station, measurement), span, width),
    }))
}

/// The longest stretches of a span without values, those beyond the record among them.
fn gaps(loaded: &Loaded, span: &Range<i64>) -> Vec<Range<i64>> {
    let ends = loaded.span().map(|record| [span.start..record.start, record.end..span.end]);
    let ends = ends.into_iter().flatten().filter(|gap| gap.start < gap.end);
    let inside = loaded.gaps().iter().filter(|gap| gap.start < span.end && gap.end > span.start).cloned();
    let mut gaps: Vec<Range<i64>> = inside.chain(ends).collect();
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.end - gap.start));
    gaps.truncate(MOST_GAPS);
    gaps
}

/// The points of the line: the smallest and the largest value of each pixel column, null where values are missing between two.
fn line(loaded: &Loaded, span: &Range<i64>, width: usize) -> (Vec<Value>, Vec<Value>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    let mut gaps = loaded.gaps().iter().peekable();
    let mut last: Option<i64> = None;
    // A value beside the span at either side: the line goes to the edges.
    let rows = loaded.rows(span);
    let is_value = |row: &usize| loaded.values[*row].is_finite();
    let before = (0..rows.start).rev().take(1000).find(is_value);
    let behind = (rows.end..loaded.times.len()).take(1000).find(is_value);
    let columns = pixel_columns(&loaded.times, &loaded.values, span, width);
    let inside = columns.iter().flat_map(|column| {
        let (first, second) = (column.smallest.min(column.largest), column.smallest.max(column.largest));
        [Some(first), (second > first).then_some(second)].into_iter().flatten()
    });
    for row in before.into_iter().chain(inside).chain(behind) {
        let time = loaded.times[row];
        while gaps.next_if(|gap| last.is_some_and(|last| gap.end <= last)).is_some() {}
        if let Some(last) = last
            && gaps.peek().is_some_and(|gap| gap.start >= last && gap.end <= time)
        {
            times.push(milliseconds(last));
            values.push(Value::Null);
        }
        times.push(milliseconds(time));
        values.push(json!(loaded.values[row]));
        last = Some(time);
    }
    (times, values)
}

/// Mean and band of the rows, and of one beside them at either side; null where none is to be drawn.
fn band(archive: &Archive, loaded: &Loaded, rows: Range<usize>) -> Value {
    let Some(band) = loaded.band(&archive.test) else { return Value::Null };
    let rows = rows.start.saturating_sub(1)..(rows.end + 1).min(loaded.times.len());
    let times: Vec<Value> = loaded.times[rows.clone()].iter().map(|time| milliseconds(*time)).collect();
    json!({ "t": times, "mean": band.mean[rows.clone()], "low": band.low[rows.clone()], "high": band.high[rows] })
}

/// The marks of a span: of each kind and pixel column the most severe, and how many there are.
fn marks(
    archive: &Archive,
    loaded: &Loaded,
    (station, measurement): (u32, u16),
    span: &Range<i64>,
    width: usize,
) -> Value {
    let mut shown: Vec<Mark> = Vec::new();
    let (mut taken, mut total) = (vec![[usize::MAX; 4]; width.max(1)], [0_u64; 4]);
    each_mark(archive, loaded, (station, measurement), span, |mark| {
        total[mark.kind as usize] += 1;
        let place = &mut taken[column_of(mark.time, span, width)][mark.kind as usize];
        match shown.get_mut(*place) {
            Some(worst) if worst.severity() >= mark.severity() => {}
            Some(worst) => *worst = *mark,
            None => {
                *place = shown.len();
                shown.push(*mark);
            }
        }
    });
    shown.retain(|mark| mark.value.is_finite());
    json!({
        "t": shown.iter().map(|mark| milliseconds(mark.time)).collect::<Vec<_>>(),
        "v": shown.iter().map(|mark| mark.value).collect::<Vec<_>>(),
        "kind": shown.iter().map(|mark| mark.kind.name()).collect::<Vec<_>>(),
        "note": shown.iter().map(|mark| reasons(archive, mark)).collect::<Vec<_>>(),
        "total": total.iter().sum::<u64>(),
    })
}

/// Why a value is marked: what all files say of it, the worst first.
fn reasons(archive: &Archive, mark: &Mark) -> String {
    let same = archive.findings.of(mark.station, mark.measurement, &(mark.time..mark.time.saturating_add(1)));
    let mut reasons: Vec<String> = same.iter().rev().map(|mark| archive.findings.reason(mark)).collect();
    if !same.iter().any(|other| other.kind == mark.kind) {
        reasons.insert(0, archive.findings.reason(mark));
    }
    reasons.join("; ")
}

/// Hands the marks of a series at times of a span to `take`, those of files first.
fn each_mark(
    archive: &Archive,
    loaded: &Loaded,
    (station, measurement): (u32, u16),
    span: &Range<i64>,
    mut take: impl FnMut(&Mark),
) {
    archive.findings.of(station, measurement, span).iter().for_each(&mut take);
    if archive.has_outliers || !archive.is_linear(measurement) {
        return;
    }
    let rows = loaded.rows(span);
    let outliers = loaded.outliers(&archive.test);
    let first = outliers.partition_point(|outlier| outlier.row < rows.start);
    for outlier in outliers[first..].iter().take_while(|outlier| outlier.row < rows.end) {
        let time = loaded.times[outlier.row];
        take(&Mark::outlier(station, measurement, time, outlier.value, outlier.zscore));
    }
}

/// The first mark of these series behind a time, or the last one before it, as JSON; null where there is none.
///
/// # Errors
/// Those of [`panel`].
pub fn mark_beside(
    archive: &Archive,
    series: &[(u32, u16)],
    time: i64,
    is_next: bool,
) -> Result<Value, Failure> {
    let span = if is_next { time.saturating_add(1)..i64::MAX } else { i64::MIN..time };
    let mut nearest: Option<Mark> = None;
    for series in series {
        let loaded = archive.loaded(series.0, series.1)?;
        each_mark(archive, &loaded, *series, &span, |mark| {
            let is_nearer = nearest.is_none_or(|found| match mark.time.cmp(&found.time) {
                std::cmp::Ordering::Equal => mark.kind > found.kind,
                order => (order == std::cmp::Ordering::Less) == is_next,
            });
            if mark.value.is_finite() && is_nearer {
                nearest = Some(*mark);
            }
        });
    }
    Ok(nearest.map_or(Value::Null, |mark| {
        json!({
            "station": mark.station,
            "measurement": mark.measurement,
            "time": milliseconds(mark.time),
            "value": mark.value,
            "kind": mark.kind.name(),
            "note": reasons(archive, &mark),
        })
    }))
}

/// All rows of these series in a span, as CSV with a header. A missing value is empty.
///
/// # Errors
/// Those of [`panel`].
pub fn csv(archive: &Archive, series: &[(u32, u16)], span: &Range<i64>) -> Result<String, Failure> {
    let mut text = String::from("station_id,timestamp,measurement,value\n");
    for series in series {
        let loaded = archive.loaded(series.0, series.1)?;
        let station = quoted(&archive.stations[series.0 as usize].id);
        let measurement = quoted(&archive.measurements[usize::from(series.1)].name);
        for row in loaded.rows(span) {
            let (time, value) = (isd_dataset::time::iso8601(loaded.times[row]), loaded.values[row]);
            let value = if value.is_nan() { String::new() } else { format!("{value:?}") };
            text.push_str(&[&*station, &time, &measurement, &value].join(","));
            text.push('\n');
        }
    }
    Ok(text)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
