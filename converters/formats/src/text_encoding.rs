//! Text that is not in lines of UTF-8: UTF-16 and line ends of a carriage return alone in, UTF-8 and line feeds out.

use std::borrow::Cow;
use std::io::{self, Read};

/// Bytes that say how a text is encoded.
pub const PEEKED_BYTES: usize = 16 << 10;
/// Bytes that are decoded at once.
const READ_BYTES: usize = 64 << 10;

/// The text of stored bytes: UTF-8, else Latin-1, in which every byte is a character. Names that differ stay apart.
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// How a text must be changed to be lines of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-16 with a byte order mark, as spreadsheets save "Unicode text".
    Utf16 {
        /// Whether the more significant byte of two comes first.
        big_endian: bool,
    },
    /// Lines end in a carriage return alone, as on the first Macintoshes.
    CarriageReturns,
}

impl Encoding {
    /// What a text that begins so is in; `None` where it is to be read as it is.
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            // UTF-32 has two zeros after its mark.
            [0xff, 0xfe, 0, 0, ..] => None,
            [0xff, 0xfe, ..] => Some(Self::Utf16 { big_endian: false }),
            [0xfe, 0xff, ..] => Some(Self::Utf16 { big_endian: true }),
            _ => {
                let end = memchr::memchr(b'\r', start)?;
                let text = start.iter().all(|&byte| byte >= b' ' || matches!(byte, b'\t' | b'\r' | 0x0c));
                // A carriage return at the very end may be half of a line end.
                (text && end + 1 < start.len()).then_some(Self::CarriageReturns)
            }
        }
    }

    /// The text in UTF-8 with line feeds.
    pub fn reader(self, stored: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match self {
            Self::Utf16 { big_endian } => Box::new(Utf16 {
                stored,
                big_endian,
                bytes: Vec::new(),
                text: Vec::new(),
                taken: 0,
                ended: false,
                failure: None,
                ends_in_cr: None,
            }),
            Self::CarriageReturns => Box::new(CarriageReturns { stored }),
        }
    }
}

struct CarriageReturns {
    stored: Box<dyn Read + Send>,
}

impl Read for CarriageReturns {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stored.read(buffer)?;
        end_in_line_feeds(&mut buffer[..read]);
        Ok(read)
    }
}

/// Makes carriage returns line feeds.
fn end_in_line_feeds(text: &mut [u8]) {
    for byte in text {
        if *byte == b'\r' {
            *byte = b'\n';
        }
    }
}

struct Utf16 {
    stored: Box<dyn Read + Send>,
    big_endian: bool,
    /// Bytes that were read and not decoded: half a unit, or the first of a pair.
    bytes: Vec<u8>,
    /// Decoded text, of which the first `taken` bytes were handed on.
    text: Vec<u8>,
    taken: usize,
    ended: bool,
    /// Why what follows the decoded text cannot be.
    failure: Option<io::Error>,
    /// Whether lines end in a carriage return alone; `None` before anything was decoded.
    ends_in_cr: Option<bool>,
}

impl Utf16 {
    /// Decodes the next bytes.
    fn decode(&mut self) -> io::Result<()> {
        if let Some(failure) = self.failure.take() {
            self.ended = true;
            return Err(failure);
        }
        let read = (&mut self.stored).take(READ_BYTES as u64).read_to_end(&mut self.bytes)?;
        self.ended = read < READ_BYTES;
        let unit = |pair: &[u8]| {
            let pair = [pair[0], pair[1]];
            if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let mut units: Vec<u16> = self.bytes.chunks_exact(2).map(unit).collect();
        // The second of a pair comes with the next bytes.
        if !self.ended && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        self.bytes.drain(..units.len() * 2);
        if self.ended && !self.bytes.is_empty() {
            let reason = "UTF-16 that ends within a character";
            self.failure = Some(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        self.text.clear();
        self.taken = 0;
        let mut utf8 = [0; 4];
        for decoded in char::decode_utf16(units) {
            match decoded {
                Ok(decoded) => self.text.extend_from_slice(decoded.encode_utf8(&mut utf8).as_bytes()),
                Err(error) => {
                    let reason = format!("no UTF-16: {error}");
                    self.failure = Some(io::Error::new(io::ErrorKind::InvalidData, reason));
                    break;
                }
            }
        }
        let text = &self.text;
        if *self.ends_in_cr.get_or_insert_with(|| Encoding::of(text) == Some(Encoding::CarriageReturns)) {
            end_in_line_feeds(&mut self.text);
        }
        Ok(())
    }
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() {
            if self.ended && self.failure.is_none() {
                return Ok(0);
            }
            self.decode()?;
        }
        let rest = &self.text[self.taken..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn utf_16_of_both_orders_is_decoded() {
        let text = format!("{}\u{1f321}\r\nZürich\n", "station,time\n".repeat(7_000));
        for big_endian in [false, true] {
            let bytes = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let stored: Vec<u8> =
                "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect();
            let encoding = Encoding::of(&stored).unwrap();
            assert_eq!(encoding, Encoding::Utf16 { big_endian });
            let mut decoded = String::new();
            encoding.reader(Box::new(Cursor::new(stored.clone()))).read_to_string(&mut decoded).unwrap();
            assert_eq!(decoded.strip_prefix('\u{feff}'), Some(text.as_str()));
            let cut = stored[..stored.len() - 1].to_vec();
            assert!(encoding.reader(Box::new(Cursor::new(cut))).read_to_string(&mut decoded).is_err());
        }
    }

    #[test]
    fn only_carriage_returns_alone_are_replaced() {
        assert_eq!(Encoding::of(b"a,b\r1,2\r"), Some(Encoding::CarriageReturns));
        for other in
            [b"a,b\r\n1,2\r\n".as_slice(), b"a,b\n1,2\r3\n", b"a,b", b"a,b\r", b"\0a\rb", b"\xff\xfe\0\0"]
        {
            assert_eq!(Encoding::of(other), None, "{other:?}");
        }
    }
}
