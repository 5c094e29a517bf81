//! The protocol on the model's disk, stopped at every operation, with every kind of loss; and proof that these tests see mistakes.

use super::{
    disk::Disk as _,
    model::{Cut, Fault, Memory, Omission},
    model_job::{Mistake, World, run},
    names,
};

const EPOCHS: u64 = 9;
const CRASHES: [Fault; 3] = [Fault::Before, Fault::Half, Fault::After];

/// What a power cut may leave; the seed makes others of each place.
fn cuts(place: u64) -> [Cut; 6] {
    let some = |count| Cut::Some(place * 7 + count);
    [Cut::Killed, Cut::Nothing, Cut::Everything, some(0), some(1), some(2)]
}

/// A new disk, and a run on it that stops early.
fn crashed(operation: u64, fault: Fault, mistake: Mistake) -> (Memory, World) {
    let world = World::default();
    let disk = process(&Memory::new(), mistake).with_fault(operation, fault);
    run(&disk, &world, EPOCHS, mistake);
    (disk, world)
}

fn process(disk: &Memory, mistake: Mistake) -> Memory {
    let omission = match mistake {
        Mistake::Omits(omission) => Some(omission),
        _ => None,
    };
    disk.process().omitting(omission)
}

/// Runs to the end on what is left, and tells what does not hold.
fn finish(left: &Memory, world: &World, mistake: Mistake) -> Vec<String> {
    let disk = process(left, mistake);
    run(&disk, world, EPOCHS, mistake);
    world.check_end(EPOCHS);
    world.violations()
}

/// Operations of a run without faults.
fn operations() -> u64 {
    let disk = Memory::new();
    let world = World::default();
    run(&disk, &world, EPOCHS, Mistake::None);
    world.check_end(EPOCHS);
    assert_eq!(world.violations(), Vec::<String>::new());
    disk.operations()
}

/// A run, a crash, a run. Worlds cannot be copied, so that each case begins anew; it is always the same up to the crash.
fn single(mistake: Mistake, faults: &[Fault]) -> Result<u64, String> {
    let mut cases = 0;
    for operation in 0..operations() {
        for fault in faults {
            for cut in cuts(operation) {
                let (disk, world) = crashed(operation, *fault, mistake);
                let violations = finish(&disk.after(cut), &world, mistake);
                if !violations.is_empty() {
                    return Err(format!("operation {operation} {fault:?}, {cut:?}: {violations:#?}"));
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

#[test]
fn no_crash_loses_or_repeats_an_epoch() {
    let cases = single(Mistake::None, &CRASHES).unwrap_or_else(|case| panic!("{case}"));
    println!("{cases} cases of one crash");
    assert!(cases > 1_000);
}

#[test]
fn no_failed_operation_loses_or_repeats_an_epoch() {
    let cases = single(Mistake::None, &[Fault::Fails, Fault::Short]).unwrap_or_else(|case| panic!("{case}"));
    println!("{cases} cases of a failed operation");
}

/// The second crash comes while the job recovers from the first, or soon after.
fn double(mistake: Mistake) -> Result<u64, String> {
    const RECOVERY: u64 = 24;
    let mut cases = 0_u64;
    for operation in 0..operations() {
        for (first, fault) in CRASHES.into_iter().chain([Fault::Fails]).enumerate() {
            for again in 0..RECOVERY {
                // Each crash is paired with every place of the second; the kinds of loss take turns.
                let turn = operation + again + first as u64;
                let second = CRASHES[(turn % 3) as usize];
                let (one, two) = (cuts(turn)[(turn % 6) as usize], cuts(again)[((turn / 6 + again) % 6) as usize]);
                let (disk, world) = crashed(operation, fault, mistake);
                let disk = process(&disk.after(one), mistake).with_fault(again, second);
                run(&disk, &world, EPOCHS, mistake);
                let violations = finish(&disk.after(two), &world, mistake);
                if !violations.is_empty() {
                    let case = format!("operation {operation} {fault:?}, {one:?}, then {again} {second:?}, {two:?}");
                    return Err(format!("{case}: {violations:#?}"));
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

#[test]
fn no_crash_during_recovery_loses_or_repeats_an_epoch() {
    let cases = double(Mistake::None).unwrap_or_else(|case| panic!("{case}"));
    println!("{cases} cases of two crashes");
    assert!(cases > 5_000);
}

/// What is left behind does not grow with the number of epochs.
#[test]
fn a_long_run_leaves_few_files() {
    let after = |epochs| {
        let (disk, world) = (Memory::new(), World::default());
        run(&disk, &world, epochs, Mistake::None);
        assert_eq!(world.violations(), Vec::<String>::new());
        let files = disk.files();
        (files.len(), files.iter().map(|(_, bytes)| bytes).sum::<usize>())
    };
    let (files, bytes) = after(10_000);
    println!("10,000 epochs leave {files} files, {bytes} bytes");
    assert!(files <= 12 && bytes <= 40_000, "{files} files, {bytes} bytes");
}

/// Two processes believe that they own the job, since there are no locks: at every operation of one, the other takes over.
fn two_owners(mistake: Mistake) -> Result<(), String> {
    for operation in 0..operations() {
        for other_epochs in [EPOCHS / 2, EPOCHS + 2] {
            let (base, world) = (Memory::new(), World::default());
            let other = (process(&base, mistake), world.clone());
            let meanwhile = move || run(&other.0, &other.1, other_epochs, mistake);
            let disk = process(&base, mistake).meanwhile(operation, meanwhile);
            run(&disk, &world, EPOCHS, mistake);
            // A third one comes, and the work must be whole.
            let last = base.process();
            run(&last, &world, EPOCHS + 2, Mistake::None);
            world.check_end(EPOCHS + 2);
            let violations = world.violations();
            if !violations.is_empty() {
                return Err(format!("operation {operation}, {other_epochs} epochs: {violations:#?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn whoever_lost_the_job_commits_nothing() {
    two_owners(Mistake::None).unwrap_or_else(|case| panic!("{case}"));
}

/// Each of these is seen by the tests above.
#[test]
fn planted_mistakes_are_caught() {
    let all = [Fault::Before, Fault::Half, Fault::After, Fault::Fails];
    let mistakes = [
        Mistake::Omits(Omission::Names("")),
        Mistake::Omits(Omission::Names("journal")),
        Mistake::Omits(Omission::Names("files")),
        Mistake::Omits(Omission::Frames),
        Mistake::Omits(Omission::Files),
        Mistake::PublishesFirst,
        Mistake::ForgetsAgain,
        Mistake::PublishesNothingAgain,
        Mistake::SyncsTwice,
        Mistake::CollectsEarly,
    ];
    for mistake in mistakes {
        report(mistake, single(mistake, &all).map(drop));
    }
    // A frame that was read and is lost later takes two crashes, and looking for others takes another.
    let forgetful = Mistake::Omits(Omission::Assurance);
    report(forgetful, double(forgetful).map(drop));
    let blind = Mistake::Omits(Omission::Others);
    report(blind, two_owners(blind));
}

fn report(mistake: Mistake, seen: Result<(), String>) {
    let case = seen.expect_err(&format!("{mistake:?} is seen"));
    println!("{mistake:?}: {}", case.lines().take(2).collect::<String>());
}

/// Segments are removed oldest first: were the names of two of them not yet durable, a power cut could leave the older one.
#[test]
fn segments_that_are_removed_never_leave_a_gap() {
    const SEGMENTS: u64 = 6;
    let begun = || {
        let disk = Memory::new();
        disk.create_directory(names::JOURNAL).unwrap();
        for number in 1..=SEGMENTS {
            let file = disk.create(&names::segment(number), 16).unwrap();
            disk.sync_file(&file).unwrap();
        }
        disk.sync_directory(names::JOURNAL).unwrap();
        disk.sync_directory("").unwrap();
        disk
    };
    let process = begun().process();
    assert_eq!(process.remove_segments_before(SEGMENTS).unwrap(), SEGMENTS - 1);
    for operation in 0..process.operations() {
        for fault in CRASHES {
            for seed in 0..40 {
                let disk = begun().process().with_fault(operation, fault);
                // It dies at that operation.
                let _ = disk.remove_segments_before(SEGMENTS);
                let left = disk.after(Cut::Some(seed)).segment_numbers().unwrap();
                let is_whole = left.last() == Some(&SEGMENTS) && left.windows(2).all(|pair| pair[0] + 1 == pair[1]);
                assert!(is_whole, "operation {operation} {fault:?}, seed {seed}: {left:?} are left");
            }
        }
    }
}
