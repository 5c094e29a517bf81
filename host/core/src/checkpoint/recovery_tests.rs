use super::*;
use crate::checkpoint::record::{FileRef, Letters, Snapshot};

fn record(epoch: u64, generation: u64) -> Outline {
    Outline {
        epoch: Epoch(epoch),
        generation,
        now: 0,
        sources: Vec::new(),
        tables: Vec::new(),
        snapshot: None,
        published_through: Epoch(0),
        letters: Letters::default(),
        replies: None,
        sinks: Vec::new(),
    }
}

fn with_snapshot(record: Outline) -> Outline {
    let engine = FileRef { name: String::new(), bytes: 0, checksum: 0 };
    Outline { snapshot: Some(Snapshot { engine, operators: Vec::new() }), ..record }
}

/// What is written as text: `claim 2`, `epoch 4`, `snapshot 4`, `published 3`, `closed`, by the generation claimed last.
fn decide_on(journal: &str) -> Result<Decision, Refusal> {
    let mut generation = 1;
    let records: Vec<(u64, &str, u64, Outline)> = journal
        .split(", ")
        .map(|line| {
            let (what, number) = line.split_once(' ').unwrap_or((line, "0"));
            let number: u64 = number.parse().unwrap();
            if what == "claim" {
                generation = number;
            }
            let record = record(number, generation);
            (generation, what, number, if what == "snapshot" { with_snapshot(record) } else { record })
        })
        .collect();
    decide(records.iter().map(|(generation, what, number, record)| {
        let what = match *what {
            "claim" => What::Claim,
            "epoch" | "snapshot" => What::Epoch(record),
            "published" => What::Published(Epoch(*number)),
            "closed" => What::Closed,
            other => panic!("{other}"),
        };
        Entry { generation: *generation, what }
    }))
}

fn refusal(journal: &str) -> (usize, Why) {
    let refusal = decide_on(journal).unwrap_err();
    (refusal.entry, refusal.why)
}

#[test]
fn a_new_job_begins_with_the_first_epoch() {
    let new = decide([]).unwrap();
    assert_eq!((new.generation, new.next_epoch, new.last, new.base), (1, Epoch::FIRST, None, None));
    let claimed = decide_on("claim 4").unwrap();
    assert_eq!((claimed.generation, claimed.next_epoch), (5, Epoch::FIRST));
}

#[test]
fn without_a_snapshot_everything_is_computed_again() {
    let decision = decide_on("claim 1, epoch 1, published 1, epoch 2, published 2, epoch 3").unwrap();
    assert_eq!((decision.last, decision.base, decision.again, decision.republish), (Some(2), None, 0, 2));
    assert_eq!((decision.generation, decision.next_epoch, decision.is_closed), (2, Epoch(4), false));
}

#[test]
fn the_newest_snapshot_is_the_base() {
    let decision =
        decide_on("claim 1, epoch 1, snapshot 2, epoch 3, snapshot 4, epoch 5, published 5, closed").unwrap();
    assert_eq!((decision.base, decision.again, decision.republish), (Some(3), 4, 5));
    assert!(decision.is_closed);
    assert!(!decide_on("claim 1, epoch 1, closed, claim 2").unwrap().is_closed);
}

#[test]
fn the_last_record_can_be_its_own_base() {
    let decision = decide_on("claim 1, epoch 1, snapshot 2").unwrap();
    assert_eq!((decision.last, decision.base, decision.again, decision.republish), (Some(1), Some(1), 2, 0));
}

#[test]
fn old_records_may_have_been_collected_behind_a_snapshot() {
    let decision = decide_on("claim 3, snapshot 7, published 7, epoch 8").unwrap();
    assert_eq!((decision.base, decision.again, decision.republish, decision.generation), (Some(0), 1, 1, 4));
    assert_eq!(refusal("claim 3, epoch 7, epoch 8, published 8"), (3, Why::NoBase { first: Epoch(7) }));
}

#[test]
fn outputs_that_may_not_be_visible_must_be_there() {
    let why = Why::Unpublished { published: Epoch(0), first: Epoch(7) };
    assert_eq!(refusal("claim 3, snapshot 7"), (1, why));
    let told = Outline { published_through: Epoch(6), ..with_snapshot(record(7, 1)) };
    let decision = decide([Entry { generation: 1, what: What::Epoch(&told) }]).unwrap();
    assert_eq!(decision.republish, 0);
}

#[test]
fn records_that_do_not_follow_each_other_are_refused() {
    let gap = Why::Gap { expected: Epoch(2), found: Epoch(3) };
    assert_eq!(refusal("claim 1, epoch 1, epoch 3"), (2, gap));
    assert_eq!(refusal("claim 1, epoch 1, epoch 2, epoch 2"), (3, Why::Twice { epoch: Epoch(2) }));
    assert_eq!(refusal("claim 1, epoch 1, epoch 2, epoch 1"), (3, Why::Twice { epoch: Epoch(1) }));
}

#[test]
fn only_whoever_took_the_job_over_writes() {
    let entry = |generation, what| Entry { generation, what };
    let (one, two) = (record(1, 1), record(2, 1));
    let zombie =
        [entry(1, What::Claim), entry(1, What::Epoch(&one)), entry(2, What::Claim), entry(1, What::Epoch(&two))];
    let why = Why::Zombie { claimed: 2, found: 1 };
    assert_eq!(decide(zombie), Err(Refusal { entry: 3, why }));
    let same = [entry(2, What::Claim), entry(2, What::Claim)];
    assert_eq!(decide(same), Err(Refusal { entry: 1, why: Why::Zombie { claimed: 2, found: 2 } }));
    let unclaimed = [entry(1, What::Claim), entry(2, What::Closed)];
    assert_eq!(decide(unclaimed), Err(Refusal { entry: 1, why: Why::NoClaim { claimed: 1, found: 2 } }));
    let other = [entry(2, What::Claim), entry(2, What::Epoch(&one))];
    let why = Why::OtherGeneration { epoch: Epoch(1), record: 1, frame: 2 };
    assert_eq!(decide(other), Err(Refusal { entry: 1, why }));
}

#[test]
fn nothing_is_visible_before_it_is_committed() {
    let why = Why::NotCommitted { published: Epoch(3) };
    assert_eq!(refusal("claim 1, epoch 1, epoch 2, published 3"), (3, why));
    let early = Outline { published_through: Epoch(1), ..record(1, 1) };
    let why = Why::NotCommitted { published: Epoch(1) };
    assert_eq!(decide([Entry { generation: 1, what: What::Epoch(&early) }]), Err(Refusal { entry: 0, why }));
}
