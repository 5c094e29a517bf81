//! `std:dedup` through the offline harness.

use pelton_guest::prelude::*;
use pelton_std_keyed::dedup;

#[test]
fn the_first_row_of_each_key_passes_whole_and_in_order() {
    let mut test = dedup.key(["id"]).start();
    let out = test.rows(rows! { id: [Some(1), Some(2), Some(1), None], x: ["a", "b", "c", "d"] });
    assert_eq!(out.main(), &rows! { id: [Some(1), Some(2), None], x: ["a", "b", "d"] });
}

#[test]
fn a_key_is_remembered_across_epochs_until_its_time_to_live_ends() {
    let mut test = dedup.key(["id"]).start();
    test.rows(rows! { id: [1, 2] });
    assert_eq!(test.state(), rows! { id: [1, 2], seen: [true, true] });
    let out = test.rows(rows! { id: [2, 3, 3] });
    assert_eq!(out.main(), &rows! { id: [3] });
    assert!(test.expire().main().is_empty(), "the end of a key makes no row");
    assert!(test.state().is_empty());
    let out = test.rows(rows! { id: [2] });
    assert_eq!(out.main(), &rows! { id: [2] });
}

#[test]
fn it_needs_a_key_and_has_no_options() {
    let rows = rows! { id: [1] };
    assert!(dedup.key([]).refusal(&rows).contains("the operator has no `key`"));
    let refusal = dedup.key(["id"]).options(options! { ttl: "1h" }).refusal(&rows);
    assert_eq!(refusal, "there is no option `ttl`: this module has no options");
}
