//! Fuzzing by seeded mutation: whatever the bytes, the parsers and checks behind these entry points answer without a panic.
//!
//! ```text
//! corpus (files of the repository, answers as guests give them) ─► mutate ─► target ─► panic: target/fuzz/TARGET-HASH
//! ```
//!
//! `cargo test` spends a second on each target, always with the same inputs; `make fuzz` spends `FUZZ_SECONDS` (60), beginning with
//! `FUZZ_SEED` (by default a new one, which is printed). What once made a target panic is kept in `found/TARGET`: it
//! is part of the corpus, and every run begins with the corpus as it is.

mod corpus;
mod mutate;

use std::{
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use pelton::{
    cli::report::{self, Style},
    job::file::fuzz_job_file,
    source::file::csv::fuzz_split,
};
use pelton_wasm::fuzz::fuzz_lift;

use self::mutate::Mutator;

/// Takes any bytes; a panic is a finding.
struct Target {
    name: &'static str,
    corpus: Vec<Vec<u8>>,
    /// Parts of inputs that blind changes would hardly hit upon.
    words: &'static [&'static str],
    /// Longer inputs are cut.
    bytes_max: usize,
    run: fn(&[u8]),
}

#[test]
fn job_files() {
    fuzz(&Target {
        name: "job_files",
        corpus: corpus::job_files(),
        words: &corpus::JOB_FILE_WORDS,
        bytes_max: 8 << 10,
        run: |data| {
            if let Some(mistakes) = fuzz_job_file(data) {
                report::render(&mistakes, Style::PLAIN);
                report::to_json(&mistakes);
            }
        },
    });
}

#[test]
fn csv_rows() {
    let words = &corpus::CSV_WORDS;
    fuzz(&Target { name: "csv_rows", corpus: corpus::csv_rows(), words, bytes_max: 1 << 10, run: fuzz_split });
}

#[test]
fn guest_answers() {
    let (corpus, words) = (corpus::guest_answers(), &corpus::GUEST_ANSWER_WORDS);
    fuzz(&Target { name: "guest_answers", corpus, words, bytes_max: 1 << 10, run: fuzz_lift });
}

/// An input that takes longer than this is a finding too.
const SLOW: Duration = Duration::from_secs(10);

fn fuzz(target: &Target) {
    let seconds = variable("FUZZ_SECONDS").unwrap_or(1);
    let seed = variable("FUZZ_SEED").unwrap_or(0);
    let corpus: Vec<Vec<u8>> = target.corpus.iter().cloned().chain(corpus::found(target.name)).collect();
    assert!(corpus.len() > 2, "the corpus of {} is missing", target.name);
    for input in &corpus {
        attempt(target, input, "from the corpus");
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut mutator = Mutator::new(corpus, target.words, target.bytes_max, seed);
    let mut inputs = 0_u64;
    while Instant::now() < end {
        let input = mutator.next();
        attempt(target, &input, &format!("input {inputs} of FUZZ_SEED={seed}"));
        inputs += 1;
    }
    println!("{}: {inputs} inputs in {seconds} s, no panic (FUZZ_SEED={seed})", target.name);
}

fn attempt(target: &Target, input: &[u8], which: &str) {
    let begin = Instant::now();
    let result = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let slow = begin.elapsed() > SLOW;
    if result.is_err() || slow {
        let path = keep(target.name, input);
        let what = if slow { "is slow" } else { "panicked" };
        panic!(
            "{} {what} with {which}, kept as {}: {:?}",
            target.name,
            path.display(),
            input.escape_ascii().to_string()
        );
    }
}

/// Writes an input to `target/fuzz`, to be looked at and then moved to `found`.
fn keep(target: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    fs::create_dir_all(&folder).expect("the folder of findings");
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a: a name for the file
    });
    let path = folder.join(format!("{target}-{hash:016x}"));
    fs::write(&path, input).expect("the finding is written");
    path
}

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text}")))
}
