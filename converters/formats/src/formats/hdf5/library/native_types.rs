//! Types and attributes as `hdf5-reader` has them in, as [`Element`]s and [`Attribute`]s out.

use hdf5_reader::error::Error;
use hdf5_reader::{ByteOrder, Datatype, StringSize, VarLenKind};

use super::{Attribute, Element, Member, NumberClass, NumberType, Reason, Scalar, StoredNumbers};
use crate::text_encoding::decoded;

/// The value of an attribute that was looked for; `None` where there is none of its name.
pub fn attribute(found: Result<hdf5_reader::Attribute, Error>) -> Result<Option<Attribute>, Error> {
    let attribute = match found {
        Err(Error::AttributeNotFound(_)) => return Ok(None),
        found => found?,
    };
    let text = match scalar(&attribute.datatype) {
        Scalar::Number(number) => {
            let numbers = StoredNumbers::side_by_side(number, &attribute.raw_data).to_vec();
            return Ok(Some(if numbers.is_empty() { Attribute::Other } else { Attribute::Numbers(numbers) }));
        }
        Scalar::FixedText(size) => attribute.raw_data.get(..size).map(|text| decoded(text).into_owned()),
        Scalar::VariableText if attribute.decoded_strings.is_some() => {
            attribute.decoded_strings.and_then(|texts| texts.into_iter().next())
        }
        Scalar::VariableText => Some(match attribute.read_string() {
            // The library has resolved the bytes of a single string, which need not be UTF-8.
            Err(_) if attribute.shape.is_empty() && matches!(attribute.datatype, Datatype::VarLen { .. }) => {
                decoded(&attribute.raw_data).into_owned()
            }
            text => text?,
        }),
        Scalar::Other(_) => None,
    };
    Ok(Some(text.map_or(Attribute::Other, Attribute::Text)))
}

/// The type of an element. A member of a compound that does not lie within it is an error.
pub fn element(datatype: &Datatype, reference_size: usize) -> Result<Element, Reason> {
    let Datatype::Compound { size, fields } = datatype else { return Ok(Element::Scalar(scalar(datatype))) };
    let size = *size as usize;
    let members = fields
        .iter()
        .map(|field| {
            let (base, count) = match &field.datatype {
                Datatype::Array { base, dims } => {
                    (&**base, dims.iter().try_fold(1_u64, |n, &d| n.checked_mul(d)))
                }
                scalar => (scalar, Some(1)),
            };
            let count = count.and_then(|count| usize::try_from(count).ok());
            let scalar = scalar(base);
            let bytes = match &scalar {
                Scalar::VariableText => reference_size,
                other => other.size(),
            };
            let offset = field.byte_offset as usize;
            let end =
                count.and_then(|count| count.checked_mul(bytes)).and_then(|bytes| bytes.checked_add(offset));
            match (count, end) {
                (Some(count), Some(end)) if end <= size => {
                    Ok(Member { name: field.name.clone(), offset, scalar, count })
                }
                _ => Err(format!("member '{}' lies beyond its record of {size} bytes", field.name)),
            }
        })
        .collect::<Result<Vec<_>, Reason>>()?;
    Ok(Element::Record { size, members })
}

fn scalar(datatype: &Datatype) -> Scalar {
    let number = |class, size: u8, order: ByteOrder| {
        NumberType::supported(class, usize::from(size), order == ByteOrder::BigEndian)
            .map_or_else(|| Scalar::Other(format!("{class:?} number of {size} bytes")), Scalar::Number)
    };
    match datatype {
        Datatype::FixedPoint { size, signed: true, byte_order } => {
            number(NumberClass::Signed, *size, *byte_order)
        }
        Datatype::FixedPoint { size, byte_order, .. } => number(NumberClass::Unsigned, *size, *byte_order),
        Datatype::FloatingPoint { size, byte_order } => number(NumberClass::Float, *size, *byte_order),
        Datatype::String { size: StringSize::Fixed(size), .. } => Scalar::FixedText(*size as usize),
        Datatype::String { .. } | Datatype::VarLen { kind: VarLenKind::String, .. } => Scalar::VariableText,
        Datatype::Compound { .. } => Scalar::Other("compound".into()),
        Datatype::Array { .. } => Scalar::Other("array".into()),
        // Booleans and flags: their names lie in the type, the values are its integers.
        Datatype::Enum { base, .. } => scalar(base),
        Datatype::VarLen { .. } => Scalar::Other("variable-length sequence".into()),
        Datatype::Opaque { .. } => Scalar::Other("opaque bytes".into()),
        Datatype::Reference { .. } => Scalar::Other("reference".into()),
        Datatype::Bitfield { .. } => Scalar::Other("bit field".into()),
    }
}
