//! The choice of an instruction set: the hot loops are compiled once for each, and the widest set that the processor has
//! is chosen at run time.
//!
//! All versions of a loop give the same bits: no operation is fused, reordered or approximated.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

/// Instructions that a loop is compiled for, from the narrowest vectors to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum InstructionSet {
    /// What every processor of the architecture has; on x86-64, SSE2: vectors of 128 bits.
    Plain = 1,
    /// AVX2: vectors of 256 bits.
    Avx2 = 2,
    /// AVX-512 F, DQ and VL: vectors of 512 bits.
    Avx512 = 3,
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        })
    }
}

/// The instruction set in use, as its number; 0 until it is first asked for. The processor has the set that is here.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// One set at a time is tested in a process.
static TESTING: Mutex<()> = Mutex::new(());

impl InstructionSet {
    /// All instruction sets, whether or not this processor has them, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Avx2, Self::Avx512];

    /// Whether this processor has the instructions.
    #[must_use]
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            Self::Plain => true,
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        return self == Self::Plain;
    }

    /// The instruction set that the loops run with: the widest that the processor has, unless another one was asked for.
    #[inline]
    pub(crate) fn chosen() -> Self {
        match CHOSEN.load(Ordering::Relaxed) {
            1 => Self::Plain,
            2 => Self::Avx2,
            3 => Self::Avx512,
            _ => Self::choose_widest(),
        }
    }

    #[cold]
    fn choose_widest() -> Self {
        let [plain, wider @ ..] = Self::ALL;
        let widest = wider.into_iter().filter(|set| set.is_available()).fold(plain, Self::max);
        CHOSEN.store(widest as u8, Ordering::Relaxed);
        widest
    }
}

/// Runs the kernel's loops, in the whole process and from now on, with an instruction set; `false`, and nothing is
/// changed, if this processor does not have it.
///
/// Results do not depend on the set. Benchmarks ask for [`InstructionSet::Plain`] to count the same instructions on any
/// machine.
pub fn use_instruction_set(set: InstructionSet) -> bool {
    if set.is_available() {
        CHOSEN.store(set as u8, Ordering::Relaxed);
    }
    set.is_available()
}

/// Puts back the instruction set that was in use when it was made.
struct Restore(InstructionSet);

impl Drop for Restore {
    fn drop(&mut self) {
        CHOSEN.store(self.0 as u8, Ordering::Relaxed);
    }
}

/// Calls `check` once for each instruction set that this processor has, while the kernel's loops run with that set: for
/// tests. Calls from several threads wait for each other.
pub fn with_each_instruction_set(mut check: impl FnMut(InstructionSet)) {
    let _alone = TESTING.lock().unwrap_or_else(PoisonError::into_inner);
    let _restore = Restore(InstructionSet::chosen());
    for set in InstructionSet::ALL {
        if use_instruction_set(set) {
            check(set);
        }
    }
}

/// Defines a function as another one that is compiled once for each instruction set. The other one must be
/// `#[inline(always)]`, as must be all that its loop calls.
macro_rules! for_each_instruction_set {
    ($name:ident$(<$integer:ident>)? = $plain:ident($($argument:ident: $kind:ty),*) -> $result:ty) => {
        #[allow(unsafe_code, reason = "a function for a processor's extension may only be called where it has that")]
        pub(crate) fn $name$(<$integer: SumInteger>)?($($argument: $kind),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::cpu::InstructionSet;

                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn with_avx512$(<$integer: SumInteger>)?($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn with_avx2$(<$integer: SumInteger>)?($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                match InstructionSet::chosen() {
                    // SAFETY: the processor has the chosen instruction set.
                    InstructionSet::Avx512 => return unsafe { with_avx512($($argument),*) },
                    // SAFETY: the processor has the chosen instruction set.
                    InstructionSet::Avx2 => return unsafe { with_avx2($($argument),*) },
                    InstructionSet::Plain => {}
                }
            }
            $plain($($argument),*)
        }
    };
}
pub(crate) use for_each_instruction_set;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_that_the_processor_has_is_in_use_while_it_is_tested() {
        let mut tested = Vec::new();
        with_each_instruction_set(|set| {
            assert_eq!(InstructionSet::chosen(), set);
            tested.push(set);
        });
        assert_eq!(
            tested,
            InstructionSet::ALL.into_iter().filter(|set| set.is_available()).collect::<Vec<_>>()
        );
        assert!(tested.contains(&InstructionSet::Plain));
    }
}
