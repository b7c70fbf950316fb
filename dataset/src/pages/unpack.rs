//! Integers of a few bits each, packed without gaps, in; the same of 16 bits each out.
//!
//! Four of them lie within a word of 64 bits, which is shifted by four distances at once where the processor can.

/// Bytes that the two words of a group may reach over: of the widest, or where the second begins within a byte.
const REACH: usize = 16;

/// Appends the integers of whole groups of eight, of `width` bits each, at most 16, the least significant first.
pub(crate) fn unpack(bytes: &[u8], width: usize, integers: &mut Vec<u16>) {
    let start = integers.len();
    integers.resize(start + 8 * bytes.len().checked_div(width).unwrap_or(0), 0);
    let (groups, _) = integers[start..].as_chunks_mut();
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[allow(
            unsafe_code,
            reason = "a function for a processor's extension may only be called where it has that"
        )]
        // SAFETY: the processor has this extension.
        return unsafe { avx2::unpack_groups(bytes, width, groups) };
    }
    unpack_groups(bytes, width, groups);
}

fn unpack_groups(bytes: &[u8], width: usize, groups: &mut [[u16; 8]]) {
    let mask = (1 << width) - 1;
    for_each(bytes, width, groups, |words| {
        std::array::from_fn(|i| (words[i / 4] >> (i % 4 * width) & mask) as u16)
    });
}

/// Makes each group of two words, each of which begins with four integers.
#[inline]
fn for_each(bytes: &[u8], width: usize, groups: &mut [[u16; 8]], integers: impl Fn([u64; 2]) -> [u16; 8]) {
    let words = |bytes: &[u8; REACH]| {
        let word = |at: usize| bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        // The first four take up to 64 bits; the other four begin at a byte, or in the middle of one.
        [word(0), word(width / 2) >> (4 * (width % 2))]
    };
    for (index, group) in groups.iter_mut().enumerate() {
        let rest = bytes.get(index * width..).unwrap_or_default();
        *group = if let Some(bytes) = rest.first_chunk() {
            integers(words(bytes))
        } else {
            let mut bytes = [0; REACH];
            bytes[..rest.len()].copy_from_slice(rest);
            integers(words(&bytes))
        };
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "a vector and an array are the same bits, but there is no other conversion")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, _mm256_and_si256, _mm256_castsi256_si128, _mm256_packus_epi32, _mm256_permutevar8x32_epi32,
        _mm256_set_epi32, _mm256_set_epi64x, _mm256_set1_epi64x, _mm256_srlv_epi64,
    };

    use super::for_each;

    /// The same as without vectors.
    #[target_feature(enable = "avx2")]
    pub(crate) fn unpack_groups(bytes: &[u8], width: usize, groups: &mut [[u16; 8]]) {
        let step = width as i64;
        let places = _mm256_set_epi64x(3 * step, 2 * step, step, 0);
        let mask = _mm256_set1_epi64x((1 << width) - 1);
        // Of the halves, each of two integers of either word.
        let order = _mm256_set_epi32(0, 0, 0, 0, 5, 1, 4, 0);
        for_each(bytes, width, groups, |words| {
            let [low, high] = words.map(|word| {
                _mm256_and_si256(_mm256_srlv_epi64(_mm256_set1_epi64x(word as i64), places), mask)
            });
            // From 64 bits to 32, and to 16.
            let packed = _mm256_packus_epi32(low, high);
            let packed = _mm256_permutevar8x32_epi32(_mm256_packus_epi32(packed, packed), order);
            // SAFETY: any bits are so many integers.
            unsafe { std::mem::transmute::<__m128i, [u16; 8]>(_mm256_castsi256_si128(packed)) }
        });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Integers packed as the format says.
    pub(crate) fn packed(integers: &[u16], width: usize) -> Vec<u8> {
        let mut bytes = vec![0; integers.len().div_ceil(8) * width];
        for bit in 0..integers.len() * width {
            let is_set = integers[bit / width] >> (bit % width) & 1;
            bytes[bit / 8] |= (is_set as u8) << (bit % 8);
        }
        bytes
    }

    #[test]
    fn integers_of_every_width_are_unpacked() {
        for width in 1..=16 {
            for count in [8, 16, 24, 80, 1024] {
                let integers: Vec<u16> =
                    (0..count).map(|i: u32| (i * 40_503 % 65_521) as u16 >> (16 - width)).collect();
                let mut unpacked = vec![7];
                unpack(&packed(&integers, width), width, &mut unpacked);
                assert_eq!(unpacked[1..], integers, "{width} bits");
                let mut plain = vec![[0; 8]; integers.len() / 8];
                unpack_groups(&packed(&integers, width), width, &mut plain);
                assert_eq!(plain.concat(), integers, "{width} bits, without vectors");
            }
        }
        let mut none = vec![7];
        unpack(&[], 5, &mut none);
        unpack(&[], 0, &mut none);
        assert_eq!(none, [7]);
    }
}
