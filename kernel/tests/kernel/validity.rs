//! Validity bitmaps at every offset and of every length.

use isd_kernel::Validity;

#[test]
fn words_equal_bits_at_every_offset_and_length() {
    let bytes: Vec<u8> = (0..40_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for offset in 0..70 {
        for len in [0, 1, 7, 63, 64, 65, 128, 200, 320 - offset] {
            let whole = Validity::new(&bytes, offset, len).unwrap();
            // A count goes word by word; those of all beginnings tell the bits.
            let mut count = 0;
            for end in 0..=len {
                assert_eq!(whole.slice(0, end).count_valid(), count, "offset {offset}, {end} slots of {len}");
                count += usize::from(end < len && whole.is_valid(end));
            }
        }
    }
}

#[test]
fn a_bitmap_that_is_too_short_is_refused() {
    let error = Validity::new(&[0xff], 3, 9).unwrap_err();
    assert_eq!(error.to_string(), "a validity bitmap of 5 slots beside 9 values");
    assert!(Validity::new(&[0xff], 4, 5).is_err());
    assert!(Validity::new(&[0xff], 4, 4).is_ok());
    assert!(Validity::new(&[], usize::MAX, 1).is_err());
    assert!(Validity::new(&[0xff], 1, usize::MAX).is_err());
}
