//! The pages of docs: what they show to be typed runs, by the real binary.
//!
//! A block of shell that begins with `mkdir NAME && cd NAME` needs nothing but `pelton` on the path, and must succeed. Where a block of
//! text follows that looks like what a sink printed, each of its lines must be printed.

use std::{env, fs, path::Path, process::Command};

/// A block that can be run.
struct Shown {
    page: String,
    shell: String,
    /// Lines of the table that follows, if one does.
    printed: Vec<String>,
}

fn shown(page: &str, text: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("```sh\nmkdir ") {
        let block = &text[at + "```sh\n".len()..];
        let Some((shell, after)) = block.split_once("\n```\n") else { continue };
        // Not `mkdir -p`, which goes on in a folder of a build.
        if shell.starts_with("mkdir -") {
            continue;
        }
        let table = after.trim_start().strip_prefix("```text\n").and_then(|rest| rest.split_once("\n```"));
        let lines = table.map(|(table, _)| table.lines().map(str::to_owned).collect()).unwrap_or_default();
        found.push(Shown { page: page.to_owned(), shell: shell.to_owned(), printed: lines });
    }
    found
}

#[test]
fn jobs_that_pages_show_run() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut pages: Vec<_> = fs::read_dir(docs).expect("docs").map(|entry| entry.expect("an entry").path()).collect();
    pages.sort();
    let mut blocks = Vec::new();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|end| end == "md")) {
        let name = page.file_name().expect("a name").to_string_lossy();
        blocks.extend(shown(&name, &fs::read_to_string(page).expect("text")));
    }
    for (page, least) in [("joins.md", 3), ("sorting.md", 1), ("windows.md", 2)] {
        let count = blocks.iter().filter(|shown| shown.page == page).count();
        assert!(count >= least, "{page} shows {count} jobs");
    }
    let binary = pelton_tests::binary().expect("a binary to test");
    let path = format!("{}:{}", binary.parent().expect("a folder").display(), env::var("PATH").unwrap_or_default());
    for Shown { page, shell, printed } in blocks {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command.args(["-e", "-c", &shell]).env("PATH", &path).env("NO_COLOR", "1").current_dir(folder.path());
        let output = command.output().expect("it starts");
        let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{page}: {shell}\n{out}\n{told}");
        // Two tables side by side are for people.
        let is_one =
            !printed.is_empty() && printed.iter().all(|line| line.starts_with('│') && line.matches("│ ").count() == 1);
        for line in printed.iter().filter(|_| is_one) {
            assert!(out.contains(line.trim_end()), "{page} shows `{line}`, which is not in\n{out}");
        }
    }
}
