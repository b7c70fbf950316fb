//! A measurement in memory: a column of numbers in, series of doubles for the kernel out.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use isd::dataset::column::widen;
use isd::kernel::{LengthError, Series, Validity};

use crate::errors::Refusal;
use crate::observations::{Piece, Station};

/// Whether a column of this type can be a measurement.
pub fn is_number(found: &DataType) -> bool {
    found.is_numeric()
}

/// Values of all rows.
pub struct Values {
    chunks: Vec<Float64Array>,
}

impl Values {
    /// Takes the chunks of a column of numbers. Doubles are not copied; other numbers become the doubles nearest them, a
    /// float32 the double nearest the decimal that it stands for, as in a dataset.
    ///
    /// # Errors
    /// Numbers that cannot become doubles; `name` is what the column is called.
    pub fn new(name: &str, chunks: &[&ArrayRef]) -> Result<Self, Refusal> {
        let doubles = |chunk: &&ArrayRef| match chunk.data_type() {
            DataType::Float64 => Ok(chunk.as_primitive::<Float64Type>().clone()),
            DataType::Float32 => Ok(chunk.as_primitive::<Float32Type>().unary(widen)),
            found => match cast(chunk, &DataType::Float64) {
                Ok(doubles) => Ok(doubles.as_primitive::<Float64Type>().clone()),
                Err(_) => Err(Refusal::Type(format!("{name}: expected numbers, found {found}"))),
            },
        };
        Ok(Self { chunks: chunks.iter().map(doubles).collect::<Result<_, _>>()? })
    }

    /// The values of a station as a series without times. Those that lie in several chunks are copied to `buffer`.
    ///
    /// # Errors
    /// None that is known.
    pub fn series<'a>(
        &'a self,
        station: &Station,
        buffer: &'a mut Vec<f64>,
    ) -> Result<Series<'a>, LengthError> {
        if let [Piece { batch, start, rows }] = station.pieces[..] {
            let chunk = &self.chunks[batch];
            let nulls = chunk.nulls().filter(|nulls| nulls.null_count() > 0);
            let validity = nulls.map(|nulls| Validity::new(nulls.validity(), nulls.offset() + start, rows));
            return Series::new(&chunk.values()[start..start + rows]).with_validity(validity.transpose()?);
        }
        buffer.clear();
        for Piece { batch, start, rows } in &station.pieces {
            let chunk = &self.chunks[*batch];
            let value = |row| if chunk.is_null(row) { f64::NAN } else { chunk.value(row) };
            buffer.extend((*start..start + rows).map(value));
        }
        Ok(Series::new(buffer))
    }

    /// Whether the rows of a station hold a value, in their order.
    pub fn observed<'a>(&'a self, station: &'a Station) -> impl Iterator<Item = bool> + 'a {
        station.pieces.iter().flat_map(|piece| {
            let chunk = &self.chunks[piece.batch];
            (piece.start..piece.start + piece.rows)
                .map(|row| chunk.is_valid(row) && chunk.value(row).is_finite())
        })
    }
}
