//! The columns of an Arrow schema, those within structs by dotted path: a schema in, leaves out, and their arrays from a
//! batch.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Fields};

/// A column that is no struct.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Its name and before it those of the structs that it lies in.
    pub path: Vec<String>,
    /// What is known of it.
    pub field: FieldRef,
}

/// What a column's type can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers or truth values.
    Numbers,
    /// Texts, which may be numbers.
    Texts,
    /// Nothing: every value is missing.
    Nothing,
    /// Anything else, such as times and lists.
    Other,
}

impl Leaf {
    /// Its path with dots between.
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// What its type can hold.
    pub fn kind(&self) -> Kind {
        kind(self.field.data_type())
    }

    /// Its values in a batch; `None` where the batch has no such column. A missing struct has missing members.
    pub fn values(&self, batch: &RecordBatch) -> Option<ArrayRef> {
        let (first, members) = self.path.split_first()?;
        let mut array = batch.column_by_name(first)?.clone();
        for name in members {
            let parent = array.as_struct_opt()?;
            let member = parent.column_by_name(name)?.clone();
            array = match parent.nulls() {
                None => member,
                Some(nulls) => with_nulls(&member, nulls),
            };
        }
        Some(array)
    }
}

/// An array that is missing where it was and where `nulls` say so.
fn with_nulls(array: &ArrayRef, nulls: &NullBuffer) -> ArrayRef {
    if matches!(array.data_type(), DataType::Null) {
        return array.clone();
    }
    let both = NullBuffer::union(array.nulls(), Some(nulls));
    let data = array.to_data().into_builder().nulls(both).build();
    data.map_or_else(|_| array.clone(), make_array)
}

/// The columns of a schema, in its order; those that lie in structs in place of the structs.
pub fn leaves(fields: &Fields) -> Vec<Leaf> {
    let mut found = Vec::new();
    add(fields, &[], &mut found);
    found
}

fn add(fields: &Fields, parents: &[String], found: &mut Vec<Leaf>) {
    for field in fields {
        let path: Vec<String> = parents.iter().chain([field.name()]).cloned().collect();
        match field.data_type() {
            DataType::Struct(members) => add(members, &path, found),
            _ => found.push(Leaf { path, field: field.clone() }),
        }
    }
}

fn kind(data_type: &DataType) -> Kind {
    use DataType as T;
    match data_type {
        T::Boolean => Kind::Numbers,
        numeric if numeric.is_numeric() => Kind::Numbers,
        T::Utf8
        | T::LargeUtf8
        | T::Utf8View
        | T::Binary
        | T::LargeBinary
        | T::BinaryView
        | T::FixedSizeBinary(_) => Kind::Texts,
        T::Null => Kind::Nothing,
        T::Dictionary(_, values) => kind(values),
        T::RunEndEncoded(_, values) => kind(values.data_type()),
        _ => Kind::Other,
    }
}
