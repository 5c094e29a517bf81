use super::*;

fn header(kind: Kind, sequence: u64, durable: u64) -> Header {
    Header { kind, generation: 3, sequence, durable }
}

/// Frames one after the other, in a segment of so many bytes.
fn segment(frames: &[(Header, Vec<u8>)], bytes: usize) -> Vec<u8> {
    let mut segment = Vec::new();
    for (header, payload) in frames {
        segment.extend(encode(header, segment.len() as u64, payload));
    }
    assert!(segment.len() <= bytes);
    segment.resize(bytes, 0);
    segment
}

fn text(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| b'a' + (index % 23) as u8).collect()
}

/// A claim, two epochs of which one is long and has empty sectors, and what is published.
fn example() -> Vec<u8> {
    let mut long = text(700);
    long.resize(2_500, 0);
    long.extend(text(100));
    let frames = [
        (header(Kind::Claim, 7, 7), text(90)),
        (header(Kind::Epoch, 8, 8), long),
        (header(Kind::Published, 9, 9), vec![1; 8]),
        (header(Kind::Epoch, 10, 9), text(333)),
    ];
    segment(&frames, 8192)
}

#[test]
fn what_is_written_is_read() {
    let bytes = example();
    let scan = scan(&bytes);
    assert_eq!(scan.flaw, None);
    let found: Vec<_> =
        scan.frames.iter().map(|frame| (frame.header.kind, frame.offset, frame.payload.len())).collect();
    let expected =
        [(Kind::Claim, 0, 90), (Kind::Epoch, 192, 2_600), (Kind::Published, 2_880, 8), (Kind::Epoch, 3_008, 333)];
    assert_eq!(found, expected);
    assert_eq!(payload_at(&bytes, 2_880), Some([1; 8].as_slice()));
    assert_eq!(payload_at(&bytes, 64), None);
}

/// The layout is for ever.
#[test]
fn the_bytes_of_a_frame_are_these() {
    let bytes = encode(&Header { kind: Kind::Epoch, generation: 2, sequence: 5, durable: 4 }, 0, b"pelton");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = concat!(
        "504c544a01000200",
        "0200000000000000",
        "0500000000000000",
        "0400000000000000",
        "0600000000000000",
        "c7a8c391aefec5e2",
        "0000000000000000",
        "411278802742aed8",
        "70656c746f6e0000",
        "0000000000000000",
        "0000000000000000",
        "0000000000000000",
        "0000000000000000",
        "0000000000000000",
        "0000000000000000",
        "0000000000000000",
    );
    assert_eq!(hex, expected);
}

#[test]
fn segments_without_frames_are_empty() {
    for bytes in [0, 1, 63, 64, 100, 4096] {
        assert_eq!(scan(&vec![0; bytes]), Scan { frames: Vec::new(), flaw: None });
    }
}

/// Every bit of what was written and synced: no change goes unseen, and none is taken for a frame that was not finished,
/// unless it lies where nothing was written.
#[test]
fn every_changed_bit_is_found_where_it_is() {
    let good = example();
    let whole = scan(&good);
    let end = whole.frames.last().unwrap().end as usize;
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[place] ^= 1 << bit;
            let flaw = scan(&bytes).flaw.unwrap_or_else(|| panic!("byte {place} bit {bit} was not seen"));
            let frame = whole.frames.iter().find(|frame| (frame.offset..frame.end).contains(&(place as u64)));
            assert_eq!(flaw.offset, frame.map_or(end as u64, |frame| frame.offset), "byte {place}");
            let is_unfinished = flaw.defect == Defect::Unfinished;
            assert_eq!(is_unfinished, place >= end + HEADER_BYTES, "byte {place}: {flaw:?}");
            assert_eq!(flaw.is_committed, place < 2_880, "byte {place}");
        }
    }
}

#[test]
fn sectors_that_were_not_written_are_no_damage() {
    let good = example();
    let whole = scan(&good);
    let last = *whole.frames.last().unwrap();
    let first = last.offset as usize / SECTOR_BYTES;
    let sectors: Vec<usize> = (first..(last.end as usize).div_ceil(SECTOR_BYTES)).collect();
    assert!(sectors.len() > 1);
    for lost in 1..1 << sectors.len() {
        let mut bytes = good.clone();
        for (_, sector) in sectors.iter().enumerate().filter(|(bit, _)| lost & 1 << bit != 0) {
            let from = (sector * SECTOR_BYTES).max(last.offset as usize);
            let to = (sector + 1) * SECTOR_BYTES;
            bytes[from..to].fill(0);
        }
        let scan = scan(&bytes);
        assert_eq!(scan.frames, whole.frames[..3]);
        if let Some(flaw) = scan.flaw {
            assert_eq!(flaw, Flaw { offset: last.offset, defect: Defect::Unfinished, is_committed: false });
        } else {
            assert_eq!(lost, (1 << sectors.len()) - 1, "all of it was lost");
        }
    }
}

#[test]
fn a_frame_behind_proves_that_one_was_committed() {
    let epoch = |sequence, durable| (header(Kind::Epoch, sequence, durable), text(600));
    let published = |sequence, durable| (header(Kind::Published, sequence, durable), vec![2; 8]);
    let lose = |frames: &[(Header, Vec<u8>)], from: usize, to: usize| {
        let mut bytes = segment(frames, 8192);
        bytes[from..to].fill(0);
        scan(&bytes).flaw.unwrap()
    };
    // Of the first frame, a sector; the second was written after it was synced.
    assert!(lose(&[epoch(4, 4), epoch(5, 5)], 512, 704).is_committed);
    // Frames 5 and 6 were synced together: the loss of 5 proves nothing.
    let flaw = lose(&[epoch(4, 4), published(5, 5), epoch(6, 5)], 704, 832);
    assert_eq!(flaw, Flaw { offset: 704, defect: Defect::Unfinished, is_committed: false });
}

#[test]
fn damaged_lengths_do_not_reach_beyond_the_segment() {
    for length in [u64::MAX, u64::MAX - 63, u64::MAX - 64, 1 << 40, 8192 - 63] {
        let mut bytes = segment(&[(header(Kind::Claim, 0, 0), Vec::new())], 8192);
        bytes[32..40].copy_from_slice(&length.to_le_bytes());
        let checksum = hash_bytes(&bytes[..56]);
        bytes[56..64].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(scan(&bytes).flaw.unwrap().defect, Defect::CutShort { bytes: length });
    }
}

#[test]
fn newer_versions_and_kinds_are_told_from_damage() {
    let change = |at: usize, value: u16| {
        let mut bytes = segment(&[(header(Kind::Claim, 0, 0), Vec::new())], 512);
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        let checksum = hash_bytes(&bytes[..56]);
        bytes[56..64].copy_from_slice(&checksum.to_le_bytes());
        scan(&bytes).flaw.unwrap().defect
    };
    assert_eq!(change(4, 2), Defect::Version { version: 2 });
    assert_eq!(change(6, 9), Defect::Kind { kind: 9 });
}

#[test]
fn frames_out_of_order_are_refused() {
    let bytes = segment(&[(header(Kind::Claim, 4, 4), Vec::new()), (header(Kind::Closed, 6, 6), Vec::new())], 512);
    let flaw = scan(&bytes).flaw.unwrap();
    assert_eq!((flaw.offset, flaw.defect), (64, Defect::Sequence { expected: 5, found: 6 }));
}
