//! Tables that do not fit are refused before the job begins, and rows that do not fit by name.

use std::process::Stdio;

use super::{place::Place, server::Server};

#[test]
fn a_table_that_does_not_fit_is_refused_before_the_job_begins() {
    let Some(server) = Server::start() else { return };
    let upsert = "mode = \"upsert\"\nkey = \"item\"";
    let columns = "id bigint, item bigint, price float8";
    let cases = [
        ("", String::new(), "table orders does not exist"),
        ("", format!("CREATE TABLE orders ({columns})"), "has no column `name`"),
        (
            "",
            format!("CREATE TABLE orders ({columns}, name inet)"),
            "has a column `name` of type inet, which utf8 does not go into",
        ),
        (
            "",
            "CREATE TABLE orders (id bigint, item bigint, price real, name text)".to_owned(),
            "has a column `price` of type real, which f64 does not go into",
        ),
        (
            "",
            format!("CREATE TABLE orders ({columns}, name text, at date NOT NULL)"),
            "has a column `at` that must not be null",
        ),
        (
            "",
            "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, item bigint, price float8, name text)"
                .to_owned(),
            "makes the values of column `id` itself",
        ),
        (
            upsert,
            format!(
                "CREATE TABLE orders ({columns}, name text, UNIQUE (item, id)); CREATE UNIQUE INDEX ON orders (item) WHERE id > 1"
            ),
            "has no unique constraint over exactly (item)",
        ),
    ];
    for (sink, table, expected) in cases {
        let place = Place::new(&server, "checkpoint = \"state\"", sink);
        place.begin_anew(&server);
        if !table.is_empty() {
            server.sql(&table);
        }
        let said = place.refusal();
        assert!(said.contains(expected) && said.contains("(PELTON-0406)"), "{expected}: {said}");
        assert!(!place.path("state/files").join("outbox").exists());
    }
}

#[test]
fn tables_of_other_shapes_take_what_fits() {
    let Some(server) = Server::start() else { return };
    let place = Place::new(&server, "checkpoint = \"state\"", "mode = \"upsert\"\nkey = [\"item\"]");
    place.begin_anew(&server);
    // Narrower integers, a longer key elsewhere, defaults, another order, an index in place of a constraint.
    server.sql(
        "CREATE DOMAIN label AS varchar(20); \
         CREATE TABLE orders (at timestamptz NOT NULL DEFAULT now(), name label, price float8, item smallint NOT NULL, \
         id integer PRIMARY KEY, CHECK (price >= 0)); CREATE UNIQUE INDEX one ON orders (item) INCLUDE (price)",
    );
    assert!(place.run_to_end(None), "{}", place.said());
    place.compare_last(&server, "another table");
    assert_eq!(server.sql("SELECT count(*) FROM orders WHERE at IS NULL"), "0");
}

#[test]
fn a_row_that_the_encoder_can_know_to_be_refused_ends_the_job_before_its_epoch_is_committed() {
    let Some(server) = Server::start() else { return };
    for (column, expected) in [
        ("name varchar(5)", "column `name` of table orders cannot take a value: its text has more than 5 characters"),
        ("name text NOT NULL", "column `name` of table orders cannot take a value: it is null"),
        ("name uuid", "its text is no UUID"),
    ] {
        let mut place = Place::new(&server, "checkpoint = \"state\"", "");
        if column.contains("NOT NULL") {
            place.edit("name = \"utf8?\" }", "name = \"utf8?\" }\ncsv = { null = \"NULL\" }");
            std::fs::write(place.path("in/99.csv"), "99999,1,50.0,NULL\n").unwrap();
        }
        place.begin_anew(&server);
        server.sql(&format!("CREATE TABLE orders (id bigint, item bigint, price float8, {column})"));
        let said = place.refusal();
        assert!(said.contains(expected) && said.contains("(PELTON-0407)"), "{expected}: {said}");
        assert!(said.contains("in the row {\"id\":"), "it names the row: {said}");
        assert_eq!(server.sql("SELECT count(*) FROM orders"), "0");
    }
}

/// The one kind of refusal that comes after the commit: the epoch waits until somebody makes room.
#[test]
fn a_broken_constraint_is_named_at_once_and_the_job_goes_on_when_it_is_mended() {
    let Some(server) = Server::start() else { return };
    let top = "checkpoint = \"state\"\nbatch = { max-bytes = 1 }\nrestart = { type = \"fixed\", delay = \"1h\" }";
    let place = Place::new(&server, top, "");
    place.begin_anew(&server);
    server.sql(
        "CREATE TABLE orders (id bigint PRIMARY KEY, item bigint, price float8 CONSTRAINT cheap CHECK (price < 99), name text); \
         INSERT INTO orders VALUES (-1, 0, 0, 'there before')",
    );
    for _ in 0..2 {
        let said = place.refusal();
        assert!(said.contains("(PELTON-0407)") && said.contains("constraint `cheap`"), "{said}");
        assert!(said.contains("does not take the rows of epoch") && said.contains("line "), "{said}");
    }
    server.sql("ALTER TABLE orders DROP CONSTRAINT cheap; DELETE FROM orders WHERE id = -1");
    assert!(place.run_to_end(None), "{}", place.said());
    place.compare(&server, "after the constraint went");
    // A key that is there twice.
    server.sql("DROP TABLE pelton_commits");
    std::fs::remove_dir_all(place.path("state")).unwrap();
    let said = place.refusal();
    assert!(said.contains("constraint `orders_pkey`") && said.contains("already exists"), "{said}");
    place.compare(&server, "after an epoch that was refused as a whole");
}

#[test]
fn a_job_that_cannot_be_is_refused_without_a_server() {
    let Some(server) = Server::stopped() else { return };
    let mut place = Place::new(&server, "", "mode = \"upsert\"\nkey = \"nothing\"");
    let lint = |place: &Place| {
        let mut command = place.command();
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        let output = command
            .args(["lint", "job.toml", "--color", "never"])
            .current_dir(place.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(lint(&place).contains("PELTON-0107"), "{}", lint(&place));
    place.edit("key = \"nothing\"", "key = \"item\"");
    place.edit("url = \"postgresql://", "url = \"mysql://");
    assert!(lint(&place).contains("it does not begin with postgresql://"), "{}", lint(&place));
}
