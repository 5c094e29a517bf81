//! Kills the real binary, again and again, and looks whether anybody can tell.
//!
//! ```text
//!  rows ─► oracle ──────────────────────────────────────────────► expected rows
//!  job ─► run without a checkpoint ─────────────────────────────► expected files, of those rows
//!  job ─► run ─ kill -9 ─► run ─ kill -9 ─► … ─► run to the end ─► the same files, byte for byte
//! ```
//!
//! Each job is killed at random instants, and at every fail point of the epoch at its first, second and later passes. The suite does
//! it some hundred times; `make chaos` does it `PELTON_KILLS` times. A failure prints its seed; `PELTON_SEED` replays it.

mod jobs;
mod oracle;
#[expect(dead_code, reason = "trials of tests/s3 keep their checkpoints in a bucket")]
mod run;

use std::env;

use pelton::failpoint;
use pelton_tests::seeds::each;
use rand::{Rng, SeedableRng, rngs::StdRng};

use jobs::JOBS;
use oracle::Answer;
use run::Trial;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn nobody_can_tell_that_a_job_was_killed_at_random_instants() {
    let kills_each = setting("PELTON_KILLS", 80).div_ceil(JOBS.len() as u64);
    each("-p pelton-tests --test chaos random_instants", 7..8, |seed| {
        let mut kills = 0;
        for job in &JOBS {
            let mut random = StdRng::seed_from_u64(seed);
            let trial = Trial::new(job);
            let mut of_job = 0;
            while of_job < kills_each {
                trial.begin_anew();
                while !trial.run_for(trial.whole.mul_f64(random.random_range(0.05..1.2)), None) {
                    of_job += 1;
                    assert!(of_job < kills_each + 400, "{}: it never ends", job.name);
                }
                trial.compare(&format!("{}: after {of_job} kills", job.name));
                trial.compare_manifest(job.name);
            }
            kills += of_job;
        }
        println!("{kills} kills at random instants, {} jobs: the same output each time", JOBS.len());
    });
}

#[test]
fn nobody_can_tell_that_a_job_was_killed_at_a_fail_point() {
    let mut fired = 0;
    let mut silent: Vec<&str> = failpoint::NAMES.to_vec();
    for job in &JOBS {
        let trial = Trial::new(job);
        for point in failpoint::NAMES {
            for pass in [1, 4] {
                trial.begin_anew();
                // What happens in recovery alone needs something to recover from.
                if matches!(point, "republish" | "recover") {
                    fired += u64::from(!trial.run_to_end(Some("publish:2")));
                }
                if !trial.run_to_end(Some(&format!("{point}:{pass}"))) {
                    fired += 1;
                    silent.retain(|name| *name != point);
                    assert!(trial.run_to_end(None), "{}: {point}:{pass}: it does not go on", job.name);
                }
                trial.compare(&format!("{}: killed at {point}:{pass}", job.name));
                trial.compare_manifest(&format!("{}: killed at {point}:{pass}", job.name));
            }
        }
    }
    println!("{fired} kills at {} fail points", failpoint::NAMES.len());
    assert!(silent.is_empty(), "these fail points never fired: {silent:?}");
}

/// The test of the test: the oracle sees one row that is gone, there twice, changed, or in another place, in whatever a job writes.
#[test]
fn a_row_that_is_wrong_in_every_run_is_found_out() {
    const SHAPES: [&str; 6] = ["stateless", "folders-of-parquet", "running", "over-changes", "sessions", "sorted"];
    for job in JOBS.iter().filter(|job| SHAPES.contains(&job.name)) {
        let trial = Trial::new(job);
        let answer = Answer::of(job.name, &trial.inputs);
        let lines = trial.lines();
        let mut random = StdRng::seed_from_u64(3);
        let mut refuted = |what: &str, plant: &dyn Fn(&mut Vec<String>, usize)| {
            let (mut lines, at) = (lines.clone(), random.random_range(0..lines.len() - 1));
            plant(&mut lines, at);
            assert!(answer.refute(&lines).is_some(), "{}: {what} is not seen", job.name);
        };
        refuted("a row that is gone", &|lines, at| drop(lines.remove(at)));
        refuted("a row that is there twice", &|lines, at| lines.insert(at, lines[at].clone()));
        refuted("a changed row", &|lines, at| lines[at] = lines[at].replacen(',', "7,", 1));
        if job.name == "sorted" || job.name == "stateless" {
            refuted("two rows that have changed places", &|lines, at| lines.swap(at, at + 1));
        }
        assert_eq!(answer.refute(&lines), None);
    }
}

/// The test of the test: without its checkpoint a killed job cannot know what it wrote.
#[test]
fn a_job_that_loses_its_checkpoint_is_found_out() {
    let trial = Trial::new(&JOBS[0]);
    trial.begin_anew();
    assert!(!trial.run_to_end(Some("published:1")), "the fail point fires");
    trial.forget_checkpoint();
    assert!(!trial.run_to_end(None), "parts that nobody knows are in the way");
}

#[test]
fn a_job_that_was_killed_goes_on_only_as_it_was() {
    let running = JOBS.iter().find(|job| job.name == "running").expect("there is one");
    let trial = Trial::new(running);
    trial.begin_anew();
    trial.edit("snapshots = \"3ms\"", "snapshots = \"1h\"");
    assert!(!trial.run_to_end(Some("publish:5")), "the fail point fires");
    trial.edit("n = \"std:count\"", "number = \"std:count\"");
    assert!(trial.refusal().contains("(PELTON-0503)"), "{}", trial.refusal());
    trial.edit("number = \"std:count\"", "n = \"std:count\"");
    assert!(trial.run_to_end(None), "as it was, it goes on");
    trial.compare("a job that was changed, and changed back");
}

#[test]
fn a_result_without_rows_is_one_part_also_with_a_checkpoint() {
    let trial = Trial::new(&JOBS[0]);
    trial.begin_anew();
    trial.edit("price > 300", "price > 300000");
    for _ in 0..2 {
        assert!(trial.run_to_end(None), "a second run finds nothing to do");
        let parts: Vec<_> = trial.parts().into_iter().map(|(name, bytes)| (name, bytes.len())).collect();
        assert_eq!(parts, [("part-00000.csv".to_owned(), 0)]);
    }
}
