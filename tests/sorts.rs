//! Sorted jobs by the real binary: all parts of a sink, one after the other, are what a stable sort of the lines comes to, and the
//! same bytes on any number of threads. Kills are in tests/chaos, halves and ranges beside the code.

use std::{cmp::Reverse, fs, path::Path, process::Command};

use anyhow::{Result, ensure};
use pelton_tests::{binary, seeds::each};
use rand::{Rng, SeedableRng, rngs::StdRng};

const JOB: &str = r#"
name = "sorted"
partitions = PARTITIONS
batch = { max-bytes = "2KiB", rows = 50 }

[source.rows]
type = "file"
path = "in"
format = "csv"
schema = { name = "utf8?", price = "f64?", id = "s64", rest = "utf8" }
csv = { null = "-" }

[operator.kept]
input = "rows"
module = "std:filter(id % 7 != 3)"

[operator.ordered]
input = "kept"
sort = ["name", "price desc"]

[operator.doubled]
input = "ordered"
module = "std:select"
options = { columns = { id = "id", twice = "price * 2.0" } }

[sink.out]
input = "ordered"
type = "file"
path = "out"
format = "csv"
roll-bytes = "20KiB"
columns = ["id", "name", "price"]
csv = { null = "-" }

[sink.after]
input = "doubled"
type = "file"
path = "after"
format = "csv"
columns = ["id"]
"#;

/// A name, a price in tenths, an id.
type Row = (Option<String>, Option<i64>, i64);

/// Rows of one name in two, and prices with many equals.
fn rows(random: &mut StdRng) -> Vec<Row> {
    let row = |id| {
        let name = match random.random_range(0..20) {
            0 => None,
            1..10 => Some("most".to_owned()),
            _ => Some(format!("n{}", random.random_range(0..500))),
        };
        (name, random.random_ratio(9, 10).then(|| random.random_range(-200..200)), id)
    };
    (0..6_000).map(row).collect()
}

fn shown(price: Option<i64>) -> String {
    price.map_or_else(|| "-".to_owned(), |tenths| format!("{:?}", tenths as f64 / 10.0))
}

fn lines(dir: &Path) -> Result<(usize, Vec<String>)> {
    let mut files: Vec<_> = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let texts: Vec<String> = files.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    Ok((texts.len(), texts.concat().lines().map(str::to_owned).collect()))
}

#[test]
fn parts_of_a_sink_follow_each_other_in_order_on_any_number_of_threads() {
    each("-p pelton-tests --test sorts parts_of_a_sink", 3..4, |seed| {
        sort(&rows(&mut StdRng::seed_from_u64(seed))).unwrap_or_else(|error| panic!("{error:?}"));
    });
}

fn sort(rows: &[Row]) -> Result<()> {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    let mut expected: Vec<&Row> = rows.iter().filter(|(.., id)| id % 7 != 3).collect();
    expected.sort_by_key(|(name, price, _)| (name.clone(), Reverse(*price)));
    let ids: Vec<String> = expected.iter().map(|(.., id)| id.to_string()).collect();
    let expected: Vec<String> =
        expected.into_iter().map(|(own, price, id)| format!("{id},{},{}", name(own), shown(*price))).collect();
    for (partitions, threads) in [(8, "1"), (8, "2"), (8, "4"), (1, "2"), (3, "3"), (100, "2")] {
        let dir = tempfile::tempdir()?;
        fs::create_dir(dir.path().join("in"))?;
        for (file, rows) in rows.chunks(500).enumerate() {
            let line = |(own, price, id): &Row| format!("{},{},{id},nobody reads it\n", name(own), shown(*price));
            fs::write(dir.path().join(format!("in/{file:02}.csv")), rows.iter().map(line).collect::<String>())?;
        }
        fs::write(dir.path().join("job.toml"), JOB.replace("PARTITIONS", &partitions.to_string()))?;
        let run =
            Command::new(binary()?).args(["run", "job.toml", "--threads", threads]).current_dir(dir.path()).output()?;
        ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let (files, got) = lines(&dir.path().join("out"))?;
        ensure!(files > 2, "one part proves little");
        ensure!(got == expected, "{partitions} partitions on {threads} threads: another order");
        ensure!(lines(&dir.path().join("after"))?.1 == ids, "what reads sorted rows keeps their order");
    }
    Ok(())
}

#[test]
fn a_sort_of_nothing_is_nothing_and_one_that_holds_too_much_ends_by_name() -> Result<()> {
    let dir = tempfile::tempdir()?;
    fs::create_dir(dir.path().join("in"))?;
    fs::write(dir.path().join("in/0.csv"), "")?;
    let job = JOB.replace("PARTITIONS", "4");
    fs::write(dir.path().join("job.toml"), &job)?;
    let run = || {
        Command::new(binary()?).args(["run", "job.toml"]).current_dir(dir.path()).output().map_err(anyhow::Error::from)
    };
    let output = run()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(lines(&dir.path().join("out"))?.1.is_empty());

    fs::write(dir.path().join("in/0.csv"), "a,1.0,1,x\n".repeat(2_000))?;
    let limited = job.replace("sort = ", "limits = { state-bytes = \"16KiB\" }\nsort = ");
    fs::write(
        dir.path().join("job.toml"),
        limited.replace("path = \"out\"", "path = \"out2\"").replace("path = \"after\"", "path = \"after2\""),
    )?;
    let output = run()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success() && said.contains("state-bytes") && said.contains("ordered"), "{said}");
    ensure!(said.contains("(PELTON-0308)"), "{said}");
    Ok(())
}
