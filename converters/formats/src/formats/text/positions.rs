//! Fields of wide lines: a line in, the places of the few fields that are wanted out, without splitting the others.

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
        // Sets the top bit of each byte that was the separator, and of no other, as no carry leaves its byte.
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

/// The field that begins at `start`; empty after the end of the line.
#[must_use]
pub fn field_at(line: &[u8], separator: u8, start: usize) -> &[u8] {
    let Some(rest) = line.get(start..) else { return b"" };
    // These fields are a few bytes long, for which a vectorised search would take longer to begin.
    let end = rest.iter().position(|&byte| byte == separator).unwrap_or(rest.len());
    &rest[..end]
}
