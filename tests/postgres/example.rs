//! The example `orders-to-postgres` answers what its page says.

use std::{fs, path::Path, process::Command};

use super::server::Server;

#[test]
fn the_example_answers_what_its_page_says() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/orders-to-postgres");
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::copy(example.join("orders.toml"), folder.path().join("orders.toml")).unwrap();
    for file in fs::read_dir(example.join("data")).unwrap().map(|file| file.unwrap()) {
        fs::copy(file.path(), folder.path().join("data").join(file.file_name())).unwrap();
    }
    let run = |fail: &str, more: &[&str]| {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(["run", "orders.toml", "--color", "never"]).args(more).current_dir(folder.path());
        command.env("SHOP_URL", server.url()).env("PELTON_FAILPOINT", fail).output().unwrap()
    };
    assert!(!run("confirmed:3", &[]).status.success(), "the fail point fires");
    let sums = || {
        let sum = |table: &str| server.sql(&format!("SELECT count(*), sum(price) FROM {table}"));
        (sum("orders"), sum("latest_orders"))
    };
    for _ in 0..2 {
        let output = run("", &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(sums(), ("386|40691.25".to_owned(), "60|6676.5".to_owned()));
    }
    let page = fs::read_to_string(example.join("README.md")).unwrap();
    assert!(page.contains("386 rows with 40691.25 dollars, and 60 with 6676.5"), "the page says so");
    assert!(run("", &["--fresh", "--yes"]).status.success());
    assert_eq!(sums(), ("772|81382.5".to_owned(), "60|6676.5".to_owned()));
}
