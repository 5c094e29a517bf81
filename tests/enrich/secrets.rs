//! Secrets reach the endpoint, and nothing and nobody else.

use super::{
    place::{Job, KEPT, Place},
    server::Endpoint,
};

const SECRET: &str = "Bearer hunter2-of-the-tests";
const OTHER: &str = "opensesame-of-the-tests";

const OF_ENDPOINT: &str = r#"
secret-env = { authorization = "PELTON_TEST_RATES" }
secret-file = { x-api-key = "keys/rates" }
headers = { x-plain = "${env:PELTON_TEST_PLAIN}" }
"#;

#[test]
fn secrets_are_sent_and_never_shown() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    for file in 0..3 {
        place.rows(file, &["/eur", "/broken", "/hang"]);
    }
    let of_endpoint = format!("{OF_ENDPOINT}timeout = \"100ms\"\nretries = 0\n");
    place.job(&Job { head: KEPT, of_endpoint: &of_endpoint, ..Job::new(&endpoint) });
    place.write("keys/rates", format!("{OTHER}\n"));
    let pelton = |args: &[&str]| {
        let mut command = place.command(args);
        command
            .env("PELTON_TEST_RATES", SECRET)
            .env("PELTON_TEST_PLAIN", "plain-of-the-tests")
            .env("PELTON_LOG", "trace");
        let output = command.output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for secret in ["hunter2", OTHER, "plain-of-the-tests"] {
            assert!(!said.contains(secret), "{args:?} shows {secret}: {said}");
        }
        (output.status.code(), said)
    };
    let (code, plan) = pelton(&["plan", "job.toml"]);
    assert!(code == Some(0) && plan.contains("authorization from the variable PELTON_TEST_RATES"), "{plan}");
    assert!(plan.contains("x-api-key from the file keys/rates") && plan.contains("x-plain"), "{plan}");
    assert_eq!(pelton(&["run", "job.toml"]).0, Some(0));
    let request = &endpoint.requests()[0];
    for header in [
        format!("authorization: {SECRET}\r\n"),
        format!("x-api-key: {OTHER}\r\n"),
        "x-plain: plain-of-the-tests\r\n".into(),
    ] {
        assert!(request.contains(&header), "{header}: {request}");
    }
    assert_eq!(pelton(&["verify", "job.toml"]).0, Some(0));
    assert_eq!(pelton(&["replay", "job.toml", "--epoch", "2"]).0, Some(0));
    std::fs::remove_dir_all(place.path().join("keys")).unwrap();
    assert!(!place.holds("hunter2") && !place.holds(OTHER), "neither the checkpoint nor the output has it");
    assert!(!place.holds("plain-of-the-tests"));
    // A bundle notes the variables that the job file names; secrets it names otherwise.
    assert_eq!(pelton(&["replay", "job.toml", "--epoch", "2", "--save", "two.pelton"]).0, Some(0));
    assert!(!place.holds("hunter2") && !place.holds(OTHER));
}

#[test]
fn a_secret_that_is_not_there_ends_the_run_before_it_begins() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/eur"]);
    place
        .job(&Job { of_endpoint: "secret-env = { authorization = \"PELTON_TEST_NO_SUCH\" }\n", ..Job::new(&endpoint) });
    place.pelton(&["lint", "job.toml"]).done();
    let said = place.run().refused(1, "PELTON-0117");
    assert!(
        said.flat().contains("endpoint `rates`: the value of header `authorization` is in the variable PELTON_TEST_NO_SUCH, which is not set"),
        "{said:?}"
    );
    assert_eq!(endpoint.count(), 0);
}
