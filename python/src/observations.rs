//! Observations in memory: record batches in, the rows of each station out. Values are copied only where a station's rows lie in
//! several batches, where they are not doubles, or where the rows are not in order.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use isd::dataset::ColumnInfo;
use isd::dataset::time::iso8601;

use crate::errors::Refusal;
use crate::stations::{Run, runs};
use crate::threads::Threads;
use crate::times::Times;
use crate::values::{Values, is_number};

/// Rows of a column of ids that are looked at by one thread.
const SLICE: usize = 1 << 20;

/// Consecutive rows of one batch.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Number of the batch.
    pub batch: usize,
    /// The first row in it.
    pub start: usize,
    /// Number of rows.
    pub rows: usize,
}

/// The rows of one station.
#[derive(Debug, Clone)]
pub struct Station {
    /// Its id.
    pub id: String,
    /// Its rows, in order.
    pub pieces: Vec<Piece>,
}

impl Station {
    /// Adds rows that come next.
    fn push(&mut self, next: Piece) {
        match self.pieces.last_mut() {
            // They were only looked at apart.
            Some(last) if last.batch == next.batch && last.start + last.rows == next.start => {
                last.rows += next.rows;
            }
            _ => self.pieces.push(next),
        }
    }

    /// Number of its rows.
    pub fn rows(&self) -> usize {
        self.pieces.iter().map(|piece| piece.rows).sum()
    }
}

/// Observations as they came, batch by batch.
pub struct Observations {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// What the column of station ids is called.
    station: String,
    /// What the column of times is called.
    time: String,
}

impl Observations {
    /// Takes batches; `station` and `time` are what the key columns are called.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>, station: String, time: String) -> Self {
        Self { schema, batches, station, time }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The columns that may be measurements: those of numbers.
    pub fn numbers(&self) -> Vec<ColumnInfo> {
        let keys = [&self.station, &self.time];
        let fields = self.schema.fields().iter().filter(|field| !keys.contains(&field.name()));
        let numbers = fields.filter(|field| is_number(field.data_type()));
        numbers.map(|field| ColumnInfo { name: field.name().clone(), ..ColumnInfo::default() }).collect()
    }

    /// Makes sure that those of `names` that are columns are columns of numbers.
    ///
    /// # Errors
    /// A column of another type.
    pub fn expect_numbers(&self, names: &[String]) -> Result<(), Refusal> {
        for field in names.iter().filter_map(|name| self.schema.field_with_name(name).ok()) {
            if !is_number(field.data_type()) {
                let (name, found) = (field.name(), field.data_type());
                return Err(Refusal::Type(format!("{name}: expected numbers, found {found}")));
            }
        }
        Ok(())
    }

    /// The values of a measurement.
    ///
    /// # Errors
    /// No such column, or one of another type.
    pub fn values(&self, name: &str) -> Result<Values, Refusal> {
        Values::new(name, &self.column(name)?)
    }

    /// The times of the rows.
    ///
    /// # Errors
    /// No such column, one of another type, or a row without a time.
    pub fn times(&self) -> Result<Times, Refusal> {
        let chunks = self.column(&self.time)?;
        let field = self.schema.field_with_name(&self.time);
        let found = field.map_err(|error| Refusal::value(error.to_string()))?.data_type();
        Times::new(&self.time, found, &chunks)
    }

    /// The stations in row order, each with its rows in one run; all rows as one station without a name where there is no
    /// column of ids.
    ///
    /// # Errors
    /// Ids that are none, or a station whose rows lie in two places.
    pub fn stations_in_place(&self, threads: &Threads) -> Result<Vec<Station>, Refusal> {
        if self.schema.index_of(&self.station).is_err() {
            let piece =
                |(batch, rows): (usize, &RecordBatch)| Piece { batch, start: 0, rows: rows.num_rows() };
            let pieces = self.batches.iter().enumerate().map(piece).collect();
            return Ok(vec![Station { id: String::new(), pieces }]);
        }
        let stations = self.runs(threads)?;
        let mut seen = HashSet::with_capacity(stations.len());
        match stations.iter().find(|station| !seen.insert(&*station.id)) {
            None => Ok(stations),
            Some(twice) => {
                let (name, id) = (&self.station, &twice.id);
                Err(Refusal::value(format!("{name}: the rows of {id} lie in two places"))
                    .hint(format!("sort the rows by {name} and {}", self.time)))
            }
        }
    }

    /// The stations in the order of their ids, each with its rows in time order. Of rows that are not in order, a sorted
    /// copy is taken first, of the key columns and `measurements`.
    ///
    /// # Errors
    /// Key columns that are none, or two rows of one station and time.
    pub fn stations_in_order(
        &mut self,
        measurements: &[String],
        threads: &Threads,
    ) -> Result<Vec<Station>, Refusal> {
        let mut stations = self.runs(threads)?;
        let times = self.times()?;
        let mut seen = HashSet::with_capacity(stations.len());
        let whole = stations.iter().all(|station| seen.insert(&*station.id));
        if !(whole && threads.map(&stations, || (), |(), station| ascends(station, &times)).is_ok()) {
            stations = self.sort(&stations, &times, measurements)?;
        }
        stations.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(stations)
    }

    /// Runs of equal ids, in row order. Errors: no such column, one that does not hold texts, or a row without an id.
    fn runs(&self, threads: &Threads) -> Result<Vec<Station>, Refusal> {
        let chunks = self.column(&self.station)?;
        let (mut slices, mut before) = (Vec::new(), 0);
        for (batch, ids) in chunks.iter().enumerate() {
            // An empty one shows the type, too.
            for start in (0..ids.len().max(1)).step_by(SLICE) {
                let rows = SLICE.min(ids.len() - start);
                slices.push((before + start, Piece { batch, start, rows }));
            }
            before += ids.len();
        }
        let of_each = threads.map(
            &slices,
            || (),
            |(), (before, piece)| {
                runs(&chunks[piece.batch].slice(piece.start, piece.rows), &self.station, *before)
            },
        )?;
        let mut stations: Vec<Station> = Vec::new();
        for ((_, Piece { batch, mut start, .. }), found) in slices.into_iter().zip(of_each) {
            for Run { id, rows } in found {
                let piece = Piece { batch, start, rows };
                start += rows;
                match stations.last_mut() {
                    Some(last) if last.id == id => last.push(piece),
                    _ => stations.push(Station { id, pieces: vec![piece] }),
                }
            }
        }
        Ok(stations)
    }

    /// Copies the rows into one batch, sorted by station and time.
    fn sort(
        &mut self,
        runs: &[Station],
        times: &Times,
        measurements: &[String],
    ) -> Result<Vec<Station>, Refusal> {
        let mut starts = vec![0];
        for batch in &self.batches {
            starts.push(starts.last().copied().unwrap_or(0) + batch.num_rows());
        }
        let mut by_id: BTreeMap<&str, Vec<(i64, u64)>> = BTreeMap::new();
        for run in runs {
            let rows = by_id.entry(&run.id).or_default();
            for piece in &run.pieces {
                let first = starts[piece.batch] + piece.start;
                rows.extend(times.of_piece(piece).iter().zip(first as u64..).map(|(time, row)| (*time, row)));
            }
        }
        let mut order = Vec::with_capacity(self.rows());
        let mut stations = Vec::with_capacity(by_id.len());
        for (id, mut rows) in by_id {
            rows.sort_unstable();
            if let Some(pair) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let ((time, a), (_, b)) = (pair[0], pair[1]);
                let time = iso8601(times.micros(time)?);
                return Err(Refusal::value(format!("rows {a} and {b} are both of station {id} at {time}"))
                    .hint("keep one row of each station and time"));
            }
            let piece = Piece { batch: 0, start: order.len(), rows: rows.len() };
            stations.push(Station { id: id.to_owned(), pieces: vec![piece] });
            order.extend(rows.iter().map(|(_, row)| *row));
        }
        let sorted = self.sorted(order, measurements);
        let sorted = sorted.map_err(|error| Refusal::value(format!("cannot sort the rows: {error}")))?;
        (self.schema, self.batches) = (sorted.schema(), vec![sorted]);
        Ok(stations)
    }

    /// The rows in that order, with the columns that are needed.
    fn sorted(&self, order: Vec<u64>, measurements: &[String]) -> Result<RecordBatch, ArrowError> {
        let is_needed =
            |name: &String| [&self.station, &self.time].contains(&name) || measurements.contains(name);
        let fields = self.schema.fields().iter().enumerate().filter(|(_, field)| is_needed(field.name()));
        let needed: Vec<usize> = fields.map(|(index, _)| index).collect();
        let schema = SchemaRef::new(self.schema.project(&needed)?);
        let batches =
            self.batches.iter().map(|batch| batch.project(&needed)).collect::<Result<Vec<_>, _>>()?;
        take_record_batch(&concat_batches(&schema, &batches)?, &UInt64Array::from(order))
    }

    /// A column, a chunk a batch. Errors: no such column, or two.
    fn column(&self, name: &str) -> Result<Vec<&ArrayRef>, Refusal> {
        let index = self.schema.index_of(name).map_err(|_| {
            let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
            Refusal::value(format!("observations: there is no column {name}"))
                .hint(format!("there are {}", names.join(", ")))
        })?;
        if self.schema.fields().iter().filter(|field| field.name() == name).count() > 1 {
            return Err(Refusal::value(format!("{name}: there are two columns of that name")));
        }
        Ok(self.batches.iter().map(|batch| batch.column(index)).collect())
    }
}

/// Makes sure that the times of a station ascend, each once. Errors: nothing, where they do not.
fn ascends(station: &Station, times: &Times) -> Result<(), ()> {
    let mut last = None;
    let all = station.pieces.iter().all(|piece| {
        let own = times.of_piece(piece);
        let follows = last.zip(own.first()).is_none_or(|(last, first)| last < first);
        last = own.last();
        follows && own.windows(2).all(|pair| pair[0] < pair[1])
    });
    if all { Ok(()) } else { Err(()) }
}
