//! Integers of a few bits each, packed without gaps between them, both ways; the least significant bit comes first.

/// Bytes that are read for a group of eight integers: the most that it takes.
const GROUP_BYTES: usize = 16;

/// Appends integers of `width` bits each, at most 32, in groups of eight; the last group is filled up with zeros.
pub(super) fn pack(bytes: &mut Vec<u8>, integers: &[u32], width: u32) {
    let end = bytes.len() + integers.len().div_ceil(8) * width as usize;
    let (mut pending, mut bits) = (0_u64, 0);
    for &integer in integers {
        pending |= u64::from(integer) << bits;
        bits += width;
        if bits >= u32::BITS {
            bytes.extend((pending as u32).to_le_bytes());
            pending >>= u32::BITS;
            bits -= u32::BITS;
        }
    }
    bytes.extend(pending.to_le_bytes());
    bytes.resize(end, 0);
}

/// Unpacks groups of eight integers of `width` bits each, 1 to 16; returns the largest of the integers. `bytes` begins with
/// all of these groups, of `width` bytes each.
///
/// With AVX2, four integers are shifted to their places at once, without which finding the outliers of a column takes
/// an eighth longer.
pub(super) fn unpack(bytes: &[u8], width: usize, groups: &mut [[u16; 8]]) -> u16 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[allow(
            unsafe_code,
            reason = "a function for a processor's extension may only be called where it has that"
        )]
        // SAFETY: the processor has this extension.
        return unsafe { avx2::unpack_groups(bytes, width, groups) };
    }
    unpack_groups(bytes, width, groups)
}

fn unpack_groups(bytes: &[u8], width: usize, groups: &mut [[u16; 8]]) -> u16 {
    let mask = (1 << width) - 1;
    for_each_group(bytes, width, groups, |words| {
        std::array::from_fn(|i| (words[i / 4] >> (i % 4 * width) & mask) as u16)
    })
}

/// Makes each group from two words, each of which begins with four integers: those take 64 bits at most. Returns the
/// largest integer.
#[inline]
fn for_each_group(
    bytes: &[u8],
    width: usize,
    groups: &mut [[u16; 8]],
    integers: impl Fn([u64; 2]) -> [u16; 8],
) -> u16 {
    let mut largest = [0; 8];
    // The second word begins at a byte, or in the middle of one.
    let (second, shift) = (width / 2, 4 * (width % 2));
    let words = |bytes: &[u8; GROUP_BYTES]| [word(bytes, 0), word(bytes, second) >> shift];
    for (index, group) in groups.iter_mut().enumerate() {
        let rest = &bytes[index * width..];
        *group = if let Some(bytes) = rest.first_chunk() {
            integers(words(bytes))
        } else {
            let mut bytes = [0; GROUP_BYTES];
            bytes[..rest.len()].copy_from_slice(rest);
            integers(words(&bytes))
        };
        for (largest, integer) in largest.iter_mut().zip(group) {
            *largest = (*largest).max(*integer);
        }
    }
    largest.into_iter().fold(0, u16::max)
}

/// The eight bytes from `at` on as an integer.
#[inline]
fn word(bytes: &[u8; GROUP_BYTES], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "a vector and an array are the same bits, but there is no other conversion")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, _mm256_and_si256, _mm256_castsi256_si128, _mm256_packus_epi32, _mm256_permutevar8x32_epi32,
        _mm256_set_epi32, _mm256_set_epi64x, _mm256_set1_epi64x, _mm256_srlv_epi64,
    };

    use super::for_each_group;

    /// Does what `super::unpack_groups` does.
    #[target_feature(enable = "avx2")]
    pub(super) fn unpack_groups(bytes: &[u8], width: usize, groups: &mut [[u16; 8]]) -> u16 {
        let step = width as i64;
        let places = _mm256_set_epi64x(3 * step, 2 * step, step, 0);
        let mask = _mm256_set1_epi64x((1 << width) - 1);
        // The packing below leaves pairs of integers of either word in turns.
        let order = _mm256_set_epi32(0, 0, 0, 0, 5, 1, 4, 0);
        for_each_group(bytes, width, groups, |words| {
            let [low, high] = words.map(|word| {
                _mm256_and_si256(_mm256_srlv_epi64(_mm256_set1_epi64x(word as i64), places), mask)
            });
            // From 64 bits an integer to 32, and to 16.
            let packed = _mm256_packus_epi32(low, high);
            let packed = _mm256_permutevar8x32_epi32(_mm256_packus_epi32(packed, packed), order);
            // SAFETY: both types are 128 bits, and any bits are a valid array of integers.
            unsafe { std::mem::transmute::<__m128i, [u16; 8]>(_mm256_castsi256_si128(packed)) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_width_are_packed_and_unpacked() {
        for width in 1..=16 {
            for count in [8, 16, 24, 80, 1024] {
                let integers: Vec<u32> = (0..count).map(|i| (i * 40_503 % 65_521) >> (16 - width)).collect();
                let mut bytes = Vec::new();
                pack(&mut bytes, &integers, width);
                for bit in 0..bytes.len() * 8 {
                    let (integer, place) = (integers[bit / width as usize], bit % width as usize);
                    assert_eq!(u32::from(bytes[bit / 8] >> (bit % 8) & 1), integer >> place & 1);
                }
                let expected: Vec<u16> = integers.iter().map(|integer| *integer as u16).collect();
                for unpack in [unpack, unpack_groups] {
                    let mut groups = vec![[0; 8]; expected.len() / 8];
                    let largest = unpack(&bytes, width as usize, &mut groups);
                    assert_eq!(groups.concat(), expected, "{width} bits");
                    assert_eq!(Some(&largest), expected.iter().max(), "{width} bits");
                }
            }
        }
    }

    #[test]
    fn a_last_group_is_filled_up() {
        let mut bytes = vec![9];
        pack(&mut bytes, &[1, 2, 3], 4);
        assert_eq!(bytes, [9, 0x21, 0x03, 0, 0]);
        let mut groups = [[7; 8]];
        assert_eq!(unpack(&bytes[1..], 4, &mut groups), 3);
        assert_eq!(groups, [[1, 2, 3, 0, 0, 0, 0, 0]]);
        assert_eq!(unpack(&[], 4, &mut []), 0);
    }
}
