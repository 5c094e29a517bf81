//! The sources: what stands in the job file, and whoever sends what cannot be read again.

use std::{
    fs,
    io::Write,
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdin},
    thread,
    time::{Duration, Instant},
};

use super::{
    ROWS,
    clients::post,
    place::{PATIENCE, Place},
};

/// Files of a source of files, each of which is an epoch.
pub const FILES: u64 = 24;
/// Rows that are sent together.
const CHUNK: u64 = 20;
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    File,
    Packed,
    Parquet,
    Tail,
    Generator,
    Http,
    Socket,
    Stdin,
}

impl Source {
    pub const ALL: [Self; 8] =
        [Self::File, Self::Packed, Self::Parquet, Self::Tail, Self::Generator, Self::Http, Self::Socket, Self::Stdin];

    /// As the page calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "`file`, text",
            Self::Packed => "`file`, compressed text",
            Self::Parquet => "`file`, Parquet",
            Self::Tail => "`file` with `tail`",
            Self::Generator => "`generator`",
            Self::Http => "`http`",
            Self::Socket => "`socket`",
            Self::Stdin => "`stdin`",
        }
    }

    /// It ends by itself.
    pub fn ends(self) -> bool {
        !matches!(self, Self::Tail | Self::Http | Self::Socket)
    }

    /// Somebody sends rows while the job runs.
    pub fn is_fed(self) -> bool {
        matches!(self, Self::Tail | Self::Http | Self::Socket | Self::Stdin)
    }

    /// What of its rows must be there, whatever happens.
    pub fn promise(self) -> Promise {
        match self {
            Self::Http => Promise::Answered,
            Self::Socket | Self::Stdin => Promise::Logged,
            _ => Promise::All,
        }
    }

    pub fn toml(self, address: SocketAddr) -> String {
        let schema = "schema = { n = \"s64\", word = \"utf8\" }\n";
        let columns = "[source.in.columns]\nn = { sequence = { start = 1 } }\nword = { choice = [\"word\"] }\n";
        let what = match self {
            Self::File => format!("type = \"file\"\npath = \"in/*.csv\"\n{schema}"),
            Self::Packed => format!("type = \"file\"\npath = \"in/*.csv.gz\"\n{schema}"),
            Self::Parquet => "type = \"file\"\npath = \"in/*.parquet\"\n".to_owned(),
            Self::Tail => format!("type = \"file\"\npath = \"grows/*.csv\"\ntail = true\nwatch = \"5ms\"\n{schema}"),
            Self::Generator => format!("type = \"generator\"\nrows = {ROWS}\nrate = 10000\n{columns}"),
            Self::Http => format!("type = \"http\"\nlisten = \"{address}\"\nformat = \"csv\"\n{schema}"),
            Self::Socket => format!("type = \"socket\"\nlisten = \"{address}\"\nformat = \"csv\"\n{schema}"),
            Self::Stdin => format!("type = \"stdin\"\nformat = \"csv\"\n{schema}"),
        };
        format!("[source.in]\n{what}")
    }

    /// What lies there before the job begins.
    pub fn prepare(self, place: &Place) {
        let folder = place.path().join(if self == Self::Tail { "grows" } else { "in" });
        fs::create_dir(&folder).unwrap();
        match self {
            Self::File => write_files(&folder),
            Self::Packed => write_as(place, "format = \"csv\"\ncompression = \"gzip\""),
            Self::Parquet => write_as(place, "format = \"parquet\""),
            Self::Tail => drop(fs::File::create(folder.join("log.csv")).unwrap()),
            _ => {}
        }
    }
}

/// Which rows must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    All,
    /// Those that were answered for.
    Answered,
    /// Those that were logged; whoever sends does not know which.
    Logged,
}

fn row(number: u64) -> String {
    format!("{number},word\n")
}

fn write_files(folder: &std::path::Path) {
    let of_file = ROWS / FILES;
    for file in 0..FILES {
        let rows: String = (file * of_file + 1..=(file + 1) * of_file).map(row).collect();
        fs::write(folder.join(format!("{file:02}.csv")), rows).unwrap();
    }
}

/// The same rows in another format, as many files, written by a job.
fn write_as(place: &Place, format: &str) {
    let (plain, job) = (place.path().join("plain"), place.path().join("job.toml"));
    let wanted = fs::read_to_string(&job).unwrap();
    fs::create_dir(&plain).unwrap();
    write_files(&plain);
    fs::remove_dir(place.path().join("in")).unwrap();
    let first = format!(
        "name = \"first\"\ncheckpoint = \"first\"\nbatch = {{ max-bytes = 1 }}\n[source.in]\ntype = \"file\"\npath = \"plain/*.csv\"\n\
         schema = {{ n = \"s64\", word = \"utf8\" }}\n[sink.out]\ntype = \"file\"\ninput = \"in\"\npath = \"in\"\nroll-bytes = \"1B\"\n{format}\n"
    );
    fs::write(&job, first).unwrap();
    let status = place.run(None).end(PATIENCE).expect("it ends");
    assert!(status.success(), "{}", place.log());
    fs::write(&job, wanted).unwrap();
}

/// Sends rows in their order, to one process after another.
pub struct Feeder {
    source: Source,
    address: SocketAddr,
    /// Number of the next row.
    pub next: u64,
    /// Rows of which nobody was told that they are safe, when a process ended.
    pub unsure: Vec<u64>,
    stdin: Option<ChildStdin>,
    stream: Option<TcpStream>,
    /// The process listens.
    is_reached: bool,
}

impl Feeder {
    pub fn new(source: Source, address: SocketAddr) -> Self {
        Self { source, address, next: 1, unsure: Vec::new(), stdin: None, stream: None, is_reached: false }
    }

    /// A new process is there.
    pub fn connect(&mut self, process: &mut Child) {
        self.stdin = process.stdin.take();
        (self.stream, self.is_reached) = (None, false);
    }

    /// Sends rows before number `end`, as long as the process lives.
    pub fn feed(&mut self, place: &Place, process: &mut Child, end: u64) {
        if !self.source.is_fed() {
            return;
        }
        while self.next < end && process.try_wait().unwrap().is_none() {
            let rows: Vec<u64> = (self.next..(self.next + CHUNK).min(end)).collect();
            let text: String = rows.iter().copied().map(row).collect();
            let is_sent = match self.source {
                Source::Tail => {
                    let log = fs::File::options().append(true).open(place.path().join("grows/log.csv"));
                    log.unwrap().write_all(text.as_bytes()).unwrap();
                    true
                }
                Source::Http if !self.is_reached => {
                    self.is_reached = TcpStream::connect(self.address).is_ok();
                    thread::sleep(PAUSE);
                    continue;
                }
                Source::Http => match post(self.address, &text) {
                    200 => true,
                    // Nothing was taken.
                    503 => continue,
                    _ => {
                        self.unsure.extend(&rows);
                        false
                    }
                },
                Source::Stdin => self.stdin.as_mut().is_some_and(|stdin| stdin.write_all(text.as_bytes()).is_ok()),
                _ => match self.stream() {
                    None => continue,
                    Some(stream) => stream.write_all(text.as_bytes()).is_ok(),
                },
            };
            self.next += rows.len() as u64;
            if !is_sent {
                break;
            }
            thread::sleep(PAUSE);
        }
    }

    /// The process has ended, and these rows were visible then: what was sent after them may be in no log.
    pub fn cut_off(&mut self, visible: &[u64]) {
        if self.source.promise() == Promise::Logged {
            let last = visible.iter().copied().max().unwrap_or(0);
            self.unsure.extend(last + 1..self.next);
        }
        (self.stdin, self.stream) = (None, None);
    }

    /// No row comes any more.
    pub fn end(&mut self) {
        (self.stdin, self.stream) = (None, None);
    }

    fn stream(&mut self) -> Option<&mut TcpStream> {
        if self.stream.is_none() {
            self.stream = TcpStream::connect(self.address).ok();
            if self.stream.is_none() {
                thread::sleep(PAUSE);
            }
        }
        self.stream.as_mut()
    }
}

/// Waits until something is so, or the process has ended.
pub fn until(process: &mut Child, mut is_so: impl FnMut() -> bool) -> bool {
    let ends = Instant::now() + PATIENCE;
    while Instant::now() < ends && process.try_wait().unwrap().is_none() {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}
