//! `roll-after`: parts that are closed because they are old.

use std::{thread, time::Duration};

use pelton::failpoint;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::place::Place;

fn job(more: &str) -> String {
    format!(
        "name = \"rolled\"\ncheckpoint = \"state\"\nsnapshots = \"30ms\"\nbatch = {{ interval = \"5ms\" }}\n\
         [source.in]\ntype = \"file\"\npath = \"in\"\nformat = \"csv\"\nwatch = \"5ms\"\nschema = {{ k = \"utf8\", n = \"s64\" }}\n\
         [sink.out]\ntype = \"file\"\ninput = \"in\"\npath = \"out\"\nformat = \"csv\"\n{more}\n"
    )
}

fn numbered(file: usize) -> String {
    (0..20).map(|row| format!("k{},{}\n", row % 3, file * 20 + row)).collect()
}

#[test]
fn a_part_is_closed_by_its_age_though_no_row_comes() {
    let mut place = Place::new(&job("roll-after = \"250ms\""));
    place.put("in/a.csv", numbered(0).as_bytes());
    place.start(None);
    place.until("the rows", |place| place.lines() == 20);
    assert_eq!(place.manifest().len(), 1);
    place.until("its end", |place| place.manifest()["part-00000.csv"].1);
    place.put("in/b.csv", numbered(1).as_bytes());
    place.until("the next part", |place| place.manifest().len() == 2 && place.lines() == 40);
    place.check_parts();
}

#[test]
fn a_part_that_grew_old_while_nobody_ran_is_closed_by_the_next_run() {
    let mut place = Place::new(&job("roll-after = \"3s\"\npartition-by = [\"k\"]"));
    place.put("in/a.csv", numbered(0).as_bytes());
    place.start(None);
    place.until("the rows", |place| place.lines() == 20);
    place.kill();
    assert!(place.manifest().values().all(|(_, is_closed)| !is_closed), "{:?}", place.manifest());
    thread::sleep(Duration::from_millis(3100));
    place.start(None);
    place.until("their end", |place| place.manifest().len() == 3 && place.manifest().values().all(|part| part.1));
    place.check_parts();
}

#[test]
fn rows_are_there_once_whenever_the_job_is_killed() {
    let seed = 5;
    let mut random = StdRng::seed_from_u64(seed);
    let mut place = Place::new(&job("roll-after = \"60ms\""));
    let mut points = failpoint::NAMES.iter().filter(|point| !matches!(**point, "republish" | "recover")).cycle();
    let (mut expected, mut kills) = (String::new(), 0);
    for file in 0..60 {
        let rows = numbered(file);
        place.put(&format!("in/{file:03}.csv"), rows.as_bytes());
        expected.push_str(&rows);
        if file % 3 == 0 {
            place.kill();
            kills += 1;
            let point = random.random_bool(0.5).then(|| format!("{}:2", points.next().expect("it cycles")));
            place.start(point.as_deref());
        }
        thread::sleep(Duration::from_millis(random.random_range(1..60)));
    }
    place.kill();
    place.start(None);
    place.until("all rows", |place| place.lines() >= 1200);
    place.until("the last part's end", |place| place.manifest().values().all(|(_, is_closed)| *is_closed));
    place.kill();
    assert_eq!(place.text(), expected, "seed {seed}, {kills} kills");
    place.check_parts();
    assert!(place.manifest().len() > 5, "{:?}", place.manifest());
}
