//! Arrow files before they are read: their messages in, whether what these say of their sizes can be out.
//!
//! The library reserves memory for as many bytes and rows as a message says. In a damaged file that may be more than any
//! machine has, and then the program ends without a word.

use std::io::{Read, Seek, SeekFrom};

use arrow::ipc::{CompressionType, Message, RecordBatch, root_as_footer, root_as_message};

/// Bytes that a message may be long.
const MESSAGE_BYTES: u64 = 256 << 20;
/// Bytes after the footer of a file: its length and the magic.
const TAIL_BYTES: u64 = 10;
/// Bytes before a compressed buffer that say how long it is without compression.
const PREFIX_BYTES: u64 = 8;
/// How many times longer a buffer may be than its compressed bytes, by the formats of LZ4 and, for what is met, of
/// Zstandard.
const LZ4_RATIO: u64 = 256;
const ZSTANDARD_RATIO: u64 = 1 << 17;

/// Checks the batches that the footer of a file names.
///
/// # Errors
/// What cannot be, or cannot be read.
pub fn check_file(mut file: impl Read + Seek) -> Result<(), String> {
    let end = file.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
    let tail = bytes(&mut file, end.checked_sub(TAIL_BYTES), 4, end)?;
    let length = length_of(&tail)?;
    let start = (end - TAIL_BYTES).checked_sub(length);
    let footer = bytes(&mut file, start, length, end)?;
    let footer = root_as_footer(&footer).map_err(|error| error.to_string())?;
    let blocks = footer.dictionaries().into_iter().chain(footer.recordBatches()).flatten();
    for block in blocks {
        let sizes =
            (block.offset().try_into(), block.metaDataLength().try_into(), block.bodyLength().try_into());
        let (Ok(offset), Ok(length), Ok(body_bytes)) = sizes else { return Err(impossible("a block")) };
        let message = bytes(&mut file, Some(offset), length, end)?;
        let marked = message.starts_with(&[0xff; 4]);
        let content = message.get(if marked { 8 } else { 4 }..).unwrap_or_default();
        let message = root_as_message(content).map_err(|error| error.to_string())?;
        check_message(&message, &mut file, offset.saturating_add(length), body_bytes, end)?;
    }
    Ok(())
}

/// Checks the messages of a stream.
///
/// # Errors
/// What cannot be, or cannot be read.
pub fn check_stream(mut stream: impl Read + Seek) -> Result<(), String> {
    let end = stream.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
    let mut at = 0;
    while at + 4 <= end {
        let mut start = bytes(&mut stream, Some(at), 4, end)?;
        at += 4;
        if start == [0xff; 4] {
            start = bytes(&mut stream, Some(at), 4, end)?;
            at += 4;
        }
        let length = length_of(&start)?;
        if length == 0 {
            break;
        }
        let message = bytes(&mut stream, Some(at), length, end)?;
        let message = root_as_message(&message).map_err(|error| error.to_string())?;
        let body_bytes = message.bodyLength().try_into().map_err(|_| impossible("a body"))?;
        at += length;
        check_message(&message, &mut stream, at, body_bytes, end)?;
        at = at.saturating_add(body_bytes);
    }
    Ok(())
}

/// Checks a message whose body is those bytes.
fn check_message(
    message: &Message,
    file: &mut (impl Read + Seek),
    body: u64,
    body_bytes: u64,
    end: u64,
) -> Result<(), String> {
    if body.checked_add(body_bytes).is_none_or(|last| last > end) {
        return Err("it ends within a batch".to_owned());
    }
    let batch = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    match batch.or_else(|| message.header_as_record_batch()) {
        Some(batch) => check_batch(&batch, file, body, body_bytes),
        None => Ok(()),
    }
}

fn check_batch(
    batch: &RecordBatch,
    file: &mut (impl Read + Seek),
    body: u64,
    body_bytes: u64,
) -> Result<(), String> {
    let ratio = match batch.compression().map(|compression| compression.codec()) {
        None => None,
        Some(CompressionType::LZ4_FRAME) => Some(LZ4_RATIO),
        Some(_) => Some(ZSTANDARD_RATIO),
    };
    let mut held = body_bytes;
    for buffer in batch.buffers().into_iter().flatten() {
        let (Ok(offset), Ok(length)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length()))
        else {
            return Err(impossible("a buffer"));
        };
        if offset.checked_add(length).is_none_or(|last| last > body_bytes) {
            return Err(impossible("a buffer"));
        }
        let Some(ratio) = ratio.filter(|_| length >= PREFIX_BYTES) else { continue };
        let prefix = bytes(file, Some(body + offset), PREFIX_BYTES, u64::MAX)?;
        let long = prefix.try_into().map(i64::from_le_bytes).unwrap_or_default();
        // -1 stands for a buffer that is not compressed.
        if let Ok(long) = u64::try_from(long) {
            if long > length.saturating_mul(ratio) {
                return Err(impossible("a compressed buffer"));
            }
            held = held.saturating_add(long);
        }
    }
    // A row takes a bit at least, but in columns that hold nothing.
    let rows = u64::try_from(batch.length()).map_err(|_| impossible("a batch"))?;
    let holds_nothing = batch.buffers().is_none_or(|buffers| buffers.is_empty());
    if !holds_nothing && rows > held.saturating_mul(8) {
        return Err(impossible("a batch"));
    }
    Ok(())
}

/// The bytes there, of a file that is `end` bytes long.
fn bytes(file: &mut (impl Read + Seek), at: Option<u64>, length: u64, end: u64) -> Result<Vec<u8>, String> {
    let fits = |at: &u64| length <= MESSAGE_BYTES && at.checked_add(length).is_some_and(|last| last <= end);
    let at = at.filter(fits).ok_or_else(|| impossible("a message"))?;
    file.seek(SeekFrom::Start(at)).map_err(|error| error.to_string())?;
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn length_of(bytes: &[u8]) -> Result<u64, String> {
    let length = bytes.try_into().map(i32::from_le_bytes).ok().and_then(|length| length.try_into().ok());
    length.ok_or_else(|| impossible("a message"))
}

fn impossible(what: &str) -> String {
    format!("it says of {what} that it is longer than it can be")
}
