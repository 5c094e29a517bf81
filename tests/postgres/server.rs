//! A PostgreSQL server of a test's own: a cluster in a temporary folder, reached by a socket there, ended by its process id.
//!
//! It does not run as root, so a test that does gives it to `nobody`. Its programs are the system's or are unpacked by `tests/debian.sh`;
//! where neither can be had the tests fail, and `PELTON_POSTGRES=none` leaves them out.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const NOBODY: u32 = 65_534;

pub struct Server {
    folder: TempDir,
    programs: Programs,
    process: Option<Child>,
    /// Of TCP; 0: it listens at its socket alone.
    port: u16,
    settings: Vec<String>,
}

#[derive(Clone)]
struct Programs {
    folder: PathBuf,
    /// Of their libraries, where these are not the system's.
    libraries: Option<PathBuf>,
}

impl Programs {
    /// None: these tests are to be left out.
    fn find() -> Option<Self> {
        static FOUND: OnceLock<Option<Programs>> = OnceLock::new();
        FOUND.get_or_init(Self::install).clone()
    }

    fn install() -> Option<Self> {
        if env::var_os("PELTON_POSTGRES").is_some_and(|value| value == "none") {
            eprintln!("left out by PELTON_POSTGRES=none");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian.sh");
        let programs = ["postgresql", "initdb", "postgres", "psql"];
        let output = Command::new(script).args(programs).stderr(Stdio::inherit()).output().unwrap();
        assert!(
            output.status.success(),
            "PostgreSQL is missing, as said above; PELTON_POSTGRES=none leaves its tests out"
        );
        let said = String::from_utf8(output.stdout).unwrap();
        let mut lines = said.lines().map(PathBuf::from);
        let folder = lines.next().expect("the script names a folder");
        Some(Self { folder, libraries: lines.next().filter(|libraries| !libraries.as_os_str().is_empty()) })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(program));
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

impl Server {
    /// None: these tests are to be left out.
    pub fn start() -> Option<Self> {
        let mut server = Self::stopped()?;
        server.begin();
        Some(server)
    }

    /// One that does not run yet.
    pub fn stopped() -> Option<Self> {
        let programs = Programs::find()?;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let server = Self { folder, programs, process: None, port: 0, settings: Vec::new() };
        for part in ["data", "socket"] {
            fs::create_dir(server.path(part)).unwrap();
            server.give(&server.path(part));
        }
        let mut initdb = server.command("initdb");
        initdb.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "--username=pelton", "-D"]);
        let output = initdb.arg(server.path("data")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(server)
    }

    /// A place in the server's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a file the server's own.
    pub fn give(&self, path: &Path) {
        if is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    /// From its next start on it also listens at a port of 127.0.0.1, with these settings.
    pub fn listen(&mut self, settings: &[&str]) -> u16 {
        // Free now; whoever takes it first makes the start fail, which then says so.
        self.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        self.port
    }

    /// Starts, and waits until it answers. What it was killed in the middle of is put in order by itself.
    pub fn begin(&mut self) {
        let ends = Instant::now() + PATIENCE;
        loop {
            let address = if self.port == 0 { "" } else { "127.0.0.1" };
            let mut postgres = self.command("postgres");
            postgres.arg("-D").arg(self.path("data")).arg("-k").arg(self.path("socket"));
            // What the system has in memory outlives a killed process.
            postgres.args(["-c", "fsync=off", "-c", "max_connections=30", "-c"]);
            postgres.arg(format!("listen_addresses={address}"));
            if self.port != 0 {
                postgres.args(["-c", &format!("port={}", self.port)]);
            }
            for setting in &self.settings {
                postgres.args(["-c", setting]);
            }
            let log = fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
            let mut process = postgres.stdout(Stdio::null()).stderr(log).spawn().unwrap();
            while process.try_wait().unwrap().is_none() && Instant::now() < ends {
                if self.psql("SELECT 1").output().unwrap().status.success() {
                    self.process = Some(process);
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
            // Processes of the one before may not have seen yet that it is gone.
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            let _ = process.kill();
            let _ = process.wait();
            assert!(Instant::now() < ends, "it does not start: {log}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// As by `kill -9`, or by a loss of power.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        let port = if self.port == 0 { 5432 } else { self.port };
        format!("postgresql:///postgres?host={}&port={port}&user=pelton", self.path("socket").display())
    }

    /// Carries out SQL; the answer has a line for each row, with `|` between columns.
    pub fn sql(&self, sql: &str) -> String {
        let output = self.psql(sql).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn psql(&self, sql: &str) -> Command {
        let mut psql = self.programs.command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "pelton", "-d", "postgres", "-c", sql]);
        psql.arg("-h").arg(self.path("socket"));
        if self.port != 0 {
            psql.args(["-p", &self.port.to_string()]);
        }
        psql
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.programs.command(program);
        command.current_dir(self.path("data")).env("LC_ALL", "C").env("TZ", "UTC");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // At once, but in good order: its other processes end as well.
            let told = Command::new("kill").args(["-QUIT", &process.id().to_string()]).status();
            if told.is_err() {
                let _ = process.kill();
            }
            let _ = process.wait();
        }
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
