//! Inputs in; one of them out, damaged in a few places.

use rand::{Rng, RngExt};

/// Numbers at which readers go wrong: the ends of ranges, as they are stored.
const EDGES: [u64; 12] =
    [0, 1, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, u64::MAX];
/// Words that texts have at their own edges.
const WORDS: [&[u8]; 16] = [
    b"",
    b"\n",
    b"\r\n",
    b",",
    b";",
    b"\"",
    b"-9999",
    b"nan",
    b"1e400",
    b"0",
    b"99999999999999999999",
    b"\xff",
    b"\xef\xbb\xbf",
    b"2017-02-30",
    b" ",
    b"|",
];
/// Bytes beyond which no input grows.
const MOST_BYTES: usize = 1 << 16;

/// Takes one of the inputs and damages it in one to eight places.
pub fn mutate(inputs: &[Vec<u8>], random: &mut impl Rng) -> Vec<u8> {
    let pick = |random: &mut dyn FnMut(usize) -> usize| {
        inputs.get(random(inputs.len())).cloned().unwrap_or_default()
    };
    let mut below = |bound: usize| if bound == 0 { 0 } else { random.random_range(0..bound) };
    let mut bytes = pick(&mut below);
    for _ in 0..=below(8) {
        let at = below(bytes.len() + 1);
        match below(9) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = below(256) as u8;
                }
            }
            // A number of one, two, four or eight bytes.
            2 => {
                let edge = EDGES.get(below(EDGES.len())).copied().unwrap_or_default();
                let number = edge.wrapping_add(below(3) as u64).wrapping_sub(1).to_le_bytes();
                for (byte, new) in bytes.iter_mut().skip(at).zip(number).take(1 << below(4)) {
                    *byte = new;
                }
            }
            3 => bytes.truncate(at),
            4 => {
                let end = (at + below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let word = WORDS.get(below(WORDS.len())).copied().unwrap_or_default();
                bytes.splice(at..at, word.iter().copied());
            }
            // A piece of it once more, elsewhere.
            6 => {
                let from = below(bytes.len() + 1);
                let end = (from + below(256)).min(bytes.len());
                let piece = bytes.get(from..end).unwrap_or_default().to_vec();
                bytes.splice(at..at, piece);
            }
            // The start of it, and the end of another.
            7 => {
                let other = pick(&mut below);
                bytes.truncate(at);
                bytes.extend_from_slice(other.get(at.min(other.len())..).unwrap_or_default());
            }
            _ => {
                let end = (at + below(16)).min(bytes.len());
                let fill = below(256) as u8;
                bytes.get_mut(at..end).unwrap_or_default().fill(fill);
            }
        }
    }
    bytes.truncate(MOST_BYTES);
    bytes
}
