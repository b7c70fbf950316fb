//! HDF5's shuffle filter, undone: the first bytes of all elements, then the second ones, and so on in; elements out.

/// Bytes of a word.
const WORD: usize = 8;
/// Words of each plane that are taken at once, a line of the cache.
const WORDS: usize = 8;

/// The elements of `size` bytes whose bytes lie in planes. Bytes behind the last whole element stay where they are, and so
/// do all where there is nothing to gather.
pub fn unshuffle(data: &[u8], size: usize) -> Vec<u8> {
    let elements = data.len().checked_div(size).unwrap_or(0);
    if size <= 1 || elements <= 1 {
        return data.to_vec();
    }
    let mut out = Vec::with_capacity(data.len());
    let (planes, rest) = data.split_at(elements * size);
    if size == WORD {
        let mut rows = [[0; WORDS]; WORD];
        let mut block = [[0; WORD]; WORD * WORDS];
        for number in 0..elements / block.len() {
            let first = number * block.len();
            for (row, plane) in rows.iter_mut().zip(planes.chunks_exact(elements)) {
                for (word, bytes) in row.iter_mut().zip(plane[first..].as_chunks().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
            }
            transpose(&mut rows);
            for (element, bytes) in block.iter_mut().enumerate() {
                *bytes = rows[element % WORD][element / WORD].to_le_bytes();
            }
            out.extend_from_slice(block.as_flattened());
        }
    }
    let done = out.len();
    out.resize(planes.len(), 0);
    for (at, plane) in planes.chunks_exact(elements).enumerate() {
        for (byte, &source) in out[done..].iter_mut().skip(at).step_by(size).zip(&plane[done / size..]) {
            *byte = source;
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Makes the n-th bytes of the words of a column the n-th word of that column.
fn transpose(rows: &mut [[u64; WORDS]; WORD]) {
    exchange::<4>(rows, 0x0000_0000_ffff_ffff);
    exchange::<2>(rows, 0x0000_ffff_0000_ffff);
    exchange::<1>(rows, 0x00ff_00ff_00ff_00ff);
}

/// Has squares of `N` by `N` bytes, of which `mask` has the lower ones of a word, change places across the diagonal.
#[inline]
fn exchange<const N: usize>(rows: &mut [[u64; WORDS]; WORD], mask: u64) {
    for pair in rows.chunks_exact_mut(2 * N) {
        let (uppers, lowers) = pair.split_at_mut(N);
        for (upper, lower) in uppers.as_flattened_mut().iter_mut().zip(lowers.as_flattened_mut()) {
            let changed = (*upper >> (8 * N) ^ *lower) & mask;
            *upper ^= changed << (8 * N);
            *lower ^= changed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition.
    fn model(data: &[u8], size: usize) -> Vec<u8> {
        let elements = data.len() / size;
        let gathered = (0..elements * size).map(|at| data[at % size * elements + at / size]);
        gathered.chain(data[elements * size..].iter().copied()).collect()
    }

    #[test]
    fn planes_become_elements() {
        let bytes: Vec<u8> = (0..4_000_u32).map(|i| (i * i / 7) as u8).collect();
        for size in 1..=17 {
            for length in [
                0,
                1,
                size - 1,
                size,
                size + 1,
                8 * size - 1,
                8 * size,
                64 * size,
                65 * size + 3,
                200 * size + 5,
            ] {
                let data = &bytes[..length];
                assert_eq!(unshuffle(data, size), model(data, size), "{length} bytes in elements of {size}");
            }
        }
    }

    #[test]
    fn no_elements_leave_bytes_as_they_are() {
        assert_eq!(unshuffle(&[1, 2, 3], 0), [1, 2, 3]);
        assert_eq!(unshuffle(&[1, 2, 3], usize::MAX), [1, 2, 3]);
    }
}
