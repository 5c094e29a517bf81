//! A job in a folder of its own: one source, the module `any-schema` in several forms behind each other, file sinks.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf, process::Command};

use arrow::{datatypes::Field, ipc::reader::FileReader};
use serde_json::Value;
use tempfile::TempDir;

use crate::{arrays, engine, rules::Form, value::Row};

/// What a job wrote, by the path within its folder.
pub type Files = BTreeMap<String, Vec<u8>>;

pub struct Job {
    folder: TempDir,
    sinks: Vec<String>,
}

impl Job {
    /// `source` is what the source's table says beyond its type, `fields` its columns; `sinks` are formats, `wanted` the columns
    /// that they write.
    pub fn new(source: &str, fields: &[Field], forms: &[Form], sinks: &[&str], wanted: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let module = pelton_tests::guest("any-schema").expect("a module to test");
        fs::copy(module, folder.path().join("any-schema.wasm")).expect("copied");
        let mut text = format!("name = \"cuts\"\n[source.rows]\ntype = \"file\"\n{source}\n");
        let mut input = "rows".to_owned();
        let mut fields = fields.to_vec();
        for (index, form) in forms.iter().enumerate() {
            let options = inline_table(&engine::options(*form, &fields));
            write!(
                text,
                "[operator.form-{index}]\ninput = \"{input}\"\nmodule = \"any-schema.wasm\"\noptions = {options}\nlimits = {{ call-time = \"20s\" }}\n"
            )
            .expect("text grows");
            input = format!("form-{index}");
            (_, fields) = form.ports(&fields);
        }
        let columns = serde_json::json!(wanted);
        for format in sinks {
            write!(
                text,
                "[sink.{format}]\ninput = \"{input}\"\ntype = \"file\"\npath = \"{format}\"\nformat = \"{format}\"\ncolumns = {columns}\nif-exists = \"replace\"\n"
            )
            .expect("text grows");
        }
        fs::write(folder.path().join("job.toml"), text).expect("written");
        Self { folder, sinks: sinks.iter().map(|&sink| sink.to_owned()).collect() }
    }

    /// A folder within the job's, made if it is not there.
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path).expect("made");
        path
    }

    /// Runs it with these arguments: the summary, and what the sinks wrote.
    pub fn run(&self, arguments: &[&str]) -> (Value, Files) {
        let output = Command::new(pelton_tests::binary().expect("a binary to test"))
            .args(["run", "job.toml", "--output", "json", "--color", "never", "--cache-dir", "cache"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("started");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`pelton run` {arguments:?} ended with {}:\n{message}", output.status);
        let lines = String::from_utf8(output.stdout).expect("text");
        let summary = lines.lines().last().expect("a summary");
        let mut files = Files::new();
        for sink in &self.sinks {
            for entry in fs::read_dir(self.folder.path().join(sink)).expect("the sink made its folder") {
                let path = entry.expect("a file").path();
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                files.insert(format!("{sink}/{name}"), fs::read(&path).expect("readable"));
            }
        }
        (serde_json::from_str(summary).expect("a summary in JSON"), files)
    }
}

/// The rows of the sink `arrow`, in the order of its parts.
pub fn rows(files: &Files) -> Vec<Row> {
    let parts = files.iter().filter(|(path, _)| path.starts_with("arrow/"));
    let batches = parts.flat_map(|(_, bytes)| {
        FileReader::try_new(std::io::Cursor::new(bytes), None)
            .expect("an Arrow file")
            .map(|batch| batch.expect("a batch"))
    });
    batches.flat_map(|batch| arrays::rows(&batch).collect::<Vec<_>>()).collect()
}

/// A flat JSON object as an inline table of TOML, which escapes strings as JSON does.
fn inline_table(object: &Value) -> String {
    let entries = object.as_object().expect("an object").iter();
    let entries: Vec<_> = entries.map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", entries.join(", "))
}
