//! Modules in joins, by the real binary: a cogroup against nested loops, and a transform with a side table.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Result, ensure};
use pelton_tests::{binary, guest, seeds::each};
use rand::{Rng, SeedableRng, rngs::StdRng};

const PAID: &str = r#"
name = "paid"
batch = { max-bytes = "256B", rows = 5 }

[source.items]
type = "file"
path = "items.csv"
schema = { order = "s64?", item = "utf8", price = "f64", at = "timestamp[us]" }
event-time = { column = "at", watermark = "1h" }

[source.payments]
type = "file"
path = "payments.csv"
schema = { of = "s64", euro = "f64", at = "timestamp[us]" }
event-time = { column = "at", watermark = "1h" }

[operator.unpaid]
join = { type = "cogroup", left = "items", right = "payments", on = ["order = of"] }
module = "unpaid.wasm"
options = { tolerance = 1.0 }
window = WINDOW

"#;

fn sink(name: &str, input: &str) -> String {
    format!(
        "[sink.{name}]\ntype = \"file\"\ninput = \"{input}\"\npath = \"{name}\"\nformat = \"csv\"\nif-exists = \"replace\"\n\n"
    )
}

fn run(dir: &Path, threads: &str) -> Result<()> {
    let run = Command::new(binary()?).args(["run", "job.toml", "--threads", threads]).current_dir(dir).output()?;
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(())
}

fn lines(dir: &Path) -> Result<Vec<String>> {
    let mut files: Vec<_> = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let texts: Vec<String> = files.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    Ok(texts.concat().lines().map(str::to_owned).collect())
}

struct Item {
    order: Option<i64>,
    name: String,
    price: f64,
    at: i64,
}

struct Payment {
    of: i64,
    euro: f64,
    at: i64,
}

const HOUR: i64 = 3_600_000_000;

/// How the rows of a key are cut in time.
enum Cut {
    All,
    Hours,
    Gap(i64),
}

impl Cut {
    /// The windows of rows of these times.
    fn of(&self, mut times: Vec<i64>) -> BTreeSet<(i64, i64)> {
        times.sort_unstable();
        let hour = |at: i64| at.div_euclid(HOUR) * HOUR;
        match self {
            Self::All => times.first().map(|_| (i64::MIN, i64::MAX)).into_iter().collect(),
            Self::Hours => times.iter().map(|at| (hour(*at), hour(*at) + HOUR)).collect(),
            Self::Gap(gap) => {
                let runs = times.chunk_by(|one, next| next - one < *gap);
                runs.map(|run| (run[0], run[run.len() - 1] + gap)).collect()
            }
        }
    }
}

fn stamp(micros: i64) -> String {
    let (minutes, micros) = (micros / 60_000_000, micros % 60_000_000);
    let (hour, minute, second, micros) = (minutes / 60, minutes % 60, micros / 1_000_000, micros % 1_000_000);
    format!("1970-01-01T{hour:02}:{minute:02}:{second:02}.{micros:06}")
}

/// What `unpaid` says of one key of one window, as lines of the three outputs.
fn expected(order: i64, items: &[&Item], payments: &[&Payment], bounds: &str, out: &mut [Vec<String>; 3]) {
    let good: Vec<_> = items.iter().filter(|item| item.price >= 0.0).collect();
    for item in items.iter().filter(|item| item.price < 0.0) {
        out[2].push(item.name.clone());
    }
    if good.is_empty() {
        out[1].extend(payments.iter().map(|payment| format!("{order},{:?}{bounds}", payment.euro)));
        return;
    }
    let open =
        good.iter().map(|item| item.price).sum::<f64>() - payments.iter().map(|payment| payment.euro).sum::<f64>();
    if open > 1.0 {
        out[0].push(format!("{order},{},{open:?}{bounds}", good[0].name));
    }
}

#[test]
fn a_cogroup_sees_both_sides_of_each_key_and_window() {
    let windows = [
        ("{ type = \"global\" }", Cut::All),
        ("{ type = \"tumbling\", length = \"1h\" }", Cut::Hours),
        ("{ type = \"session\", gap = \"10m\" }", Cut::Gap(HOUR / 6)),
    ];
    for (usual, (window, cut)) in (1..).zip(windows) {
        each("-p pelton-tests --test joins a_cogroup_sees", usual..usual + 1, |seed| {
            cogroup(&mut StdRng::seed_from_u64(seed), window, &cut).unwrap_or_else(|error| panic!("{error:?}"));
        });
    }
}

fn cogroup(random: &mut StdRng, window: &str, cut: &Cut) -> Result<()> {
    let mut time = || random.random_range(0..HOUR);
    let times: Vec<i64> = (0..400).map(|at| at * HOUR / 100 + time()).collect();
    let items: Vec<Item> = times[..200]
        .iter()
        .enumerate()
        .map(|(at, time)| Item {
            order: (random.random_range(0..9) > 0).then(|| random.random_range(0..12)),
            name: format!("item{at}"),
            price: f64::from(random.random_range(-2..20)),
            at: *time,
        })
        .collect();
    let payments: Vec<Payment> = times[..150]
        .iter()
        .map(|time| Payment { of: random.random_range(0..16), euro: f64::from(random.random_range(1..20)), at: *time })
        .collect();
    let dir = tempfile::tempdir()?;
    let text = |order: Option<i64>| order.map(|order| order.to_string()).unwrap_or_default();
    let csv: Vec<String> =
        items.iter().map(|item| format!("{},{},{},{}\n", text(item.order), item.name, item.price, item.at)).collect();
    fs::write(dir.path().join("items.csv"), csv.concat())?;
    let csv: Vec<String> =
        payments.iter().map(|payment| format!("{},{},{}\n", payment.of, payment.euro, payment.at)).collect();
    fs::write(dir.path().join("payments.csv"), csv.concat())?;
    fs::copy(guest("unpaid")?, dir.path().join("unpaid.wasm"))?;
    let sinks = [("open", "unpaid"), ("stray", "unpaid.stray"), ("refused", "unpaid.left-rejected")];
    let sinks: String = sinks.iter().map(|(name, input)| sink(name, input)).collect();
    fs::write(dir.path().join("job.toml"), PAID.replace("WINDOW", window) + &sinks)?;

    let mut wanted: [Vec<String>; 3] = Default::default();
    for order in 0..16 {
        let items: Vec<_> = items.iter().filter(|item| item.order == Some(order)).collect();
        let payments: Vec<_> = payments.iter().filter(|paid| paid.of == order).collect();
        let times = items.iter().map(|item| item.at).chain(payments.iter().map(|paid| paid.at)).collect();
        for (start, end) in cut.of(times) {
            let items: Vec<_> = items.iter().copied().filter(|item| (start..end).contains(&item.at)).collect();
            let payments: Vec<_> = payments.iter().copied().filter(|paid| (start..end).contains(&paid.at)).collect();
            let bounds = match cut {
                Cut::All => String::new(),
                _ => format!(",{},{}", stamp(start), stamp(end)),
            };
            expected(order, &items, &payments, &bounds, &mut wanted);
        }
    }
    // A null is equal to nothing, so each of these is a key of its own, which the module does not take.
    wanted[2].extend(items.iter().filter(|item| item.order.is_none()).map(|item| item.name.clone()));
    let mut before = None;
    for threads in ["1", "3"] {
        run(dir.path(), threads)?;
        let got = ["open", "stray", "refused"].map(|name| lines(&dir.path().join(name)));
        let [open, stray, refused] = got;
        let mut got = [open?, stray?, refused?];
        got[2] = got[2].iter().map(|line| line.split(',').nth(1).unwrap_or_default().to_owned()).collect();
        let exact = got.clone();
        for (got, wanted) in got.iter_mut().zip(&mut wanted) {
            got.sort();
            wanted.sort();
        }
        ensure!(got == wanted, "{window}: expected {wanted:#?}\ngot {got:#?}");
        ensure!(before.replace(exact.clone()).is_none_or(|before| before == exact), "threads change the order");
    }
    ensure!(wanted.iter().all(|lines| !lines.is_empty()), "every output has rows");
    Ok(())
}

#[test]
fn a_module_looks_up_in_a_side_table() -> Result<()> {
    let dir = tempfile::tempdir()?;
    fs::copy(guest("airlines")?, dir.path().join("airlines.wasm"))?;
    fs::write(dir.path().join("flights.csv"), "KL,1\nXX,2\nAF,3\n")?;
    fs::write(dir.path().join("airlines.csv"), "KL,Royal\nAF,Air\n")?;
    let job = "name = \"named\"\n\n[source.flights]\ntype = \"file\"\npath = \"flights.csv\"\n\
        schema = { carrier = \"utf8\", id = \"s64\" }\n\n[table.airlines]\npath = \"airlines.csv\"\n\
        schema = { carrier = \"utf8\", name = \"utf8\" }\n\n[operator.named]\ninput = \"flights\"\nmodule = \"airlines.wasm\"\n\n";
    let sinks = sink("out", "named") + &sink("refused", "named.rejected");
    fs::write(dir.path().join("job.toml"), format!("{job}{sinks}"))?;
    run(dir.path(), "2")?;
    ensure!(lines(&dir.path().join("out"))? == ["KL,1,Royal", "AF,3,Air"]);
    ensure!(lines(&dir.path().join("refused"))? == ["XX,2,no airline XX"]);

    // Offered under another name, or not at all, it is refused; and so is a table that nobody asks for.
    let lint = |job: &str| -> Result<String> {
        fs::write(dir.path().join("job.toml"), format!("{job}{sinks}"))?;
        let lint = Command::new(binary()?).args(["lint", "job.toml"]).current_dir(dir.path()).output()?;
        ensure!(!lint.status.success(), "{job}");
        Ok(String::from_utf8(lint.stderr)?)
    };
    let other = lint(&job.replace("[table.airlines]", "[table.airline]"))?;
    ensure!(other.contains("`airlines`") && other.contains("did you mean `airline`?"), "{other}");
    let unread =
        lint(&format!("{job}[table.more]\npath = \"airlines.csv\"\nschema = {{ a = \"utf8\", b = \"utf8\" }}\n\n"))?;
    ensure!(unread.contains("nothing reads table `more`"), "{unread}");
    Ok(())
}
