//! The values of a row group: from one of its value columns to doubles, or to what else they become.

use arrow::array::{Array, AsArray, Float64Array, NullBufferBuilder};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use parquet::arrow::arrow_reader::RowSelection;

use crate::Result;
use crate::column::widen;
use crate::pages::read_values;
use crate::read::row_group::RowGroup;

impl RowGroup {
    /// The values of a column, one a row, in the column's own unit; missing ones are null.
    /// Integers become doubles. A float32 becomes the double nearest the decimal that it stands for, where it stands for
    /// one of at most six digits after the point.
    ///
    /// # Errors
    /// An unreadable file, or a column that is absent or holds no numbers.
    pub fn values(&self, column: &str) -> Result<Float64Array> {
        let mut values = Vec::new();
        let nulls = self.values_into(column, &mut values)?;
        Ok(Float64Array::new(values.into(), nulls))
    }

    /// Reads the values of a column as [`RowGroup::values`] does, into a vector that may have served before: what it held
    /// is replaced. Returns the nulls, or `None` where no value is missing; in the place of a null is any number.
    ///
    /// # Errors
    /// Those of [`RowGroup::values`].
    pub fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>> {
        if let Some(nulls) = self.translated_into(column, Some, values) {
            return Ok(Some(nulls).filter(|nulls| nulls.null_count() > 0));
        }
        let Some(wanted) = &self.wanted else { return self.decoded_into(column, None, values) };
        let (mut decoded, mut validity) = (Vec::new(), NullBufferBuilder::new(self.rows()));
        let rows = RowSelection::from_consecutive_ranges(wanted.iter().cloned(), self.rows());
        let nulls = self.decoded_into(column, Some(rows), &mut decoded)?;
        values.clear();
        values.resize(self.rows(), 0.0);
        let mut taken = 0;
        for range in &**wanted {
            let own = taken..taken + range.len();
            values[range.clone()].copy_from_slice(&decoded[own.clone()]);
            validity.append_n_nulls(range.start - validity.len());
            match &nulls {
                Some(nulls) => validity.append_buffer(&nulls.slice(own.start, own.len())),
                None => validity.append_n_non_nulls(own.len()),
            }
            taken = own.end;
        }
        validity.append_n_nulls(self.rows() - validity.len());
        Ok(validity.finish())
    }

    /// Has the library decode the values of a column, or of some rows of it.
    fn decoded_into(
        &self,
        column: &str,
        rows: Option<RowSelection>,
        values: &mut Vec<f64>,
    ) -> Result<Option<NullBuffer>> {
        values.clear();
        let mut validity = NullBufferBuilder::new(self.rows());
        self.decode(&self.file.footer, column, rows, |array| {
            match array.data_type() {
                DataType::Float64 => values.extend_from_slice(array.as_primitive::<Float64Type>().values()),
                DataType::Float32 => {
                    values.extend(array.as_primitive::<Float32Type>().values().iter().map(|v| widen(*v)));
                }
                found => {
                    let doubles = cast(array, &DataType::Float64).map_err(|_| {
                        self.file.column_error(column, format!("expected numbers, found {found}"))
                    })?;
                    values.extend_from_slice(doubles.as_primitive::<Float64Type>().values());
                }
            }
            match array.nulls() {
                Some(nulls) => validity.append_buffer(nulls),
                None => validity.append_n_non_nulls(array.len()),
            }
            Ok(())
        })?;
        Ok(validity.finish())
    }

    /// Reads the values of a column as [`RowGroup::values_into`] does, with NaN for a missing one.
    ///
    /// # Errors
    /// Those of [`RowGroup::values`].
    pub fn numbers_into(&self, column: &str, values: &mut Vec<f64>) -> Result<()> {
        if let Some(nulls) = self.values_into(column, values)? {
            (!nulls.inner()).set_indices().for_each(|row| values[row] = f64::NAN);
        }
        Ok(())
    }

    /// Reads the values of a column, each translated into something else, such as an integer, into a vector that may have
    /// served before: what it held is replaced. Returns which rows are null.
    ///
    /// `translate` is called once, with the column's distinct values, and returns as many others, or `None` if one of them
    /// cannot be translated. In the place of a null is the translation of the last value before it, if there is one.
    ///
    /// Returns `None` where `translate` does, and where the column is not stored as doubles by way of a dictionary:
    /// `isd-convert` stores it so if there are at most 65,536 distinct values. [`RowGroup::values_into`] then reads it,
    /// whatever its type, or says what is wrong with it.
    pub fn translated_into<T: Copy + Default>(
        &self,
        column: &str,
        translate: impl FnOnce(Vec<f64>) -> Option<Vec<T>>,
        values: &mut Vec<T>,
    ) -> Option<NullBuffer> {
        values.clear();
        values.reserve(self.rows());
        let wanted = self.wanted.as_deref();
        self.by_hand(column, wanted, |chunk| read_values(chunk, translate, values)).map(NullBuffer::new)
    }
}
