//! Which instruction sets the other tests have run with.

use std::io::Write;

use isd_kernel::InstructionSet;

/// The other tests run the kernel with each set that the processor has. What it lacks is said past the harness, which holds
/// back what tests print.
#[test]
fn sets_that_this_processor_lacks_are_reported() {
    for set in InstructionSet::ALL.into_iter().filter(|set| !set.is_available()) {
        writeln!(std::io::stderr(), "not run: the kernel's loops for {set}, which this processor lacks")
            .unwrap();
    }
}
