//! Filling of integers: a block with whatever stands in its missing slots in, the last observed integer in each such slot
//! out.

use crate::Validity;
use crate::prefix::sums::SumInteger;

/// Missing slots among 64 up to which each is looked for; where there are more, looking at all slots is cheaper.
const FEW: u32 = 20;

/// Writes in each slot that the bitmap, of the same length, marks missing the integer before it; `last` is that before the
/// first slot. Returns the integer in the last slot.
pub(super) fn fill<I: SumInteger>(integers: &mut [I], validity: Validity<'_>, mut last: I) -> I {
    let (words, rest) = integers.as_chunks_mut::<64>();
    for (word, integers) in words.iter_mut().enumerate() {
        let mut missing = !validity.word(64 * word);
        if missing.count_ones() > FEW {
            last = fill_word(integers, !missing, last);
            continue;
        }
        if missing & 1 == 1 {
            integers[0] = last;
            missing &= missing - 1;
        }
        while missing != 0 {
            let slot = missing.trailing_zeros() as usize;
            integers[slot] = integers[slot - 1];
            missing &= missing - 1;
        }
        last = integers[63];
    }
    fill_word(rest, validity.word(64 * words.len()), last)
}

/// Fills at most 64 slots by looking at each; the lowest bit of `valid` is that of the first slot.
fn fill_word<I: SumInteger>(integers: &mut [I], mut valid: u64, mut last: I) -> I {
    for integer in integers {
        last = if valid & 1 == 1 { *integer } else { last };
        *integer = last;
        valid >>= 1;
    }
    last
}
