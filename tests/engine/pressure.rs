//! Backpressure: epochs of a job whose module is slow take what an interval works off, also when its neighbour takes half of the machine.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    served::{Place, Served},
    zoo::guest::Guest,
};

/// Some µs for each row.
fn slow() -> String {
    let spin = "(loop $slow (br_if $slow (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (i32.mul (local.get $rows) (i32.const 20000)))))";
    // It frees what it was given, unlike its like in the zoo: it lives on.
    Guest::processing(format!("{spin} (global.set $next (i32.const 65536))")).text()
}

/// Rows without end, as fast as the job takes them.
fn job(name: &str, backpressure: bool) -> String {
    format!(
        r#"
name = "{name}"
threads = 1
batch = {{ interval = "200ms", rows = 4096, backpressure = {backpressure} }}
[source.numbers]
type = "generator"
[source.numbers.columns]
x = {{ sequence = {{ start = 1 }} }}
[operator.work]
input = "numbers"
module = "slow.wat"
[sink.out]
input = "work"
type = "blackhole"
"#
    )
}

/// Epochs of a job in this time.
fn epochs(engine: &Served<'_>, name: &str, time: Duration) -> u64 {
    let count = || engine.job(name)["figures"]["epochs"].as_u64().unwrap();
    let (begun, before) = (Instant::now(), count());
    thread::sleep(time);
    let epochs = count() - before;
    println!(
        "{name}: {epochs} epochs in {:.1} s, {}",
        begun.elapsed().as_secs_f64(),
        engine.job(name)["figures"]["rate_limit"]
    );
    epochs
}

#[test]
fn epochs_take_what_an_interval_works_off() {
    let place = Place::new();
    place.write("slow.wat", slow());
    place.write("paced.toml", job("paced", true));
    place.write("other.toml", job("other", true));
    place.write("unpaced.toml", job("unpaced", false));
    let engine = place.serve();
    let time = Duration::from_secs(4);
    engine.pelton(&["job", "submit", "paced.toml"]).done();
    engine.until_that("paced", "at work", |job| job["figures"]["epochs"].as_u64() > Some(5));
    let alone = epochs(&engine, "paced", time);
    // A step of the load.
    engine.pelton(&["job", "submit", "other.toml"]).done();
    engine.until_that("other", "at work", |job| job["figures"]["epochs"].as_u64() > Some(5));
    let beside = epochs(&engine, "paced", time);
    // 20 would be exact; other tests run at the same time.
    for epochs in [alone, beside] {
        assert!((7..=60).contains(&epochs), "{alone} epochs alone, {beside} beside another job");
    }
    engine.pelton(&["job", "stop", "other"]).done();
    engine.pelton(&["job", "stop", "paced"]).done();
    // Without it an epoch takes 64 MiB, however long they take.
    engine.pelton(&["job", "submit", "unpaced.toml"]).done();
    thread::sleep(Duration::from_secs(1));
    assert!(epochs(&engine, "unpaced", time) <= 1, "then what was it that paced the other job?");
}
