//! An engine of the real binary in a folder of its own: started, asked by commands and by plain HTTP, killed, started again.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with the data directory, jobs and their files.
pub struct Place {
    folder: TempDir,
}

/// An engine that runs; it is killed in the end.
pub struct Served<'a> {
    pub place: &'a Place,
    process: Child,
    pub url: String,
    pub token: Option<String>,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It must have gone well.
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It must have been refused with this code.
    pub fn refused(self, exit: i32, code: &str) -> Self {
        assert!(self.code == Some(exit) && format!("{}{}", self.out, self.err).contains(code), "{self:?}");
        self
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// An answer by HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Files of a sink, by name.
    pub fn parts(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path().join(folder)) else { return BTreeMap::new() };
        let named =
            entries.map(|entry| entry.unwrap()).map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
        named
            .filter(|(name, _)| name.starts_with("part-"))
            .map(|(name, path)| (name, fs::read(path).unwrap()))
            .collect()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(pelton_tests::binary().expect("a binary to test"));
        command.args(args).current_dir(self.path());
        for variable in ["PELTON_TOKEN", "PELTON_ENGINE", "PELTON_OUTPUT", "PELTON_LOG"] {
            command.env_remove(variable);
        }
        // Modules are compiled once for all tests of this place.
        command.env("PELTON_CACHE_DIR", self.path().join("cache")).env("HOME", self.path()).env("LC_ALL", "C.UTF-8");
        command
    }

    /// A command that speaks to nobody.
    pub fn pelton(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    pub fn serve(&self) -> Served<'_> {
        self.serve_with(&[])
    }

    pub fn serve_with(&self, more: &[&str]) -> Served<'_> {
        self.serve_as(more, &[])
    }

    /// An engine with these variables in its environment.
    pub fn serve_under(&self, variables: &[(&str, &str)]) -> Served<'_> {
        self.serve_as(&[], variables)
    }

    /// An engine that dies by itself at a place of its jobs' epochs, such as `commit:3`.
    pub fn serve_failing(&self, place: &str) -> Served<'_> {
        self.serve_as(&[], &[("PELTON_FAILPOINT", place)])
    }

    fn serve_as(&self, more: &[&str], variables: &[(&str, &str)]) -> Served<'_> {
        let log = fs::File::options().create(true).append(true).open(self.path().join("engine.log")).unwrap();
        let mut process = self
            .command(&["serve", "--data", "data", "--listen", "127.0.0.1:0", "--output", "json"])
            .args(more)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(said) = serde_json::from_str::<Value>(&line) else {
            panic!("it does not start: {line} {}", fs::read_to_string(self.path().join("engine.log")).unwrap())
        };
        let url = said["url"].as_str().expect("an address").to_owned();
        Served { place: self, process, url, token: None }
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served<'_> {
    /// As `kill -9` does.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// By SIGTERM; how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A command that speaks to this engine.
    pub fn pelton(&self, args: &[&str]) -> Said {
        let mut command = self.place.command(args);
        command.env("PELTON_ENGINE", &self.url);
        if let Some(token) = &self.token {
            command.env("PELTON_TOKEN", token);
        }
        command.output().unwrap().into()
    }

    /// The same, with JSON on standard output.
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--output", "json"]).collect();
        self.pelton(&args).done().json()
    }

    pub fn job(&self, name: &str) -> Value {
        let answer = self.get(&format!("/v1/jobs/{name}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Waits until a job is in a state, and answers it.
    pub fn until(&self, name: &str, state: &str) -> Value {
        self.until_that(name, state, |job| job["state"] == state)
    }

    pub fn until_that(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let job = self.job(name);
            if is(&job) {
                return job;
            }
            assert!(Instant::now() < until, "{name} is not {what}: {job}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until what a command shows is so, and answers it.
    pub fn until_shown(&self, args: &[&str], is: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.json(args);
            if is(&shown) {
                return shown;
            }
            assert!(Instant::now() < until, "{args:?}: {shown}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    /// A request as it is, without a client that knows better.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {address}\r\n");
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        if let Some(token) = self.token.as_ref().filter(|_| !headers.iter().any(|(name, _)| *name == "Authorization")) {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // An engine that has heard enough closes before it has all.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, body: bytes[end + 4..].to_vec() }
    }
}
