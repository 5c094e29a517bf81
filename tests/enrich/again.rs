//! Epochs that are computed again, and shadows: nobody is asked.

use std::fs;

use super::{
    place::{Job, KEPT, Place, SUMS},
    server::Endpoint,
};

const EPOCHS: u32 = 5;

fn asked(job: impl Fn(&Endpoint) -> Place) -> (Endpoint, Place) {
    let endpoint = Endpoint::new();
    let place = job(&endpoint);
    for file in 0..EPOCHS {
        place.rows(file, &["/eur", &format!("/day/{file}"), "/eur", "", "/gone"]);
    }
    (endpoint, place)
}

#[test]
fn replays_verifications_traces_and_bundles_ask_nobody() {
    let (endpoint, place) = asked(|endpoint| {
        let place = Place::new();
        place.job(&Job { head: KEPT, behind: SUMS, ..Job::new(endpoint) });
        place
    });
    place.run().done();
    let (rows, count) = (place.out("out"), endpoint.count());
    assert_eq!(count, u64::from(EPOCHS) * 3, "in each epoch three different ones");
    // From now on there is nobody to ask.
    drop(endpoint);
    let verified = place.pelton(&["verify", "job.toml", "--output", "json"]).done().json();
    assert_eq!(verified["same"], true, "{verified}");
    for epoch in 1..=EPOCHS {
        let (epoch, out) = (epoch.to_string(), format!("again/{epoch}"));
        let args = ["replay", "job.toml", "--epoch", &epoch, "--out", &out, "--output", "json"];
        let said = place.pelton(&args).done().json();
        assert_eq!(said["same"], true, "{said}");
        let again = place.out(&format!("{out}/out"));
        assert!(!again.is_empty() && again.iter().all(|row| rows.contains(row)), "{again:?} of {rows:?}");
    }
    let traced = place.pelton(&["trace", "job.toml", "--sink", "refused", "--row", "id=204", "--output", "json"]);
    assert!(traced.code == Some(0) && traced.out.contains("\"enrich\""), "{traced:?}");
    place.pelton(&["replay", "job.toml", "--epoch", "3", "--save", "three.pelton"]).done();
    let elsewhere = Place::new();
    fs::copy(place.path().join("three.pelton"), elsewhere.path().join("three.pelton")).unwrap();
    let said = elsewhere.pelton(&["replay", "--bundle", "three.pelton", "--output", "json"]).done().json();
    assert_eq!(said["same"], true, "{said}");
}

#[test]
fn a_job_that_is_killed_asks_again_only_for_what_was_not_committed() {
    let (endpoint, place) = asked(|endpoint| {
        let place = Place::new();
        place.job(&Job { head: KEPT, behind: SUMS, ..Job::new(endpoint) });
        place
    });
    // Before the third epoch's record, and then right behind the fourth's.
    for (failpoint, committed) in [("prepare:3", 2), ("commit:2", 4)] {
        let killed = place.command(&["run", "job.toml", "--threads", "1"]).env("PELTON_FAILPOINT", failpoint).output();
        assert_eq!(killed.unwrap().status.code(), None, "it was killed");
        let counts = endpoint.counts();
        for epoch in 0..committed {
            let count = counts[&format!("/v1/day/{epoch}")];
            assert!(count == 1 || epoch >= 2 && count <= 2, "{failpoint}: epoch {epoch} was asked {count} times");
        }
    }
    place.run().done();
    let counts = endpoint.counts();
    for epoch in 0..EPOCHS {
        // Those that were under way when the process died may be asked once more for each death.
        let count = counts[&format!("/v1/day/{epoch}")];
        assert!(if epoch < 2 { count == 1 } else { count <= 3 }, "epoch {epoch}: {counts:?}");
    }
    let verified = place.pelton(&["verify", "job.toml", "--output", "json"]).done().json();
    assert_eq!(verified["same"], true, "{verified}");
    // Each row was told one thing, whatever was asked how often.
    let mut ids: Vec<String> = place.out("out").iter().map(|row| row.split(',').next().unwrap().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), EPOCHS as usize * 4, "every row but those that were refused, once");
    assert_eq!(place.out("out").len(), ids.len());
}

#[test]
fn a_shadow_is_told_what_its_operator_was_told() {
    let shadow = |options: &str| {
        let (endpoint, place) = asked(|endpoint| {
            let place = Place::new();
            let module = pelton_tests::guest("asker").unwrap();
            let shadow = format!("shadow = {{ module = \"{}\"{options} }}\n", module.display());
            place.job(&Job { head: KEPT, of_operator: &shadow, ..Job::new(endpoint) });
            place
        });
        let said = place.pelton(&["run", "job.toml", "--output", "json"]).done();
        (endpoint.count(), said.out, place)
    };
    let (count, said, _) = shadow("");
    assert_eq!(count, u64::from(EPOCHS) * 3, "the shadow sent nothing");
    assert!(said.contains("\"rows_same\":20") && said.contains("\"rows_new\":0"), "{said}");
    // One that asks for something else is told that nobody was asked.
    let (count, said, place) = shadow(", options = { cut = \"/day\" }");
    assert_eq!(count, u64::from(EPOCHS) * 3, "nor did this one");
    assert!(said.contains("\"rows_same\":15") && said.contains("\"rows_new\":5"), "{said}");
    assert!(said.contains("nobody was asked: a shadow and a replay send no request"), "{said}");
    let verified = place.pelton(&["verify", "job.toml", "--output", "json"]).done().json();
    assert_eq!(verified["same"], true, "{verified}");
}

#[test]
fn another_module_in_a_replay_is_told_what_is_recorded() {
    let (endpoint, place) = asked(|endpoint| {
        let place = Place::new();
        place.job(&Job { head: KEPT, ..Job::new(endpoint) });
        place
    });
    place.run().done();
    let count = endpoint.count();
    let module = pelton_tests::guest("asker").unwrap();
    let with = format!("told={}", module.display());
    let other = ["--with", &with, "--option", "bytes=3", "--diff", "--output", "json"];
    let args = [&["replay", "job.toml", "--epoch", "2"], other.as_slice()].concat();
    let said = place.pelton(&args);
    assert!(said.out.contains("/v1") && !said.out.contains("nobody was asked"), "{said:?}");
    assert_eq!(endpoint.count(), count);
}
