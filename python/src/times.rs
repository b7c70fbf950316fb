//! A column of times in memory: timestamps of any unit in, microseconds of single rows or stations out.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};

use crate::errors::Refusal;
use crate::observations::{Piece, Station};

/// Times of all rows. Nothing is copied: they are in their own unit.
pub struct Times {
    name: String,
    unit: TimeUnit,
    chunks: Vec<ScalarBuffer<i64>>,
}

impl Times {
    /// Takes the chunks of a column of that name and type.
    ///
    /// # Errors
    /// Another type, or a row without a time.
    pub fn new(name: &str, found: &DataType, chunks: &[&ArrayRef]) -> Result<Self, Refusal> {
        let DataType::Timestamp(unit, _) = found else {
            return Err(Refusal::Type(format!("{name}: expected times, found {found}")));
        };
        let mut before = 0;
        for chunk in chunks {
            if let Some(nulls) = chunk.nulls().filter(|nulls| nulls.null_count() > 0) {
                let row = (0..chunk.len()).find(|row| nulls.is_null(*row)).unwrap_or_default();
                return Err(Refusal::value(format!("{name}: row {} has no time", before + row)));
            }
            before += chunk.len();
        }
        let chunks = chunks.iter().map(|chunk| match unit {
            TimeUnit::Second => chunk.as_primitive::<TimestampSecondType>().values().clone(),
            TimeUnit::Millisecond => chunk.as_primitive::<TimestampMillisecondType>().values().clone(),
            TimeUnit::Microsecond => chunk.as_primitive::<TimestampMicrosecondType>().values().clone(),
            TimeUnit::Nanosecond => chunk.as_primitive::<TimestampNanosecondType>().values().clone(),
        });
        Ok(Self { name: name.to_owned(), unit: *unit, chunks: chunks.collect() })
    }

    /// The times of a piece, in their own unit.
    pub fn of_piece(&self, piece: &Piece) -> &[i64] {
        &self.chunks[piece.batch][piece.start..piece.start + piece.rows]
    }

    /// A time in microseconds since 1970; parts of one are dropped.
    ///
    /// # Errors
    /// A time too far from 1970.
    pub fn micros(&self, time: i64) -> Result<i64, Refusal> {
        let micros = match self.unit {
            TimeUnit::Second => time.checked_mul(1_000_000),
            TimeUnit::Millisecond => time.checked_mul(1000),
            TimeUnit::Microsecond => Some(time),
            TimeUnit::Nanosecond => Some(time.div_euclid(1000)),
        };
        micros.ok_or_else(|| Refusal::value(format!("{}: a time lies too far from 1970", self.name)))
    }

    /// The time of a station's row, in microseconds.
    ///
    /// # Errors
    /// Those of [`Times::micros`].
    pub fn of_row(&self, station: &Station, mut row: usize) -> Result<i64, Refusal> {
        for piece in &station.pieces {
            match self.of_piece(piece).get(row) {
                Some(time) => return self.micros(*time),
                None => row -= piece.rows,
            }
        }
        Err(Refusal::value(format!("internal: station {} has fewer rows", station.id)))
    }

    /// The times of a station's rows, in microseconds.
    ///
    /// # Errors
    /// Those of [`Times::micros`].
    pub fn of_station(&self, station: &Station) -> Result<Cow<'_, [i64]>, Refusal> {
        if let (TimeUnit::Microsecond, [piece]) = (self.unit, station.pieces.as_slice()) {
            return Ok(Cow::Borrowed(self.of_piece(piece)));
        }
        let times = station.pieces.iter().flat_map(|piece| self.of_piece(piece));
        times.map(|time| self.micros(*time)).collect()
    }
}
