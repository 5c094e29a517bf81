//! The protocol on a bucket, with every kind of fault at every request; and proof that these tests see mistakes.
//!
//! The job and the world around it are those of the disk's tests (`model_job.rs`).

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::faulty::{Fault, Faulty, Mistake};
use crate::checkpoint::model_job::{self, World, run_on};

const EPOCHS: u64 = 9;
const CRASHES: [Fault; 5] = [Fault::Before, Fault::After, Fault::Late(1), Fault::Late(4), Fault::Late(17)];
const FAILURES: [Fault; 5] = [Fault::Refused, Fault::Lost, Fault::Unanswered, Fault::Delayed(2), Fault::Delayed(30)];

fn run(bucket: &Faulty, world: &World, epochs: u64) {
    run_on(bucket.objects(), &|| bucket.is_faulty(), world, epochs, model_job::Mistake::None);
}

/// Requests of a run without faults.
fn requests() -> u64 {
    let (bucket, world) = (Faulty::new(), World::default());
    run(&bucket, &world, EPOCHS);
    world.check_end(EPOCHS);
    assert_eq!(world.violations(), Vec::<String>::new());
    bucket.requests()
}

/// Runs to the end on what is left, and tells what does not hold.
fn finish(bucket: &Faulty, world: &World) -> Result<(), String> {
    let last = bucket.process();
    run(&last, world, EPOCHS);
    world.check_end(EPOCHS);
    let violations = world.violations();
    if violations.is_empty() { Ok(()) } else { Err(format!("{violations:#?}")) }
}

/// A run with a fault, then a run.
fn single(mistake: Mistake, faults: &[Fault]) -> Result<u64, String> {
    let mut cases = 0;
    for request in 0..requests() {
        for fault in faults {
            let (base, world) = (Faulty::new(), World::default());
            let process = base.process().making(mistake).with_fault(request, *fault);
            run(&process, &world, EPOCHS);
            finish(&base, &world).map_err(|case| format!("request {request} {fault:?}: {case}"))?;
            cases += 1;
        }
    }
    Ok(cases)
}

#[test]
fn no_crash_loses_or_repeats_an_epoch_in_a_bucket() {
    let cases = single(Mistake::None, &CRASHES).unwrap_or_else(|case| panic!("{case}"));
    println!("{cases} cases of one crash");
    assert!(cases > 200);
}

#[test]
fn no_unclear_answer_loses_or_repeats_an_epoch() {
    let cases = single(Mistake::None, &FAILURES).unwrap_or_else(|case| panic!("{case}"));
    println!("{cases} cases of one failure");
    assert!(cases > 200);
}

/// An answer that is lost is no failure: the run comes to its end without a second one.
#[test]
fn a_lost_answer_is_read_back_and_the_run_goes_on() {
    let mut writes = 0;
    for request in 0..requests() {
        for fault in [Fault::Unanswered, Fault::Lost, Fault::Delayed(1)] {
            let (base, world) = (Faulty::new(), World::default());
            let process = base.process().with_fault(request, fault);
            run(&process, &world, EPOCHS);
            // Reads are tried again by the client of the store, which is not here.
            if process.lost_a_write() {
                world.check_end(EPOCHS);
                assert_eq!(world.violations(), Vec::<String>::new(), "request {request} {fault:?}");
                writes += 1;
            }
        }
    }
    assert!(writes > 30, "{writes}");
}

/// The second fault comes while the job recovers from the first, or soon after.
#[test]
fn no_crash_during_recovery_loses_or_repeats_an_epoch_in_a_bucket() {
    const RECOVERY: u64 = 16;
    let mut cases = 0;
    for request in 0..requests() {
        for (first, fault) in CRASHES.into_iter().chain(FAILURES).enumerate() {
            for again in 0..RECOVERY {
                let turn = request + again + first as u64;
                let second = CRASHES[(turn % 5) as usize];
                let (base, world) = (Faulty::new(), World::default());
                run(&base.process().with_fault(request, fault), &world, EPOCHS);
                run(&base.process().with_fault(again, second), &world, EPOCHS);
                let case = finish(&base, &world);
                case.unwrap_or_else(|case| panic!("request {request} {fault:?}, then {again} {second:?}: {case}"));
                cases += 1;
            }
        }
    }
    println!("{cases} cases of two faults");
    assert!(cases > 5_000);
}

/// Two processes believe that they own the job: at every request of one, the other takes over, and may go far ahead.
fn two_owners(mistake: Mistake) -> Result<(), String> {
    for request in 0..requests() {
        for other_epochs in [EPOCHS / 2, EPOCHS + 2, 4 * EPOCHS] {
            let (base, world) = (Faulty::new(), World::default());
            let other = (base.process(), world.clone());
            let meanwhile = move || run(&other.0, &other.1, other_epochs);
            let process = base.process().making(mistake).meanwhile(request, meanwhile);
            run(&process, &world, EPOCHS);
            let (last, end) = (base.process(), 4 * EPOCHS + 2);
            run(&last, &world, end);
            world.check_end(end);
            let violations = world.violations();
            if !violations.is_empty() {
                return Err(format!("request {request}, {other_epochs} epochs: {violations:#?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn whoever_lost_the_job_commits_nothing_in_a_bucket() {
    two_owners(Mistake::None).unwrap_or_else(|case| panic!("{case}"));
}

#[test]
fn planted_mistakes_are_caught_in_a_bucket() {
    let blind = two_owners(Mistake::IgnoresFloor).expect_err("a process that does not look at the floor is seen");
    println!("{}", blind.lines().take(2).collect::<String>());
}

/// Many processes in any order, each with a fault and perhaps old listings, some of them at once.
#[test]
fn seeded_faults_and_old_listings_lose_nothing() {
    for seed in 0..400 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (base, world) = (Faulty::new(), World::default());
        for _ in 0..random.random_range(1..6) {
            let faults: Vec<Fault> = CRASHES.into_iter().chain(FAILURES).collect();
            let fault = faults[random.random_range(0..faults.len())];
            let process = base.process();
            let process = if random.random_bool(0.5) { process.with_old_listings() } else { process };
            let (at, epochs) = (random.random_range(0..80), random.random_range(1..=EPOCHS));
            if random.random_bool(0.3) {
                let other = (base.process().with_fault(random.random_range(0..80), fault), world.clone());
                let process = process.meanwhile(at, move || run(&other.0, &other.1, epochs));
                run(&process, &world, EPOCHS);
            } else {
                run(&process.with_fault(at, fault), &world, epochs);
            }
        }
        finish(&base, &world).unwrap_or_else(|case| panic!("seed {seed}: {case}"));
    }
}

#[test]
fn a_long_run_leaves_few_objects() {
    let (bucket, world) = (Faulty::new(), World::default());
    run(&bucket, &world, 1_000);
    assert_eq!(world.violations(), Vec::<String>::new());
    let keys = bucket.keys();
    println!("1,000 epochs leave {} objects", keys.len());
    assert!(keys.len() <= 14, "{keys:?}");
}
