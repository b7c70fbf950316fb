use isd_dataset::interrupt::is_ignored;

#[test]
fn ignored_signals_are_known() {
    // Rust has every program ignore SIGPIPE; nobody can ignore SIGKILL.
    assert_eq!(is_ignored(13), Some(true));
    assert_eq!(is_ignored(9), Some(false));
    assert_eq!(is_ignored(0), None);
}
