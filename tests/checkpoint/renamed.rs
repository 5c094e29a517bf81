//! Jobs that are changed while they rest: operators that are called otherwise, or are gone, and what becomes of their state.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);

const JOB: &str = r#"
name = "counted"
checkpoint = "state"
batch = { interval = "10ms" }

[source.numbers]
type = "generator"
rate = 20000
[source.numbers.columns]
x = { sequence = { start = 1 } }
key = { sequence = { start = 0, step = 0 } }

[operator.sums]
input = "numbers"
key = ["key"]
aggregate = { n = "std:count", sum = "std:sum(x)" }
emit = "on-update"

[sink.out]
input = "sums"
type = "file"
path = "out"
format = "csv"
columns = ["n", "sum"]
"#;

/// The last count and sum in the sink.
fn last(place: &Path) -> Option<(i64, i64)> {
    let mut files: Vec<_> = fs::read_dir(place.join("out")).ok()?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    let text = fs::read_to_string(files.last()?).ok()?;
    let (n, sum) = text.lines().last()?.split_once(',')?;
    Some((n.parse().ok()?, sum.parse().ok()?))
}

fn start(place: &Path) -> Child {
    let log = fs::File::create(place.join("log")).unwrap();
    Command::new(pelton_tests::binary().unwrap())
        .args(["run", "job.toml"])
        .current_dir(place)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Lets the job run until there is a count above `n`, and stops it in peace.
fn run_beyond(place: &Path, n: i64) -> (i64, i64) {
    let mut job = start(place);
    let begun = Instant::now();
    while last(place).is_none_or(|(count, _)| count <= n) {
        let log = || fs::read_to_string(place.join("log")).unwrap();
        assert!(begun.elapsed() < PATIENCE && job.try_wait().unwrap().is_none(), "{:?}: {}", last(place), log());
        thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-TERM", &job.id().to_string()]).status().unwrap().success());
    assert_eq!(job.wait().unwrap().code(), Some(130));
    last(place).unwrap()
}

/// What a job that cannot go on says.
fn refused(place: &Path) -> String {
    let status = start(place).wait().unwrap();
    let said = fs::read_to_string(place.join("log")).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_whole((n, sum): (i64, i64)) -> bool {
    sum == n * (n + 1) / 2
}

#[test]
fn state_goes_to_the_operator_that_was_called_so_or_is_given_up_by_name() {
    let place = tempfile::tempdir().unwrap();
    let write = |job: String| fs::write(place.path().join("job.toml"), job).unwrap();
    write(JOB.into());
    let first = run_beyond(place.path(), 1000);
    assert!(is_whole(first), "{first:?}");

    // Under another name without a word: nothing is lost, and nothing is computed.
    let renamed = JOB.replace("operator.sums]", "operator.totals]").replace("input = \"sums\"", "input = \"totals\"");
    write(renamed.clone());
    let said = refused(place.path());
    assert!(said.contains("PELTON-0503") && said.contains("nobody takes the state of operator `sums`"), "{said}");
    assert_eq!(last(place.path()), Some(first));

    write(renamed.replace("[operator.totals]\n", "[operator.totals]\nwas = \"sums\"\n"));
    let second = run_beyond(place.path(), first.0 + 1000);
    assert!(is_whole(second), "{first:?} {second:?}");
    // From now on it has its own: the word may stay or go.
    write(renamed.clone());
    let third = run_beyond(place.path(), second.0 + 1000);
    assert!(is_whole(third), "{second:?} {third:?}");

    // Given up.
    write(format!("drop-state = [\"totals\"]\n{JOB}"));
    let mut job = start(place.path());
    let begun = Instant::now();
    while last(place.path()).is_none_or(|found| found.0 >= third.0) {
        assert!(begun.elapsed() < PATIENCE && job.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(1));
    }
    job.kill().unwrap();
    job.wait().unwrap();
    assert!(!is_whole(last(place.path()).unwrap()), "it counts from the rows that came since");
}

#[test]
fn a_name_that_is_taken_or_here_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let said = |job: String| {
        fs::write(place.path().join("job.toml"), job).unwrap();
        refused_file(place.path())
    };
    let here = said(JOB.replace("[operator.sums]\n", "[operator.sums]\nwas = \"sums\"\n"));
    assert!(here.contains("that operator is here"), "{here}");
    let kept = said(format!("drop-state = [\"sums\"]\n{JOB}"));
    assert!(kept.contains("`drop-state` names the operator `sums`, which the job has"), "{kept}");
}

fn refused_file(place: &Path) -> String {
    let status = start(place).wait().unwrap();
    let said = fs::read_to_string(place.join("log")).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    said
}
