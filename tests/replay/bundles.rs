//! Bundles: an epoch in one file, replayed where nothing else is; and bundles that are not what they were.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::{
    FILTER, TUMBLING,
    place::{Place, Said},
};

/// Puts an epoch into a bundle.
fn saved(place: &Place, epoch: u64, name: &str) -> Value {
    place.replay(epoch, &["--save", name, "--out", &format!("{name}.out"), "--rows", "10000"]).done().json()
}

/// Replays a bundle in an empty folder, where its job, its input and its checkpoint are not.
fn elsewhere(bundle: &Path, more: &[&str]) -> (Place, Said) {
    let place = Place::empty();
    fs::copy(bundle, place.path().join("bundle")).unwrap();
    let args = ["replay", "--bundle", "bundle", "--output", "json", "--rows", "10000"];
    let said = place.pelton(&args.iter().chain(more).copied().collect::<Vec<_>>());
    (place, said)
}

fn assert_same(place: &Place, epoch: u64, name: &str) -> Value {
    let here = saved(place, epoch, name);
    // Where it was made nothing is left.
    let hidden = place.path().with_extension("hidden");
    let bundle = hidden.join(name);
    fs::rename(place.path(), &hidden).unwrap();
    let (other, said) = elsewhere(&bundle, &["--out", "out"]);
    fs::rename(&hidden, place.path()).unwrap();
    let there = said.done().json();
    assert_eq!(there["same"], true);
    for key in ["epoch", "sinks", "rows", "computed"] {
        assert_eq!(here[key], there[key], "{key}");
    }
    assert_eq!(other.parts("out/out"), place.parts(&format!("{name}.out/out")));
    here
}

#[test]
fn a_bundle_is_replayed_with_nothing_else() {
    let place = Place::new("tumbling", TUMBLING, "csv");
    place.run();
    let (_, last) = place.replayable();
    for epoch in [1, 2, 7, last] {
        assert_same(&place, epoch, &format!("epoch-{epoch}"));
    }
    // A bundle can be made from a bundle, and be tried with another module.
    let (other, said) = elsewhere(&place.path().join("epoch-7"), &["--save", "again"]);
    said.done();
    let (_, said) = elsewhere(&other.path().join("again"), &["--with", "result.average=std:avg(price)", "--diff"]);
    let said = said.done().json();
    assert_eq!((&said["same"], &said["candidate"]["same"]), (&true.into(), &true.into()), "{said}");
}

/// One large file, of which an epoch reads a part.
fn large(name: &str, rows: impl Fn(i64) -> String, more: &str) -> Place {
    let place = Place::empty();
    let format = if name.ends_with(".jsonl") { "json" } else { "csv" };
    let text: String = (0..120_000).map(rows).collect();
    place.write(&format!("input/{name}"), text);
    place.write(
        "job.toml",
        format!(
            "name = \"large\"\ncheckpoint = \"state\"\nreplay = {{ retain = \"1h\" }}\nbatch = {{ max-bytes = 1 }}\n\
             [source.rows]\ntype = \"file\"\npath = \"input/*\"\nformat = \"{format}\"\n{more}\n\
             [operator.result]\ninput = \"rows\"\nmodule = \"std:filter\"\noptions = {{ where = \"n % 3 = 0\" }}\n\
             [sink.out]\ninput = \"result\"\ntype = \"file\"\npath = \"out\"\nformat = \"csv\"\n"
        ),
    );
    place
}

#[test]
fn a_bundle_has_only_the_bytes_of_plain_files_that_are_needed() {
    let quoted = |n: i64| if n == 0 { "n,text\n".to_owned() } else { format!("{n},\"row, number\n{n}\"\n") };
    let plain = |n: i64| format!("{n},row number {n} of a plain file\n");
    let lines = |n: i64| format!("{{\"n\": {n}, \"text\": \"row number {n}\"}}\n");
    let schema = "schema = { n = \"s64\", text = \"utf8\" }";
    let places = [
        ("quoted", large("quoted.csv", quoted, "metadata = [\"_file\", \"_offset\"]\ncsv = { header = true }\n")),
        ("plain", large("plain.csv", plain, &format!("csv = {{ quote = \"\" }}\n{schema}"))),
        ("lines", large("lines.jsonl", lines, "")),
    ];
    for (name, place) in places {
        place.run();
        let (_, last) = place.replayable();
        assert!(last >= 4, "{name}: only {last} epochs");
        for epoch in [1, 3, last] {
            let said = assert_same(&place, epoch, &format!("epoch-{epoch}"));
            let input = said["saved"]["input_bytes"].as_u64().unwrap();
            assert!(input < 700_000, "{name}, epoch {epoch}: {input} bytes of a file of some megabytes");
            assert!(epoch == last || !said["rows"][0]["rows"].as_array().unwrap().is_empty());
        }
    }
}

#[test]
fn compressed_files_and_tables_of_columns_are_in_a_bundle_whole() {
    let plain = |n: i64| format!("{n},row number {n} of a plain file\n");
    let schema = "schema = { n = \"s64\", text = \"utf8\" }";
    let place = large("plain.csv", plain, schema);
    let whole = fs::read(place.path().join("input/plain.csv")).unwrap();
    fs::remove_file(place.path().join("input/plain.csv")).unwrap();
    let mut gzip = Command::new("gzip").args(["-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut to = gzip.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || to.write_all(&whole).unwrap());
    let compressed = gzip.wait_with_output().unwrap().stdout;
    feeding.join().unwrap();
    let bytes = compressed.len() as u64;
    place.write("input/plain.csv.gz", compressed);
    place.run();
    let (_, last) = place.replayable();
    for epoch in [2, last] {
        let said = assert_same(&place, epoch, &format!("epoch-{epoch}"));
        assert_eq!(said["saved"]["input_bytes"].as_u64(), Some(bytes));
    }

    // Parquet, as another job wrote it.
    let first = Place::new("tables", FILTER, "parquet");
    first.run();
    let tables = Place::empty();
    fs::create_dir(tables.path().join("input")).unwrap();
    for (name, bytes) in first.parts("out") {
        tables.write(&format!("input/{name}"), bytes);
    }
    tables.write(
        "job.toml",
        "name = \"tables\"\ncheckpoint = \"state\"\nreplay = { retain = \"1h\" }\nbatch = { max-bytes = 1 }\n\
         [source.rows]\ntype = \"file\"\npath = \"input/*.parquet\"\nformat = \"parquet\"\n\
         event-time = { column = \"ts\", watermark = \"2s\" }\n\
         [operator.result]\ninput = \"rows\"\nkey = [\"auction\"]\naggregate = { n = \"std:count\" }\n\
         window = { type = \"tumbling\", length = \"3s\" }\n\
         [sink.out]\ninput = \"result\"\ntype = \"file\"\npath = \"out\"\nformat = \"json\"\n",
    );
    tables.run();
    let (_, last) = tables.replayable();
    for epoch in [2, last] {
        assert_same(&tables, epoch, &format!("epoch-{epoch}"));
    }
}

#[test]
fn side_tables_are_in_a_bundle_as_the_epoch_saw_them() {
    let graph = r#"
[table.names]
path = "names.csv"
schema = { auction = "s64", name = "utf8" }

[operator.result]
join = { type = "left", left = "bids", right = "names", on = ["auction"] }
"#;
    let place = Place::new("looked-up", graph, "csv");
    place.write("names.csv", (0..8).map(|n| format!("{n},name {n}\n")).collect::<String>());
    place.run();
    assert_same(&place, 5, "epoch-5");
    // Another table now does not change what was.
    place.write("names.csv", "1,another\n");
    assert_same(&place, 6, "epoch-6");
}

#[test]
fn no_byte_of_a_bundle_is_believed_unseen() {
    let place = Place::new("tumbling", TUMBLING, "csv");
    place.run();
    let said = saved(&place, 6, "bundle");
    let bundle = place.path().join("bundle");
    let whole = fs::read(&bundle).unwrap();
    let mut random = StdRng::seed_from_u64(3);
    let mut refused = 0;
    for _ in 0..60 {
        let mut damaged = whole.clone();
        let at = random.random_range(0..damaged.len());
        damaged[at] ^= 1 << random.random_range(0..8);
        let path = place.write("damaged", damaged);
        let (_, replayed) = elsewhere(&path, &[]);
        if replayed.code == Some(0) {
            // A change that decompresses to the same is none.
            let found = replayed.json();
            assert_eq!((&found["same"], &found["rows"]), (&true.into(), &said["rows"]), "byte {at}");
        } else {
            assert!(replayed.code == Some(1) && replayed.out.contains("PELTON-0706"), "byte {at}: {replayed:?}");
            refused += 1;
        }
    }
    assert!(refused > 50, "only {refused}");
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        let path = place.write("cut", &whole[..length]);
        elsewhere(&path, &[]).1.refused(1, "PELTON-0706");
    }
    let text = place.write("text", "no bundle at all");
    elsewhere(&text, &[]).1.refused(1, "the bundle bundle is damaged").refused(1, "PELTON-0706");
    place.replay(6, &["--save", "bundle"]).refused(1, "failed to create bundle");
    let missing = Place::empty();
    missing.pelton(&["replay", "--bundle", "nothing"]).refused(1, "failed to open nothing");
}
