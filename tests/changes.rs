//! A job over results that change, through the real binary: totals by customer, of which some pass a filter, added up by city.
//!
//! Customers move, so that their rows leave one city and enter another. What leaves the job is compared with the same question
//! asked of all orders at once, and must be the same bytes on any number of threads.

use std::{collections::BTreeMap, fmt::Write as _, fs, ops::Range, path::PathBuf, process::Command};

use anyhow::{Result, ensure};
use pelton_tests::{binary, seeds::each};
use rand::{Rng, SeedableRng, rngs::StdRng};

const SEEDS: Range<u64> = 7..8;
const ORDERS: usize = 3_000;
const CITIES: [&str; 6] = ["Paris", "Oslo", "Rome", "Bern", "", "Wien"];

struct Order {
    customer: u32,
    city: &'static str,
    cents: i64,
}

fn orders(seed: u64) -> Vec<Order> {
    let random = &mut StdRng::seed_from_u64(seed);
    let mut order = || Order {
        customer: random.random_range(0..80),
        city: CITIES[random.random_range(0..CITIES.len())],
        cents: random.random_range(-500..1_000),
    };
    (0..ORDERS).map(|_| order()).collect()
}

const JOB: &str = r#"
name = "cities"
batch = { max-bytes = "512B", rows = 64 }

[source.orders]
type = "file"
path = "orders/*.csv"
csv = { header = true }
schema = { customer = "u32", city = "utf8", cents = "s64" }

[operator.customers]
input = "orders"
key = ["customer"]
aggregate = { city = "std:last(city)", orders = "std:count", cents = "std:sum(cents)" }
emit = { mode = "retract" }

[operator.regular]
input = "customers"
module = "std:filter(orders > 20)"

[operator.cities]
input = "regular"
key = ["city"]
aggregate = { customers = "std:count", cents = "std:sum(cents)" }

[sink.out]
input = "cities"
type = "file"
path = "out"
format = "csv"
csv = { header = true }
"#;

/// What the sink wrote; `head` is of the job.
fn run(seed: u64, head: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("orders"))?;
    // A small file is read at once: so many small files make many epochs.
    for (number, orders) in orders(seed).chunks(30).enumerate() {
        let mut csv = "customer,city,cents\n".to_owned();
        for Order { customer, city, cents } in orders {
            writeln!(csv, "{customer},\"{city}\",{cents}")?;
        }
        fs::write(folder.path().join(format!("orders/{number:03}.csv")), csv)?;
    }
    fs::write(folder.path().join("job.toml"), format!("{head}\n{JOB}"))?;
    let output = Command::new(binary()?).args(["run", "job.toml"]).current_dir(folder.path()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut parts: Vec<PathBuf> =
        fs::read_dir(folder.path().join("out"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    parts.retain(|part| part.extension().is_some_and(|end| end == "csv"));
    parts.sort();
    parts.iter().map(|part| Ok(fs::read_to_string(part)?)).collect()
}

/// (customers, cents) by city.
type Cities = BTreeMap<String, (i64, i64)>;

fn asked_of_all_orders(seed: u64) -> Cities {
    let mut customers: BTreeMap<u32, (&str, i64, i64)> = BTreeMap::new();
    for Order { customer, city, cents } in orders(seed) {
        let (last, count, total) = customers.entry(customer).or_default();
        *last = city;
        *count += 1;
        *total += cents;
    }
    let mut cities = Cities::new();
    for (city, _, total) in customers.into_values().filter(|(_, orders, _)| *orders > 20) {
        let (customers, cents) = cities.entry(city.to_owned()).or_default();
        *customers += 1;
        *cents += total;
    }
    cities
}

/// What the changes add up to, and how many took something back.
fn added_up(written: &str) -> Result<(Cities, usize)> {
    let mut cities = Cities::new();
    let mut taken_back = 0;
    let mut lines = written.lines();
    ensure!(lines.next() == Some("city,customers,cents,_op"), "{written}");
    for line in lines.filter(|line| !line.starts_with("city,")) {
        let fields: Vec<&str> = line.split(',').collect();
        let [city, customers, cents, op] = fields.as_slice() else { anyhow::bail!("{line}") };
        let (city, row) = (city.trim_matches('"').to_owned(), (customers.parse()?, cents.parse()?));
        match *op {
            "1" => ensure!(cities.insert(city, row).is_none(), "{line}: the city has a result"),
            "-1" => {
                taken_back += 1;
                ensure!(cities.remove(&city) == Some(row), "{line}: this was not said");
            }
            _ => anyhow::bail!("{line}"),
        }
    }
    Ok((cities, taken_back))
}

#[test]
fn a_sum_over_changes_is_the_sum_over_the_table_that_they_make() {
    each("-p pelton-tests --test changes a_sum_over_changes", SEEDS, |seed| {
        let written = run(seed, "threads = 2").expect("the job runs");
        let (cities, taken_back) = added_up(&written).expect("changes that fit each other");
        assert_eq!(cities, asked_of_all_orders(seed));
        assert!(taken_back > 50, "only {taken_back} results were taken back");
    });
}

#[test]
fn changes_are_the_same_bytes_on_any_number_of_threads() {
    each("-p pelton-tests --test changes same_bytes", SEEDS, |seed| {
        let one = run(seed, "threads = 1").expect("the job runs");
        for threads in [2, 4] {
            let written = run(seed, &format!("threads = {threads}")).expect("the job runs");
            assert!(written == one, "{threads} threads wrote something else than one");
        }
    });
}

#[test]
fn changes_add_up_to_the_same_table_in_any_number_of_partitions() {
    each("-p pelton-tests --test changes any_number_of_partitions", SEEDS, |seed| {
        for partitions in [1, 3, 16] {
            let written = run(seed, &format!("partitions = {partitions}")).expect("the job runs");
            let cities = added_up(&written).expect("changes that fit each other").0;
            assert_eq!(cities, asked_of_all_orders(seed), "{partitions} partitions");
        }
    });
}
