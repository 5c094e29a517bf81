//! Savepoints of a job that runs, by the job file: it does not notice, and what it collects later is not missed.

use std::{
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::place::Place;

/// A job that is killed in the end, if it has not ended by itself.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The sums that a job wrote: one line a sum.
fn sums(place: &Place, folder: &str) -> Vec<u64> {
    let rows = place.rows(folder);
    let last = |line: &str| line.rsplit(',').next().unwrap().parse().ok();
    String::from_utf8(rows).unwrap().lines().filter_map(last).collect()
}

#[test]
fn a_job_that_runs_goes_on_and_its_savepoint_outlives_what_it_collects() {
    let place = Place::numbers("snapshots = \"50ms\"\nreplay = { retain-epochs = 1 }\npartitions = 4");
    // Long enough for two commands beside it, also on a machine that is busy.
    place.edit("job.toml", "rate = 20000", "rate = 6000");
    let mut command = place.command(&["run", "job.toml", "--threads", "1"]);
    let mut running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let until = Instant::now() + Duration::from_secs(60);
    // While it runs, by its newest snapshot, and by its last epoch.
    let mut made = Vec::new();
    for (name, more) in [("saved", &[][..]), ("last", &["--epoch", "last"][..])] {
        loop {
            let args = [&["savepoint", "create", "job.toml", "--name", name, "--output", "json"][..], more].concat();
            let said = place.pelton(&args);
            if said.code == Some(0) {
                made.push(said.json());
                break;
            }
            assert!(Instant::now() < until, "{said:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(running.0.try_wait().unwrap().is_none(), "it still runs");
    assert!(running.0.wait().unwrap().success(), "it did not notice");
    let total = 50_000_u64 * 50_001 / 2;
    assert_eq!(sums(&place, "totals").last(), Some(&total));
    place.pelton(&["checkpoint", "verify", "state"]).done();
    for made in made {
        let (name, epoch) = (made["name"].as_str().unwrap(), made["epoch"].as_u64().unwrap());
        place.pelton(&["savepoint", "export", "job.toml", name, "--to", &format!("{name}.savepoint")]).done();
        let job = fs::read_to_string(place.path().join("job.toml")).unwrap();
        let job = job.replace("\"state\"", "\"there\"").replace("partitions = 4", "partitions = 9");
        let job = job.replace("\"totals\"", "\"totals-there\"").replace("path = \"out\"", "path = \"out-there\"");
        place.write("there.toml", job.replace("rate = 6000\n", ""));
        for folder in ["there", "totals-there", "out-there"] {
            let _ = fs::remove_dir_all(place.path().join(folder));
        }
        place.pelton(&["savepoint", "restore", "there.toml", "--from", &format!("{name}.savepoint")]).done();
        place.pelton(&["run", "there.toml", "--threads", "2"]).done();
        assert_eq!(sums(&place, "totals-there").last(), Some(&total), "{name}, of epoch {epoch}");
        let rows = sums(&place, "out-there");
        assert!(!rows.is_empty() && rows.len() < 50_000, "{} rows after epoch {epoch}", rows.len());
        assert!(
            rows.windows(2).all(|pair| pair[1] == pair[0] + 1) && rows.last() == Some(&50_000),
            "no row is missing"
        );
    }
}
