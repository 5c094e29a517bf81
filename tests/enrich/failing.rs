//! Endpoints that fail, and modules that do.

use super::{
    place::{Job, KEPT, Place},
    server::Endpoint,
};

#[test]
fn what_went_wrong_is_told_to_the_rows() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/broken", "/large", "/hang", "/fine"]);
    place.job(&Job { of_endpoint: "timeout = \"300ms\"\nretries = 0\nmax-reply = \"1KiB\"\n", ..Job::new(&endpoint) });
    place.run().done();
    assert_eq!(
        place.out("out"),
        [
            "0,500,broken",
            "1,0,the reply is larger than `max-reply` = 1KiB",
            "2,0,no reply within 300ms",
            "3,200,/v1/fine for the 1. time"
        ]
    );
    let url = endpoint.url.clone();
    drop(endpoint);
    let nobody = Endpoint::new();
    let place = Place::new();
    place.rows(0, &["/eur"]);
    place.job(&Job { of_endpoint: "retries = 1\n", ..Job::new(&nobody) });
    let text = std::fs::read_to_string(place.path().join("job.toml")).unwrap();
    place.write("job.toml", text.replace(&nobody.url, &url));
    place.run().done();
    let out = place.out("out");
    assert!(out.len() == 1 && out[0].starts_with("0,0,cannot connect"), "{out:?}");
}

#[test]
fn a_request_is_sent_again_as_often_as_the_endpoint_allows() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/flaky", "/busy", "/broken"]);
    place.job(&Job { of_endpoint: "retries = 4\n", ..Job::new(&endpoint) });
    place.run().done();
    assert_eq!(place.out("out"), ["0,200,/v1/flaky for the 3. time", "1,503,busy", "2,500,broken"]);
    let counts = endpoint.counts();
    assert_eq!((counts["/v1/flaky"], counts["/v1/busy"], counts["/v1/broken"]), (3, 5, 1));
}

#[test]
fn a_module_may_want_to_ask_again_and_the_job_fails_if_that_leads_nowhere() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/wait"]);
    place.job(&Job::new(&endpoint));
    place.run().done();
    assert_eq!((place.out("out"), endpoint.count()), (vec!["0,200,/v1/wait for the 3. time".to_owned()], 3));
    place.rows(0, &["/never"]);
    let said = place.run().refused(1, "PELTON-0310");
    assert!(said.flat().contains("wants to ask again: row 0 has to wait"), "{said:?}");
    assert_eq!(endpoint.counts()["/v1/never"], 4, "once, and three times again");
}

#[test]
fn a_row_that_waits_is_asked_again_beside_one_whose_request_always_fails() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/busy", "/wait", "/broken"]);
    place.job(&Job { of_endpoint: "retries = 3\n", ..Job::new(&endpoint) });
    place.run().done();
    assert_eq!(place.out("out"), ["0,503,busy", "1,200,/v1/wait for the 3. time", "2,500,broken"]);
    let counts = endpoint.counts();
    assert_eq!((counts["/v1/busy"], counts["/v1/broken"]), (4, 4), "their allowance is used up first");
}

#[test]
fn a_row_that_its_module_traps_on_is_taken_out_and_nobody_is_asked_twice() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/a", "/trap", "/b", "/c"]);
    place.rows(1, &["/d"]);
    let job = Job { head: KEPT, of_operator: "on-trap = \"dead-letter\"\n", ..Job::new(&endpoint) };
    place.job(&job);
    place.run().done();
    let out = place.out("out");
    assert_eq!(out.len(), 4, "{out:?}");
    assert!(out.iter().all(|row| row.ends_with("for the 1. time")), "{out:?}");
    assert!(endpoint.counts().values().all(|count| *count == 1), "{:?}", endpoint.counts());
    let asked = endpoint.count();
    let said = place.pelton(&["verify", "job.toml", "--output", "json"]).done().json();
    assert_eq!(said["same"], true, "{said}");
    assert_eq!(endpoint.count(), asked, "the row is found again without asking");
}
