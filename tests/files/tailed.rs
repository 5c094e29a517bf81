//! `tail`: files that grow, are renamed away and truncated, while the job is killed.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use pelton::failpoint;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::place::Place;

const ROWS: usize = 3_000;
const FILES: usize = 5;

fn job(graph: &str, source: &str) -> String {
    format!(
        "name = \"tailed\"\ncheckpoint = \"state\"\nsnapshots = \"20ms\"\nbatch = {{ interval = \"5ms\" }}\n\
         [source.in]\ntype = \"file\"\npath = \"in/*.log\"\nformat = \"csv\"\nwatch = \"5ms\"\ntail = true\n\
         schema = {{ file = \"s64\", n = \"s64\", ts = \"timestamp[ms]\" }}\n{source}\n{graph}\n\
         [sink.out]\ntype = \"file\"\ninput = \"{}\"\npath = \"out\"\nformat = \"csv\"\n",
        if graph.is_empty() { "in" } else { "result" }
    )
}

/// Writes rows of several files in pieces that end anywhere, renames files away now and then, and kills the job meanwhile. Answers how often.
fn write_and_kill(place: &mut Place, seed: u64) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut points = failpoint::NAMES.iter().filter(|point| !matches!(**point, "republish" | "recover")).cycle();
    let mut written = [0; FILES];
    let mut pending: [String; FILES] = Default::default();
    // The first row of the file that the name leads to now.
    let mut begun = [0; FILES];
    let (mut rotated, mut kills) = (0, 0);
    for step in 0.. {
        if written == [ROWS; FILES] {
            break;
        }
        let file = random.random_range(0..FILES);
        let until = (written[file] + random.random_range(0..120)).min(ROWS);
        pending[file].extend((written[file]..until).map(|n| format!("{file},{n},{}\n", n * 10)));
        written[file] = until;
        let cut =
            if random.random_bool(0.2) { pending[file].len() } else { random.random_range(0..=pending[file].len()) };
        let rest = pending[file].split_off(cut);
        place.append(&format!("in/{file}.log"), &std::mem::replace(&mut pending[file], rest));
        if written[file] > begun[file] && written[file] + 5 < ROWS && random.random_bool(0.1) {
            let path = place.path(&format!("in/{file}.log"));
            place.append(&format!("in/{file}.log"), &std::mem::take(&mut pending[file]));
            // What a name led to between two looks, nobody can know.
            place.restart_if_ended();
            place.until("the file to be known", |place| next_row(place, file) > begun[file]);
            let more: String = (written[file]..written[file] + 5).map(|n| format!("{file},{n},0\n")).collect();
            place.append(&format!("in/{file}.log"), &more);
            written[file] += 5;
            rotated += 1;
            fs::rename(path, place.path(&format!("in/{file}.{rotated}"))).unwrap();
            begun[file] = written[file];
        }
        if step % 25 == 0 {
            place.kill();
            kills += 1;
            let point = random.random_bool(0.5).then(|| format!("{}:3", points.next().expect("it cycles")));
            place.start(point.as_deref());
        }
        place.restart_if_ended();
        thread::sleep(Duration::from_micros(random.random_range(100..3_000)));
    }
    for (file, pending) in pending.iter().enumerate() {
        place.append(&format!("in/{file}.log"), pending);
    }
    kills
}

/// The number behind the last row of a file.
fn next_row(place: &Place, file: usize) -> usize {
    let text = place.text();
    let last = text.lines().rev().find_map(|line| line.strip_prefix(&format!("{file},")));
    last.and_then(|rest| rest.split(',').next()).map_or(0, |n| n.parse::<usize>().unwrap() + 1)
}

#[test]
fn each_line_is_there_once_and_in_order_however_files_grow_and_the_job_is_killed() {
    for seed in [1, 2] {
        let mut place = Place::new(&job("", ""));
        let kills = write_and_kill(&mut place, seed);
        place.kill();
        place.start(None);
        place.until("all rows", |place| place.lines() >= ROWS * FILES);
        place.kill();
        let mut files: BTreeMap<usize, usize> = BTreeMap::new();
        for line in place.text().lines() {
            let mut fields = line.split(',').map(|field| field.parse::<usize>());
            let (Some(Ok(file)), Some(Ok(n))) = (fields.next(), fields.next()) else { panic!("half a row: {line}") };
            let next = files.entry(file).or_default();
            assert_eq!(n, *next, "file {file}, seed {seed}, {kills} kills");
            *next += 1;
        }
        assert_eq!(files, (0..FILES).map(|file| (file, ROWS)).collect(), "seed {seed}, {kills} kills");
        place.check_parts();
    }
}

#[test]
fn windows_over_files_that_grow_are_the_same_after_kills() {
    let graph = "[operator.result]\ninput = \"in\"\nkey = [\"file\"]\n\
                 window = { type = \"tumbling\", length = \"1s\", lateness = \"1h\" }\naggregate = { n = \"std:count\", sum = \"std:sum(n)\" }\n\
                 emit = \"on-close\"\n\n[sink.raw]\ntype = \"file\"\ninput = \"in\"\npath = \"raw\"\nformat = \"csv\"";
    let mut place = Place::new(&job(graph, "event-time = { column = \"ts\", watermark = \"1h\", idle = \"5m\" }"));
    let mut random = StdRng::seed_from_u64(3);
    let mut kills = 0;
    for step in 0..80 {
        let rows = |file: usize| -> String {
            (step * 10..step * 10 + 10).map(|n| format!("{file},{n},{}\n", n * 100)).collect()
        };
        for file in 0..FILES {
            place.append(&format!("in/{file}.log"), &rows(file));
        }
        if step % 8 == 0 {
            place.kill();
            kills += 1;
            place.start(None);
        }
        thread::sleep(Duration::from_millis(random.random_range(1..12)));
    }
    // A row that is later by more than the bound closes every window before it: once all others have been read.
    place.until("all rows", |place| place.text_of("raw").lines().count() >= 800 * FILES);
    place.append("in/0.log", "9,0,100000000\n");
    place.until("the windows", |place| place.lines() >= 80 * FILES);
    place.kill();
    let mut rows: Vec<String> = place.text().lines().map(ToOwned::to_owned).collect();
    rows.sort();
    rows.dedup();
    assert_eq!((rows.len(), place.lines()), (80 * FILES, 80 * FILES), "{kills} kills");
    assert!(rows.iter().all(|row| row.contains(",10,")), "each window has its ten rows: {rows:?}");
}

#[test]
fn a_truncated_file_is_named_and_read_from_its_beginning() {
    let mut place = Place::new(&job("", ""));
    place.append("in/a.log", "1,1,1\n1,2,2\n");
    place.start(None);
    place.until("the rows", |place| place.lines() == 2);
    assert!(!place.said().contains("truncated"), "{}", place.said());
    fs::write(place.path("in/a.log"), "").unwrap();
    thread::sleep(Duration::from_millis(50));
    place.append("in/a.log", "1,3,3\n");
    place.until("what came after", |place| place.lines() == 3);
    assert!(place.said().contains("in/a.log") && place.said().contains("truncated"), "{}", place.said());
}

#[test]
fn a_quiet_crowd_of_files_costs_few_looks_and_each_row_comes() {
    let mut place = Place::new(&job("", "").replace("watch = \"5ms\"", "watch = \"50ms\""));
    for file in 0..5_000 {
        place.append(&format!("in/{file}.log"), &format!("{file},0,0\n"));
    }
    place.start(None);
    place.until("one of each", |place| place.lines() == 5_000);
    for file in (0..5_000).step_by(500) {
        place.append(&format!("in/{file}.log"), &format!("{file},1,0\n"));
    }
    place.until("what was added", |place| place.lines() == 5_010);
    place.kill();
    place.start(None);
    place.append("in/7.log", "7,1,0\n");
    place.until("what was added since", |place| place.lines() == 5_011);
}

#[test]
fn a_job_that_begins_or_ceases_to_tail_is_refused_before_it_reads_anything_again() {
    for (before, after) in [("tail = true", "tail = false"), ("tail = false", "tail = true")] {
        let text = job("", "");
        let mut place = Place::new(&text.replace("tail = true", before));
        place.append("in/a.log", "1,1,1\n1,2,2\n");
        place.start(None);
        place.until("the rows", |place| place.lines() == 2);
        place.stop();
        fs::write(place.path("job.toml"), text.replace("tail = true", after)).unwrap();
        place.start(None);
        place.until_ended();
        let said = place.said();
        assert!(said.contains("in/a.log was read by an earlier run with another `tail`"), "{after}: {said}");
        assert_eq!(place.lines(), 2, "{after}");
    }
}

#[test]
fn a_job_that_has_ended_goes_on_when_it_is_told_to_watch() {
    let text = job("", "").replace("tail = true\n", "");
    let mut place = Place::new(&text.replace("watch = \"5ms\"\n", ""));
    place.append("in/a.log", "1,1,1\n1,2,2\n");
    place.start(None);
    place.until_ended();
    fs::write(place.path("job.toml"), text).unwrap();
    for (file, rows) in [("b", 3), ("c", 4)] {
        place.start(None);
        thread::sleep(Duration::from_millis(300));
        assert!(!place.has_ended(), "it watches: {}", place.said());
        place.put(&format!("in/{file}.log"), b"1,3,3\n");
        place.until("the new file", |place| place.lines() == rows);
        place.kill();
    }
}
