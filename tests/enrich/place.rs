//! A folder with a job that asks, its input and its checkpoint, and the real binary in it.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::server::Endpoint;

pub struct Place {
    folder: TempDir,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// All that it said, as one line: messages are broken to the width of a terminal.
    pub fn flat(&self) -> String {
        let said = format!("{} {}", self.out, self.err).replace('│', " ");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// It must have ended so, and said this.
    pub fn refused(self, exit: i32, said: &str) -> Self {
        assert!(self.code == Some(exit) && self.flat().contains(said), "{said}: {self:?}");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A job of one operator `told` that asks what its rows say.
pub struct Job<'a> {
    pub endpoint: &'a Endpoint,
    /// Keys at the top.
    pub head: &'a str,
    /// Keys of the endpoint.
    pub of_endpoint: &'a str,
    /// Keys of the operator.
    pub of_operator: &'a str,
    /// What comes after it, up to `result`; empty: it is the result.
    pub behind: &'a str,
}

impl<'a> Job<'a> {
    pub fn new(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, head: "", of_endpoint: "", of_operator: "", behind: "" }
    }
}

/// Every epoch is kept, and what is computed again is all since the beginning.
pub const KEPT: &str = "checkpoint = \"state\"\nsnapshots = \"1h\"\nreplay = { retain-epochs = 10000 }\n";

/// State behind the operator: after a crash it is computed again.
pub const SUMS: &str = r#"
[operator.result]
input = "told"
key = ["id"]
aggregate = { n = "std:count", last = "std:last(said)" }
emit = "on-update"
"#;

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }

    /// A file of input; each is an epoch.
    pub fn rows(&self, file: u32, paths: &[&str]) {
        let rows = paths.iter().enumerate().map(|(at, path)| format!("{},{path}\n", file * 100 + at as u32));
        self.write(&format!("in/{file:03}.csv"), rows.collect::<String>());
    }

    pub fn job(&self, job: &Job<'_>) {
        let Job { endpoint, head, of_endpoint, of_operator, behind } = job;
        let module = pelton_tests::guest("asker").expect("the module");
        let result = if behind.is_empty() { "told" } else { "result" };
        let text = format!(
            r#"
name = "asking"
batch = {{ max-bytes = 1, rows = 64 }}
{head}
[source.lines]
type = "file"
path = "in/*.csv"
format = "csv"
schema = {{ id = "s64", path = "utf8" }}

[endpoint.rates]
url = "{}/v1"
backoff = "1ms"
{of_endpoint}

[operator.told]
input = "lines"
module = "{}"
endpoints = ["rates"]
{of_operator}
{behind}
[sink.out]
input = "{result}"
type = "file"
path = "out"
format = "csv"
if-exists = "replace"

[sink.refused]
input = "told.rejected"
type = "file"
path = "refused"
format = "csv"
if-exists = "replace"
"#,
            endpoint.url,
            module.display()
        );
        // A sink that goes on over epochs has no choice.
        let text = if head.contains("checkpoint") { text.replace("if-exists = \"replace\"\n", "") } else { text };
        self.write("job.toml", text);
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for variable in ["PELTON_TOKEN", "PELTON_ENGINE", "PELTON_OUTPUT", "PELTON_LOG", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(variable);
        }
        let cache = std::env::temp_dir().join(format!("pelton-enrich-tests-{}", std::process::id()));
        command.env("PELTON_CACHE_DIR", cache).env("HOME", self.path()).env("LC_ALL", "C.UTF-8");
        command
    }

    pub fn pelton(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    pub fn run(&self) -> Said {
        self.pelton(&["run", "job.toml", "--threads", "2"])
    }

    /// The rows of a sink, one after the other.
    pub fn out(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join(folder)) else { return Vec::new() };
        let mut parts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        parts.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("part-"));
        parts.sort();
        parts
            .iter()
            .flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// Whether a text is in any file below the folder.
    pub fn holds(&self, text: &str) -> bool {
        fn within(dir: &Path, text: &[u8]) -> bool {
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
                if path.is_dir() {
                    return within(&path, text);
                }
                fs::read(&path).unwrap().windows(text.len()).any(|window| window == text)
            })
        }
        within(self.path(), text.as_bytes())
    }
}
