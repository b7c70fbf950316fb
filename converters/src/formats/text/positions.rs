//! Fields of wide lines: a line in, the places of the few fields that are wanted out, without looking at the others.

/// All bits of each byte but the most significant.
const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; 8]);

/// Where the wanted fields of a line without quoting begin, and how many fields it has.
///
/// `wanted` counts fields from 0 and ascends without repeats; `starts` gets the byte at which each of them begins, and
/// keeps what it held for those that the line does not have.
#[must_use]
pub fn field_starts(line: &[u8], separator: u8, wanted: &[usize], starts: &mut [usize]) -> usize {
    let pattern = u64::from_ne_bytes([separator; 8]);
    let mut next = wanted.iter().zip(starts).peekable();
    if let Some((_, start)) = next.next_if(|(wanted, _)| **wanted == 0) {
        *start = 0;
    }
    let mut fields = 1;
    let mut word_at = |mut word: u64, base: usize| {
        word ^= pattern;
        // The top bit of each byte that was the separator: exact, as no carry leaves its byte.
        let mut found = !(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);
        let count = found.count_ones() as usize;
        let before = fields;
        fields += count;
        let mut passed = before;
        while let Some((&wanted, start)) = next.next_if(|(wanted, _)| **wanted < fields) {
            while passed < wanted {
                found &= found - 1;
                passed += 1;
            }
            *start = base + found.trailing_zeros() as usize / 8 + 1;
        }
    };
    let (words, rest) = line.as_chunks::<8>();
    for (index, bytes) in words.iter().enumerate() {
        word_at(u64::from_le_bytes(*bytes), index * 8);
    }
    if !rest.is_empty() {
        let mut bytes = [!separator; 8];
        bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        word_at(u64::from_le_bytes(bytes), words.len() * 8);
    }
    fields
}

/// The field that begins at `start`; empty behind the end of the line.
#[must_use]
pub fn field_at(line: &[u8], separator: u8, start: usize) -> &[u8] {
    let rest = line.get(start..).unwrap_or_default();
    // These fields are a few bytes long: shorter than what a vectorised search takes to begin.
    let end = rest.iter().position(|&byte| byte == separator).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by splitting the whole line.
    fn naive(line: &[u8], wanted: &[usize]) -> (Vec<usize>, usize) {
        let mut starts = vec![usize::MAX; wanted.len()];
        let mut start = 0;
        let mut fields = 0;
        for (index, field) in line.split(|&byte| byte == b'|').enumerate() {
            if let Some(position) = wanted.iter().position(|&wanted| wanted == index) {
                starts[position] = start;
            }
            start += field.len() + 1;
            fields += 1;
        }
        (starts, fields)
    }

    #[test]
    fn starts_are_those_of_splitting() {
        let mut state = 17_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..3000 {
            let length = random(60);
            // Bytes that differ from the separator by a bit or a borrow, too.
            let line: Vec<u8> = (0..length)
                .map(|_| [b'|', b'|', b'}', b'{', 0xfc, 0, 0x7b, b'1'][random(8) as usize])
                .collect();
            let wanted: Vec<usize> = (0..40).filter(|_| random(3) == 0).collect();
            let mut starts = vec![usize::MAX; wanted.len()];
            let fields = field_starts(&line, b'|', &wanted, &mut starts);
            assert_eq!((starts, fields), naive(&line, &wanted), "{line:?} {wanted:?}");
        }
    }

    #[test]
    fn fields_end_at_the_next_separator_or_the_line() {
        let line = b"ab||c";
        let fields = [0, 3, 4, 5, 9].map(|start| field_at(line, b'|', start));
        assert_eq!(fields, [b"ab".as_slice(), b"", b"c", b"", b""]);
    }
}
