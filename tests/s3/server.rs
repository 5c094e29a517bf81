//! A real MinIO on loopback, started by `minio.sh`, with one bucket; and the environment that leads to it.
//!
//! Ended with the test. `kill` ends it as `kill -9` does, and `start` begins it again over the same data.

use std::{
    cell::RefCell,
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub const BUCKET: &str = "pelton-tests";
const USER: &str = "pelton-tests";

pub struct Server {
    folder: TempDir,
    port: u16,
    process: RefCell<Option<Child>>,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A folder of its data is a bucket.
        fs::create_dir_all(folder.path().join("data").join(BUCKET)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port, process: RefCell::new(None) };
        server.begin();
        server
    }

    pub fn begin(&self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let process = Command::new(script())
            .args(["start", &self.folder.path().join("data").display().to_string(), &self.port.to_string()])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.process.borrow_mut() = Some(process);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "MinIO does not answer: {}", fs::read_to_string(self.log()).unwrap());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn kill(&self) {
        if let Some(mut process) = self.process.borrow_mut().take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port).as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", USER),
            ("AWS_SECRET_ACCESS_KEY", USER),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("s3/minio.sh")
}
