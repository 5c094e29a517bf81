use super::*;
use crate::checkpoint::claim::Holder;

fn claim(follows: Option<End>) -> Claim {
    Claim {
        holder: Holder { pid: 1, host: "turbine".into(), since: 0, version: "0.1.0".into() },
        follows,
        token: 0,
        restores: false,
    }
}

fn end(segment: u64, bytes: u64, sequence: u64) -> End {
    End { segment, bytes, sequence }
}

/// Frames of 100 bytes each, that have been synced one by one.
fn segment(number: u64, generation: u64, first: u64, kinds: &[Kind], claim: Option<Claim>) -> Segment {
    let frame = |(index, kind): (usize, &Kind)| {
        let (index, sequence) = (index as u64, first + index as u64);
        let header = Header { kind: *kind, generation, sequence, durable: sequence };
        FrameFacts { header, offset: index * 100, end: index * 100 + 100 }
    };
    let frames = kinds.iter().enumerate().map(frame).collect();
    Segment { number, bytes: 1_000, frames, flaw: None, claim }
}

fn flaw(offset: u64, defect: Defect, is_committed: bool) -> Option<Flaw> {
    Some(Flaw { offset, defect, is_committed })
}

/// A process that claims, commits twice, goes on in a second segment, and another one that takes over.
fn example() -> Vec<Segment> {
    vec![
        segment(1, 1, 0, &[Kind::Claim, Kind::Epoch], Some(claim(None))),
        segment(2, 1, 2, &[Kind::Epoch, Kind::Published, Kind::Epoch], None),
        segment(4, 2, 5, &[Kind::Claim, Kind::Epoch], Some(claim(Some(end(2, 300, 5))))),
    ]
}

#[test]
fn segments_that_follow_each_other_count() {
    let chain = join(&example()).unwrap();
    assert_eq!(chain.segments, [(1, 2), (2, 3), (4, 2)]);
    assert_eq!((chain.end, chain.generation, chain.durable, chain.cut), (Some(end(4, 200, 7)), 2, 6, None));
}

#[test]
fn nothing_is_a_journal_without_end() {
    assert_eq!(join(&[]), Ok(Chain::default()));
    assert_eq!(join(&[segment(1, 0, 0, &[], None)]), Ok(Chain::default()));
}

#[test]
fn what_lies_behind_a_claimed_end_is_void() {
    let mut segments = example();
    // A torn frame, a segment of somebody who did not finish his claim, and a frame of one who had lost the job.
    segments[1].flaw = flaw(300, Defect::Unfinished, false);
    segments.insert(2, Segment { flaw: flaw(0, Defect::Unfinished, false), ..segment(3, 2, 5, &[], None) });
    let chain = join(&segments).unwrap();
    assert_eq!((chain.segments.len(), chain.cut.clone()), (3, None));
    segments[1] = segment(2, 1, 2, &[Kind::Epoch, Kind::Published, Kind::Epoch, Kind::Epoch], None);
    assert_eq!(join(&segments).unwrap().segments[1], (2, 3));
}

#[test]
fn only_the_end_of_the_journal_may_be_unfinished() {
    let torn = |index: usize, offset| {
        let mut segments = example();
        segments[index].flaw = flaw(offset, Defect::Unfinished, false);
        join(&segments)
    };
    assert_eq!(torn(2, 200).unwrap().cut, Some(TornTail { segment: 4, offset: 200 }));
    assert_eq!(torn(0, 200), Err(damage(1, 200, Wrong::Frame(Defect::Unfinished))));
    let mut segments = example();
    segments.push(Segment { flaw: flaw(0, Defect::Unfinished, false), ..segment(5, 2, 7, &[], None) });
    let chain = join(&segments).unwrap();
    assert_eq!((chain.end, chain.cut), (Some(end(4, 200, 7)), Some(TornTail { segment: 5, offset: 0 })));
}

#[test]
fn damage_at_the_end_is_no_torn_tail() {
    for (defect, is_committed) in [(Defect::Header, false), (Defect::Payload, false), (Defect::Unfinished, true)] {
        let mut segments = example();
        segments[2].flaw = flaw(200, defect, is_committed);
        assert_eq!(join(&segments), Err(damage(4, 200, Wrong::Frame(defect))));
    }
}

#[test]
fn missing_segments_are_named() {
    let without = |index: usize| {
        let mut segments = example();
        segments.remove(index);
        join(&segments)
    };
    assert_eq!(without(1), Err(damage(2, 0, Wrong::NoSegment)));
    // The oldest may have been collected. Whether the rest is enough is for recovery to say.
    assert_eq!(without(0).unwrap().segments, [(2, 3), (4, 2)]);
    let mut segments = example();
    segments.remove(1);
    segments[1] = segment(3, 1, 5, &[Kind::Epoch], None);
    assert_eq!(join(&segments), Err(damage(2, 0, Wrong::NoSegment)));
}

#[test]
fn a_segment_that_lost_frames_is_named() {
    let mut segments = example();
    segments[1].frames.pop();
    assert_eq!(join(&segments), Err(damage(2, 200, Wrong::Missing)));
    segments[1].flaw = flaw(200, Defect::Payload, false);
    assert_eq!(join(&segments), Err(damage(2, 200, Wrong::Frame(Defect::Payload))));
    let mut segments = example();
    segments[2].bytes = 200;
    assert_eq!(join(&segments), Err(damage(4, 200, Wrong::CutShort)));
    let mut segments = example();
    segments[0].frames.pop();
    assert_eq!(join(&segments), Err(damage(1, 100, Wrong::Missing)));
}

#[test]
fn a_claim_that_starts_over_voids_everything_before() {
    let mut segments = example();
    segments[0].flaw = flaw(200, Defect::Header, true);
    segments.push(segment(9, 7, 0, &[Kind::Claim], Some(claim(None))));
    let chain = join(&segments).unwrap();
    assert_eq!((chain.segments, chain.end, chain.generation), (vec![(9, 1)], None, 7));
}

#[test]
fn claims_without_epochs_are_not_followed() {
    let mut segments = example();
    segments.push(segment(5, 3, 7, &[Kind::Claim], Some(claim(Some(end(4, 200, 7))))));
    segments.push(segment(6, 4, 7, &[Kind::Claim, Kind::Closed], Some(claim(Some(end(4, 200, 7))))));
    let chain = join(&segments).unwrap();
    assert_eq!((chain.end, chain.generation, chain.durable), (Some(end(4, 200, 7)), 4, 8));
}

#[test]
fn one_process_writes_a_segment() {
    let mut segments = example();
    segments[2].frames[1].header.generation = 1;
    let wrong = Wrong::Generation { expected: 2, found: 1 };
    assert_eq!(join(&segments), Err(damage(4, 100, wrong)));
    let mut segments = example();
    segments[1].frames[1].header.kind = Kind::Claim;
    assert_eq!(join(&segments), Err(damage(2, 100, Wrong::ClaimInside)));
    let mut segments = example();
    segments[2].frames.iter_mut().for_each(|frame| frame.header.generation = 1);
    assert_eq!(join(&segments), Err(damage(2, 300, Wrong::NotHigher { found: 1 })));
    let mut segments = example();
    segments[2].claim = None;
    assert_eq!(join(&segments), Err(damage(4, 0, Wrong::Claim)));
    segments[2].claim = Some(claim(Some(end(7, 300, 5))));
    assert_eq!(join(&segments), Err(damage(4, 0, Wrong::Claim)));
}

#[test]
fn a_segment_that_nobody_wrote_to_is_passed_over() {
    let mut segments = example();
    segments.splice(..2, [segment(1, 0, 0, &[], None)]);
    assert_eq!(join(&segments).unwrap().segments, [(4, 2)]);
}

#[test]
fn an_empty_segment_under_a_number_that_was_collected_is_passed_over() {
    // 2 goes on where 1 ended, and 4 names the end of 2.
    for collected in [1, 2] {
        let mut segments = example();
        let whole = join(&segments).unwrap();
        for number in 1..=collected {
            segments[number - 1] = segment(number as u64, 1, 0, &[], None);
        }
        let late = join(&segments[collected - 1..]).unwrap();
        assert_eq!((late.segments.as_slice(), late.end), (&whole.segments[collected..], whole.end));
    }
}
