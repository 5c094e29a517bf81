//! Stream–table joins by the real binary: against nested loops, and while the table changes.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use pelton_tests::{binary, seeds::each};
use rand::{Rng, SeedableRng, rngs::StdRng};

const JOB: &str = r#"
name = "lookup"
batch = { interval = "20ms", rows = 7 }

[source.events]
SOURCE
schema = { code = "utf8?", id = "s64" }

[table.codes]
path = "codes.csv"
schema = { code = "utf8?", name = "utf8", id = "s64" }

[operator.named]
join = { type = "KIND", left = "events", right = "codes", on = ["code"] }

[sink.out]
type = "file"
input = "named"
path = "out"
format = "csv"
csv = { header = false }
if-exists = "replace"
"#;

fn job(dir: &Path, source: &str, kind: &str) -> Result<()> {
    Ok(fs::write(dir.join("job.toml"), JOB.replace("SOURCE", source).replace("KIND", kind))?)
}

fn output(dir: &Path) -> Result<Vec<String>> {
    let mut files: Vec<_> = fs::read_dir(dir.join("out"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let texts: Vec<String> = files.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    Ok(texts.concat().lines().map(str::to_owned).collect())
}

#[test]
fn rows_of_a_stream_find_theirs_in_a_table() {
    each("-p pelton-tests --test joins rows_of_a_stream", 7..8, |seed| {
        look_up(&mut StdRng::seed_from_u64(seed)).unwrap_or_else(|error| panic!("{error:?}"));
    });
}

fn look_up(random: &mut StdRng) -> Result<()> {
    for (kind, keeps) in [("inner", false), ("left", true)] {
        for _ in 0..8 {
            let dir = tempfile::tempdir()?;
            let mut rows = |count: usize| -> Vec<(Option<String>, usize)> {
                let codes = ["", "a", "b", "c", "d"];
                (0..count)
                    .map(|id| (Some(codes[random.random_range(0..5)].to_owned()).filter(|code| !code.is_empty()), id))
                    .collect()
            };
            let (events, codes) = (rows(60), rows(4));
            let text = |code: &Option<String>| code.clone().unwrap_or_else(|| "NULL".to_owned());
            let lines: Vec<String> = events.iter().map(|(code, id)| format!("{},{id}\n", text(code))).collect();
            fs::write(dir.path().join("events.csv"), lines.concat())?;
            let lines: Vec<String> = codes.iter().map(|(code, id)| format!("{},name{id},{id}\n", text(code))).collect();
            fs::write(dir.path().join("codes.csv"), lines.concat())?;
            job(dir.path(), "type = \"file\"\npath = \"events.csv\"\ncsv = { null = [\"NULL\"] }", kind)?;
            let toml = fs::read_to_string(dir.path().join("job.toml"))?;
            fs::write(
                dir.path().join("job.toml"),
                toml.replace("path = \"codes.csv\"", "path = \"codes.csv\"\ncsv = { null = [\"NULL\"] }"),
            )?;
            let run = Command::new(binary()?).arg("run").arg(dir.path().join("job.toml")).output()?;
            ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

            let mut expected = Vec::new();
            for (code, id) in &events {
                let found: Vec<_> = codes.iter().filter(|(other, _)| code.is_some() && other == code).collect();
                let shown = code.clone().unwrap_or_default();
                expected.extend(found.iter().map(|(_, other)| format!("{shown},{id},name{other},{other}")));
                if found.is_empty() && keeps {
                    expected.push(format!("{shown},{id},,"));
                }
            }
            let got = output(dir.path())?;
            ensure!(got == expected, "{kind}: expected {expected:#?}\ngot {got:#?}");
        }
    }
    Ok(())
}

/// The stream goes on while its table is replaced, by a good one, a bad one and another good one, and then is gone.
#[test]
fn a_table_that_changes_is_loaded_again_and_a_bad_one_is_not() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let replace = |text: &str| -> Result<()> {
        fs::write(dir.path().join("codes.new"), text)?;
        Ok(fs::rename(dir.path().join("codes.new"), dir.path().join("codes.csv"))?)
    };
    replace("a,first,1\n")?;
    job(dir.path(), "type = \"stdin\"\nformat = \"csv\"", "inner")?;
    let toml = fs::read_to_string(dir.path().join("job.toml"))?;
    let printed = toml.replace("type = \"file\"\ninput = \"named\"\npath = \"out\"\nformat = \"csv\"\ncsv = { header = false }\nif-exists = \"replace\"", "type = \"print\"\ninput = \"named\"");
    ensure!(printed != toml, "the sink is replaced");
    fs::write(dir.path().join("job.toml"), printed)?;
    let mut run = Command::new(binary()?)
        .arg("run")
        .arg(dir.path().join("job.toml"))
        .stdin(Stdio::piped())
        .stdout(fs::File::create(dir.path().join("stdout"))?)
        .stderr(fs::File::create(dir.path().join("stderr"))?)
        .spawn()?;
    let mut input = run.stdin.take().context("its standard input")?;
    let mut say = |id: usize, word: &str| -> Result<()> {
        writeln!(input, "a,{id}")?;
        input.flush()?;
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let printed = fs::read_to_string(dir.path().join("stdout"))?;
            if let Some(line) = printed.lines().find(|line| line.contains(&format!(" {id} "))) {
                ensure!(line.contains(word), "row {id} has not met `{word}`: {line}");
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "row {id} never left:\n{printed}\n{}",
                fs::read_to_string(dir.path().join("stderr"))?
            );
            thread::sleep(Duration::from_millis(20));
        }
    };
    say(101, "first")?;
    replace("a,second,1\n")?;
    say(102, "second")?;
    replace("a,third,not a number\n")?;
    say(103, "second")?;
    replace("a,fourth,1\n")?;
    say(104, "fourth")?;
    fs::remove_file(dir.path().join("codes.csv"))?;
    say(105, "fourth")?;
    say(106, "fourth")?;
    drop(input);
    ensure!(run.wait()?.success(), "it ends by itself");
    let warned = fs::read_to_string(dir.path().join("stderr"))?;
    ensure!(warned.contains("table `codes` has changed, but cannot be loaded"), "it says so: {warned}");
    let gone = warned.matches("table `codes` cannot be found any more").count();
    ensure!(gone == 1, "that it is gone is told once, not {gone} times: {warned}");
    Ok(())
}
