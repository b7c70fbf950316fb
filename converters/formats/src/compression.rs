//! Compressed sources: the first bytes of a file in, how it is compressed out, and a reader of what is inside.
//!
//! Several compressed streams may follow one another in a file, as `cat a.gz b.gz` makes them. All are read.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

/// Bytes by which compression is recognised, at most.
pub const MAGIC_BYTES: usize = 6;
/// Extensions of compressed files, which are no part of the name of what is inside.
const EXTENSIONS: [&str; 4] = [".gz", ".bz2", ".xz", ".zst"];

/// How a source is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, as NOAA's archives are.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstandard,
}

impl Compression {
    /// The compression of a file that begins so; `None` of any that is not read here, and of none.
    #[must_use]
    pub fn of(start: &[u8]) -> Option<Self> {
        match *start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstandard),
            _ => None,
        }
    }

    /// Its name, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstandard => "zstd",
        }
    }

    /// The program that unpacks it.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Gzip => "gunzip",
            Self::Bzip2 => "bunzip2",
            Self::Xz => "unxz",
            Self::Zstandard => "unzstd",
        }
    }

    /// Reads what is inside `stored`.
    ///
    /// # Errors
    /// A decoder that cannot be made, for want of memory.
    pub fn reader<'a>(self, stored: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(GzipMembers { state: State::Between(stored), first: true }),
            Self::Bzip2 => Box::new(Named { name: self.name(), inside: MultiBzDecoder::new(stored) }),
            Self::Xz => Box::new(Named { name: self.name(), inside: XzReader::new(stored, true) }),
            Self::Zstandard => {
                let inside = zstd::stream::read::Decoder::with_buffer(stored)?;
                Box::new(Named { name: self.name(), inside })
            }
        })
    }
}

/// A file's name without the extension of its compression.
#[must_use]
pub fn without_extension(name: &str) -> &str {
    EXTENSIONS.iter().find_map(|extension| name.strip_suffix(extension)).unwrap_or(name)
}

/// A decoder whose errors do not say what it decodes.
struct Named<R> {
    name: &'static str,
    inside: R,
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inside.read(out);
        read.map_err(|error| io::Error::new(error.kind(), format!("damaged {}: {error}", self.name)))
    }
}

/// Gzip members one after the other. Zero bytes after a member, which tapes and disks pad files with, are no damage.
struct GzipMembers<R: BufRead> {
    state: State<R>,
    /// Whether no member has been read.
    first: bool,
}

enum State<R: BufRead> {
    Between(R),
    Within(Box<GzDecoder<R>>),
    Ended,
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Between(mut stored) => {
                    if self.first || skip_zeros(&mut stored)? {
                        self.first = false;
                        self.state = State::Within(Box::new(GzDecoder::new(stored)));
                    } else {
                        return Ok(0);
                    }
                }
                State::Within(mut member) => match member.read(out)? {
                    0 => self.state = State::Between(member.into_inner()),
                    read => {
                        self.state = State::Within(member);
                        return Ok(read);
                    }
                },
                State::Ended => return Ok(0),
            }
        }
    }
}

/// Skips zero bytes; says whether anything follows them.
fn skip_zeros(stored: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = stored.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let zeros = buffer.iter().take_while(|&&byte| byte == 0).count();
        let more = zeros < buffer.len();
        stored.consume(zeros);
        if more {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(stored: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Compression::of(stored).unwrap().reader(stored)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn gzip_members_and_the_zeros_after_them() {
        let (a, b) = (gzip(b"one\n"), gzip(b"two\n"));
        assert_eq!(unpacked(&[&*a, &b].concat()).unwrap(), b"one\ntwo\n");
        assert_eq!(unpacked(&[&*a, &[0; 3], &b, &[0; 10_000]].concat()).unwrap(), b"one\ntwo\n");
        assert!(unpacked(&[&*a, b"garbage"].concat()).is_err());
        assert!(unpacked(&[&*a, &[0; 3], b"garbage"].concat()).is_err());
        assert!(unpacked(&a[..a.len() - 3]).is_err());
    }

    #[test]
    fn every_compression_is_read_and_its_damage_found() {
        let text = b"725300-94846 ".repeat(1000);
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(&text).unwrap();
        let bzip2 = bzip2.finish().unwrap();
        let zstd = zstd::encode_all(text.as_slice(), 1).unwrap();
        for (name, stored) in [("gzip", gzip(&text)), ("bzip2", bzip2), ("zstd", zstd)] {
            assert_eq!(Compression::of(&stored).unwrap().name(), name);
            assert_eq!(unpacked(&stored).unwrap(), text, "{name}");
            let twice = [&*stored, &stored].concat();
            assert_eq!(unpacked(&twice).unwrap(), text.repeat(2), "{name}");
            assert!(unpacked(&stored[..stored.len() / 2]).is_err(), "{name}");
        }
        // `printf 'ab\n' | xz -0`
        let xz = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F";
        assert_eq!(Compression::of(xz), Some(Compression::Xz));
        assert!(unpacked(xz).is_err());
        assert_eq!(Compression::of(b"BZip"), None);
        assert_eq!(without_extension("a-2017.xz"), "a-2017");
        assert_eq!(without_extension("a-2017.csv"), "a-2017.csv");
    }
}
