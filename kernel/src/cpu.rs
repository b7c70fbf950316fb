//! Loops compiled for each instruction set, of which the widest that the processor has is chosen at run time.
//!
//! All give the same: no operation is fused, reordered or approximated.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether loops run as compiled for plain processors, whatever the processor has.
static PLAIN: AtomicBool = AtomicBool::new(false);

/// Has the kernel's loops run, in this process and from now on, as they are compiled for plain processors: to compare
/// results and to count instructions, which must not depend on the machine.
pub fn use_plain_instructions() {
    PLAIN.store(true, Ordering::Relaxed);
}

/// Whether loops run as compiled for plain processors.
#[cfg(target_arch = "x86_64")]
pub(crate) fn is_plain() -> bool {
    PLAIN.load(Ordering::Relaxed)
}

/// Whether loops may use AVX-512 F and DQ.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    !is_plain() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq")
}

/// Defines a function that is another one, compiled once for each instruction set.
macro_rules! in_lanes {
    ($name:ident$(<$lane:ident>)? = $plain:ident($($argument:ident: $kind:ty),*) -> $result:ty) => {
        #[allow(unsafe_code, reason = "a function for a processor's extension may only be called where it has that")]
        pub(crate) fn $name$(<$lane: Lane>)?($($argument: $kind),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            if !$crate::cpu::is_plain() {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn with_avx512$(<$lane: Lane>)?($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn with_avx2$(<$lane: Lane>)?($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    // SAFETY: the processor has these extensions.
                    return unsafe { with_avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has this extension.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            $plain($($argument),*)
        }
    };
}
pub(crate) use in_lanes;
