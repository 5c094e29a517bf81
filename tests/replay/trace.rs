//! Rows of sinks, followed back by the real binary to the lines that they were read from, and compared with what a reader of the input would say.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::{Value, json};

use super::{
    CHANGES, DEDUPLICATED, FILTER, JOINED, RUNNING, TUMBLING,
    place::{FILES, Place, ROWS, Said},
};

impl Place {
    fn trace(&self, args: &[&str]) -> Said {
        let all = ["trace", "job.toml", "--threads", "2", "--output", "json"];
        self.pelton(&all.iter().chain(args).copied().collect::<Vec<_>>())
    }

    /// Each bid by file, line and what it says: auction, price, time in ms.
    fn all_bids(&self) -> Vec<(String, u64, [i64; 3])> {
        let of_file = |file: i64| {
            let name = format!("bids/{file:02}.csv");
            let text = fs::read_to_string(self.path().join(&name)).unwrap();
            let row = |line: &str| -> [i64; 3] {
                let fields: Vec<i64> = line.split(',').map(|field| field.parse().unwrap()).collect();
                fields.try_into().unwrap()
            };
            let rows: Vec<[i64; 3]> = text.lines().map(row).collect();
            (1_u64..).zip(rows).map(move |(line, row)| (name.clone(), line, row)).collect::<Vec<_>>()
        };
        (0..FILES).flat_map(of_file).collect()
    }
}

/// Where the rows of sources are that were found: file and line.
fn lines(traced: &Value) -> BTreeSet<(String, u64)> {
    let sources = traced["sources"].as_array().unwrap().iter();
    sources.map(|place| (place["file"].as_str().unwrap().to_owned(), place["line"].as_u64().unwrap())).collect()
}

/// A time within the first hour of 1970, in µs.
fn micros(time: &Value) -> i64 {
    let text = time.as_str().unwrap();
    let text = text.strip_prefix("1970-01-01T00:").unwrap_or_else(|| panic!("{text}")).trim_end_matches('Z');
    let (minutes, seconds) = text.split_once(':').unwrap();
    minutes.parse::<i64>().unwrap() * 60_000_000 + (seconds.parse::<f64>().unwrap() * 1e6) as i64
}

#[test]
fn each_line_of_a_part_leads_back_to_the_line_that_was_read() {
    for (graph, why) in [
        (FILTER.to_owned(), "a filter"),
        (
            FILTER.replace("[operator.result]\ninput = \"bids\"", "[operator.result]\ninput = \"renamed\"")
                + "[operator.renamed]\ninput = \"bids\"\nmodule = \"std:select\"\n\
                   options = { columns = { price = \"price\", twice = \"auction * 2\" } }\n",
            "columns that are made, and a filter behind",
        ),
    ] {
        let place = Place::new("stateless", &graph, "csv");
        place.run();
        let expected: Vec<(String, u64, [i64; 3])> =
            place.all_bids().into_iter().filter(|(_, _, [_, price, _])| *price > 300).collect();
        let part = String::from_utf8(place.rows("out")).unwrap();
        assert_eq!(part.lines().count(), expected.len());
        for at in (0..expected.len()).step_by(397).chain([expected.len() - 1]) {
            let (file, line, [auction, price, time]) = &expected[at];
            let number = (at + 1).to_string();
            let said = place.trace(&["--part", "out/part-00000.csv", "--line", &number]).done().json();
            let read = &said["sources"][0];
            assert_eq!(lines(&said), BTreeSet::from([(file.clone(), *line)]), "{why}: {said}");
            assert_eq!((&read["raw"], &read["unit"]), (&json!(format!("{auction},{price},{time}")), &json!("byte")));
            let text = fs::read_to_string(place.path().join(file)).unwrap();
            let offset = read["offset"].as_u64().unwrap() as usize;
            assert!(text[offset..].starts_with(&format!("{auction},{price},{time}\n")), "{said}");
            // The way: the filter says of each row which one it was, and names its module.
            let (root, from) = (&said["trace"], &said["trace"]["from"]);
            assert_eq!(
                (&root["output"], &from["operator"], &from["how"]),
                (&json!("result"), &json!("result"), &json!("row-by-row"))
            );
            assert_eq!((&from["modules"], &from["digests"][0].as_str().unwrap().len()), (&json!("std:filter"), &64));
            assert_eq!(said["row"]["price"].as_i64(), Some(*price));
            let mut before = &from["rows"][0];
            if why.starts_with("columns") {
                assert_eq!((&before["output"], &before["row"]["twice"]), (&json!("renamed"), &json!(auction * 2)));
                before = &before["from"]["rows"][0];
            }
            assert_eq!((&before["output"], &before["from"]["kind"]), (&json!("bids"), &json!("source")), "{said}");
        }
    }
}

#[test]
fn rows_of_a_flat_map_lead_back_to_the_row_that_they_were_made_of() {
    let place = Place::empty();
    let orders: String = (0..60)
        .map(|order| {
            let items: Vec<String> = (0..order % 4).map(|item| format!("\"{}\"", order * 10 + item)).collect();
            format!("{{\"order\":{order},\"items\":[{}]}}\n", items.join(","))
        })
        .collect();
    place.write("orders/a.jsonl", &orders);
    place.write("orders/b.jsonl", orders.replace("\"order\":", "\"order\":1"));
    place.write(
        "job.toml",
        r#"
name = "orders"
checkpoint = "state"
batch = { max-bytes = 1, rows = 7 }

[source.orders]
type = "file"
path = "orders/*.jsonl"
format = "json"
schema = { order = "s64", items = "list<utf8>" }

[operator.items]
input = "orders"
module = "std:flatten(items)"

[operator.dear]
input = "items"
module = "std:filter(order >= 3)"

[sink.out]
input = "dear"
type = "file"
path = "out"
format = "json"
"#,
    );
    place.run();
    let rows = String::from_utf8(place.rows("out")).unwrap();
    let mut seen = 0;
    for (at, row) in rows.lines().enumerate().step_by(17) {
        let row: Value = serde_json::from_str(row).unwrap();
        let item = row["items"].as_str().unwrap();
        let by_line = place.trace(&["--part", "part-00000.jsonl", "--line", &(at + 1).to_string()]).done().json();
        let by_values = place
            .trace(&["--row", &format!("items={item}"), "--row", &format!("order={}", row["order"])])
            .done()
            .json();
        for said in [by_line, by_values] {
            let read = &said["sources"][0];
            let raw: Value = serde_json::from_str(read["raw"].as_str().unwrap()).unwrap();
            assert_eq!((&raw["order"], said["row"].clone()), (&row["order"], row.clone()), "{said}");
            assert!(raw["items"].as_array().unwrap().contains(&row["items"]), "{said}");
            assert_eq!(said["sources"].as_array().unwrap().len(), 1);
            let flattened = &said["trace"]["from"]["rows"][0];
            assert_eq!(
                (&flattened["from"]["operator"], &flattened["from"]["how"]),
                (&json!("items"), &json!("row-by-row"))
            );
        }
        seen += 1;
    }
    assert!(seen >= 5, "{seen} rows");
}

#[test]
fn a_window_leads_back_to_all_of_its_rows_in_whatever_epoch_they_came() {
    let place = Place::new("tumbling", TUMBLING, "json");
    place.run();
    let bids = place.all_bids();
    let rows = String::from_utf8(place.rows("out")).unwrap();
    let (mut checked, mut of_several) = (0, 0);
    for (at, row) in rows.lines().enumerate().step_by(13) {
        let row: Value = serde_json::from_str(row).unwrap();
        let said = place
            .trace(&["--part", "part-00000.jsonl", "--line", &(at + 1).to_string(), "--rows", "1000"])
            .done()
            .json();
        let from = &said["trace"]["from"];
        assert_eq!(
            (&from["how"], &from["count"], &from["complete"]),
            (&json!("key"), &row["n"], &json!(true)),
            "{said}"
        );
        let (start, end) = (micros(&row["window_start"]), micros(&row["window_end"]));
        assert_eq!(from["window"], json!([start, end]));
        let found = lines(&said);
        let in_window = |[auction, _, time]: &[i64; 3]| {
            Some(*auction) == row["auction"].as_i64() && (start..end).contains(&(time * 1_000))
        };
        let all = bids.iter().filter(|(_, _, bid)| in_window(bid));
        let all: BTreeSet<(String, u64)> = all.map(|(file, line, _)| (file.clone(), *line)).collect();
        // Those that came too late are in no window.
        assert!(found.is_subset(&all) && found.len() as u64 == row["n"].as_u64().unwrap(), "{found:?} of {all:?}");
        of_several += u32::from(from["by_epoch"].as_array().unwrap().len() > 1);
        checked += 1;
    }
    assert!(checked >= 5 && of_several >= 1, "{checked} windows, {of_several} of several epochs");
    // With one look back the rest is said to be missing; and of many rows some are shown.
    let said = place.trace(&["--row", "auction=3", "--rows", "2", "--back", "0"]).done().json();
    let from = &said["trace"]["from"];
    assert_eq!((&from["complete"], &from["looked_from"]), (&json!(false), &said["epoch"]), "{said}");
    let text = place.pelton(&["trace", "job.toml", "--row", "auction=3", "--rows", "2"]).done().out;
    assert!(text.contains("of its key, in the window 1970-01-01T00:") && text.contains(" more: `--rows N`"), "{text}");
}

#[test]
fn a_row_of_a_join_leads_back_to_both_sides() {
    let place = Place::new("joined", JOINED, "json");
    place.run();
    let rows = String::from_utf8(place.rows("out")).unwrap();
    let (mut pairs, mut alone) = (0, 0);
    for (at, row) in rows.lines().enumerate().step_by(rows.lines().count() / 12) {
        let row: Value = serde_json::from_str(row).unwrap();
        let said = place.trace(&["--part", "part-00000.jsonl", "--line", &(at + 1).to_string()]).done().json();
        assert_eq!((&said["trace"]["from"]["kind"], &said["trace"]["from"]["how"]), (&json!("join"), &json!("values")));
        let raw_of = |source: &str| -> Vec<String> {
            let all = said["sources"].as_array().unwrap().iter().filter(|place| place["source"] == source);
            all.map(|place| place["raw"].as_str().unwrap().to_owned()).collect()
        };
        let (bids, asks) = (raw_of("bids"), raw_of("asks"));
        let is_pair = !row["price"].is_null() && !row["name"].is_null();
        pairs += u32::from(is_pair);
        alone += u32::from(!is_pair);
        if !row["price"].is_null() {
            let bid = format!("{},{},", row["auction"], row["price"]);
            assert!(!bids.is_empty() && bids.iter().all(|raw| raw.starts_with(&bid)), "{bid}: {said}");
        }
        if !row["name"].is_null() {
            let ask = format!("{},{},", row["auction"], row["name"].as_str().unwrap());
            assert!(!asks.is_empty() && asks.iter().all(|raw| raw.starts_with(&ask)), "{ask}: {said}");
        }
    }
    assert!(pairs >= 3 && alone + pairs >= 10, "{pairs} pairs, {alone} alone");
}

#[test]
fn keyed_operators_are_asked_for_all_rows_of_the_key() {
    // One behind the other: the second one's rows are the first one's changes, each of which is made of an auction's bids.
    let place = Place::new("changes", CHANGES, "json");
    place.run();
    let rows = String::from_utf8(place.rows("out")).unwrap();
    let last: Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
    let count = last["bids"].as_u64().unwrap();
    let said = place.trace(&["--row", &format!("bids={count}"), "--rows", "1000"]).done().json();
    let counts = &said["trace"]["from"];
    assert_eq!((&counts["operator"], &counts["kind"]), (&json!("result"), &json!("aggregate")), "{said}");
    let before = counts["rows"].as_array().unwrap();
    assert!(!before.is_empty() && before.iter().all(|row| row["row"]["bids"] == count), "{said}");
    for change in before {
        let from = &change["from"];
        assert_eq!((&from["operator"], &from["complete"]), (&json!("auctions"), &json!(true)));
        let bids = from["rows"].as_array().unwrap();
        assert!(bids.iter().all(|bid| bid["row"]["auction"] == change["row"]["auction"]), "{said}");
        assert!(
            from["count"].as_u64() >= Some(count) && bids.len() as u64 == from["count"].as_u64().unwrap(),
            "{said}"
        );
    }

    let place = Place::new("running", RUNNING, "json");
    place.run();
    let bids = place.all_bids();
    let said = place.trace(&["--row", "auction=5", "--epoch", "6", "--rows", "10000"]).done().json();
    let all: BTreeSet<(String, u64)> = bids
        .iter()
        .filter(|(file, _, [auction, ..])| *auction == 5 && file.as_str() < "bids/06.csv")
        .map(|(file, line, _)| (file.clone(), *line))
        .collect();
    assert_eq!((lines(&said), said["row"]["n"].as_u64()), (all.clone(), Some(all.len() as u64)));

    // A module with state of its own.
    let place = Place::new("deduplicated", DEDUPLICATED, "csv");
    place.run();
    let said = place.trace(&["--part", "part-00000.csv", "--line", "1000"]).done().json();
    let from = &said["trace"]["from"];
    assert_eq!((&from["kind"], &from["how"], &from["modules"]), (&json!("keyed"), &json!("key"), &json!("std:dedup")));
    let found = lines(&said);
    let key = [said["row"]["auction"].as_i64().unwrap(), said["row"]["price"].as_i64().unwrap()];
    let all = bids.iter().filter(|(_, _, [auction, price, _])| [*auction, *price] == key);
    let all: BTreeSet<(String, u64)> = all.map(|(file, line, _)| (file.clone(), *line)).collect();
    assert!(!found.is_empty() && found.is_subset(&all), "{said}");
}

#[test]
fn rows_that_were_refused_lead_back_as_well() {
    let place = Place::new("refused", TUMBLING, "csv");
    place.edit("job.toml", "[sink.out]", "[sink.late]\ninput = \"result.late\"\ntype = \"file\"\npath = \"late\"\nformat = \"csv\"\n\n[sink.bad]\ninput = \"bids.rejected\"\ntype = \"file\"\npath = \"bad\"\nformat = \"json\"\n\n[sink.out]");
    place.edit("job.toml", "event-time = {", "on-bad-row = \"reject\"\nevent-time = {");
    place.edit("job.toml", "lateness = \"1s\"", "lateness = \"0s\"");
    let text = fs::read_to_string(place.path().join("bids/04.csv")).unwrap();
    let lines_of: Vec<&str> = text.lines().collect();
    let spoiled = [&lines_of[..120], &["7,much,12"], &lines_of[120..]].concat().join("\n") + "\n";
    place.write("bids/04.csv", &spoiled);
    // Of a time that all windows have passed, and not where it is looked how files begin.
    let last = fs::read_to_string(place.path().join("bids/11.csv")).unwrap();
    let late: String = (0..6).map(|row| format!("5,{},0\n", 9_990 + row)).collect();
    place.write("bids/11.csv", format!("{last}{late}"));
    place.run();

    let said = place.trace(&["--sink", "bad", "--row", "_raw=7,much,12"]).done().json();
    let read = &said["sources"][0];
    assert_eq!((&read["file"], &read["line"], &read["raw"]), (&json!("bids/04.csv"), &json!(121), &json!("7,much,12")));
    assert!(read["reason"].as_str().unwrap().contains("price"), "{said}");
    assert_eq!(said["trace"]["output"], "bids.rejected");

    let late = String::from_utf8(place.rows("late")).unwrap();
    assert_eq!(late.lines().count(), 6, "{late}");
    let said = place.trace(&["--part", "late/part-00000.csv", "--line", "4"]).done().json();
    let from = &said["trace"]["from"];
    assert_eq!((&said["sink"], &from["how"], &from["complete"]), (&json!("late"), &json!("itself"), &json!(true)));
    assert_eq!(
        (lines(&said), &said["sources"][0]["raw"]),
        (BTreeSet::from([("bids/11.csv".to_owned(), ROWS as u64 + 4)]), &json!("5,9993,0")),
        "{said}"
    );
}

#[test]
fn parts_in_folders_and_compressed_ones_have_lines_too() {
    let place = Place::new("stateless", FILTER, "csv");
    place.edit("job.toml", "format = \"csv\"\n", "format = \"csv\"\ncompression = \"gzip\"\npartition-by = [\"auction\"]\nroll-bytes = \"2KiB\"\ncsv = { header = true }\n");
    place.run();
    let said = place.trace(&["--part", "auction=3/part-00003.csv.gz", "--line", "1"]);
    let names: Vec<String> = fs::read_dir(place.path().join("out/auction=3"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(said.code == Some(2), "{said:?}");
    let mut checked = 0;
    for name in names {
        let part = format!("auction=3/{name}");
        let unpacked = Command::new("gzip").arg("-dc").arg(place.path().join("out").join(&part)).output().unwrap();
        let text = String::from_utf8(unpacked.stdout).unwrap();
        place.trace(&["--part", &part, "--line", "1"]).refused(2, "is its header").refused(2, "PELTON-0510");
        for (at, line) in text.lines().enumerate().skip(1).step_by(50) {
            let said = place.trace(&["--part", &part, "--line", &(at + 1).to_string()]).done().json();
            let price = line.split(',').next().unwrap();
            let raw = said["sources"][0]["raw"].as_str().unwrap();
            assert!(raw.starts_with(&format!("3,{price},")), "{part} {at} {line}: {said}");
            checked += 1;
        }
        let past = (text.lines().count() + 1).to_string();
        place.trace(&["--part", &part, "--line", &past]).refused(2, "lines");
    }
    assert!(checked >= 5, "{checked} lines");
}

#[test]
fn what_cannot_be_traced_is_refused_with_the_reason() {
    let place = Place::new("stateless", FILTER, "csv");
    place.trace(&["--row", "price=301"]).refused(1, "PELTON-0705");
    place.run();
    place
        .trace(&["--row", "price=-1"])
        .refused(1, "sink `out` was given no such row in epochs 1 to")
        .refused(1, "PELTON-0510");
    place.trace(&["--row", "price=-1", "--epoch", "3"]).refused(1, "no such row in epoch 3");
    place.trace(&["--row", "prize=1"]).refused(2, "sink `out` has no column `prize`: it has `auction`, `price`, `ts`");
    place.trace(&["--row", "price=much"]).refused(2, "`much` is no s64 for column `price`");
    place.trace(&["--sink", "in", "--row", "price=301"]).refused(2, "the job has no sink `in`: there is `out`");
    place
        .trace(&["--part", "part-00009.csv", "--line", "1"])
        .refused(2, "no sink of the job has a part part-00009.csv");
    place.trace(&["--part", "../job.toml", "--line", "1"]).refused(2, "no sink of the job has a part");
    place.trace(&["--part", "part-00000.csv", "--line", "0"]).refused(2, "lines are counted from 1 on");
    place.trace(&["--part", "part-00000.csv"]).refused(2, "--line");
    place.trace(&[]).refused(2, "--row");
    // Input that has changed since would tell another story.
    let bids = fs::read_to_string(place.path().join("bids/03.csv")).unwrap();
    let first = bids.lines().position(|line| line.split(',').nth(1).unwrap().parse::<i64>().unwrap() > 300).unwrap();
    let mut changed: Vec<String> = bids.lines().map(str::to_owned).collect();
    let fields: Vec<&str> = bids.lines().nth(first).unwrap().split(',').collect();
    let other = if fields[1] == "999" { "998" } else { "999" };
    changed[first] = format!("{},{other},{}", fields[0], fields[2]);
    place.write("bids/03.csv", changed.join("\n") + "\n");
    place
        .trace(&["--row", "price=301"])
        .refused(1, "came to something else than was committed")
        .refused(1, "PELTON-0504");
}

#[test]
fn an_epoch_that_is_not_kept_says_so() {
    let place = Place::new("running", RUNNING, "csv");
    place.edit("job.toml", "retain-epochs = 10000", "retain-epochs = 2");
    place.run();
    let (first, last) = place.replayable();
    assert!(first > 1, "epochs {first} to {last} are kept");
    place
        .trace(&["--row", "auction=5", "--epoch", "1"])
        .refused(1, "epoch 1 cannot be computed again")
        .refused(1, "PELTON-0508");
    let said = place.trace(&["--part", "part-00000.csv", "--line", "1"]);
    said.refused(1, &format!("epoch 1 cannot be computed again: epochs {first} to {last} can"))
        .refused(1, "PELTON-0508");
    // Of a key whose rows came before as well that is told.
    let said = place.trace(&["--row", "auction=5"]).done().json();
    let from = &said["trace"]["from"];
    assert_eq!((&from["complete"], &from["looked_from"]), (&json!(false), &json!(first)), "{said}");
    let text = place.pelton(&["trace", "job.toml", "--row", "auction=5"]).done().out;
    assert!(text.contains(&format!("what it had of epochs before {first} is not seen")), "{text}");
}

#[test]
fn the_newest_row_is_followed_and_text_tells_it_at_a_glance() {
    let place = Place::numbers("replay = { retain = \"1h\" }");
    place.edit("job.toml", "rows = 50_000\n", "rows = 3_000\n");
    place.run();
    // Rows that are made have numbers, and no file.
    let said = place.trace(&["--sink", "out", "--row", "x=1234"]).done().json();
    let read = &said["sources"][0];
    assert_eq!((&read["offset"], &read["unit"], &read["file"]), (&json!(1233), &json!("row"), &Value::Null), "{said}");
    place.trace(&["--row", "x=1"]).refused(2, "the job has several sinks: there is `totals`, `out`");
    let said = place.trace(&["--sink", "totals", "--row", "key=0", "--rows", "3"]).done().json();
    let (_, last) = place.replayable();
    assert!(said["alike"].as_u64() > Some(1) && said["epoch"].as_u64() == Some(last), "{said}");
    assert_eq!(said["trace"]["from"]["count"], 3_000, "{said}");
    assert_eq!(said["trace"]["from"]["rows"].as_array().unwrap().len(), 3);
    let text = place.pelton(&["trace", "job.toml", "--sink", "totals", "--row", "key=0", "--rows", "3"]).done().out;
    for expected in [
        "numbers: row 1 of epoch",
        "read from\n  row ",
        "└ aggregate sums, std:sum(x), digest ",
        "3,000 rows of its key",
        "… 2,997 more: `--rows N`",
        "such rows in epochs",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
