//! Settings of the person or machine, as opposed to those of a job: threads, cache, log, colour, output, the engine.
//!
//! Each comes from the first of: a flag, a variable `PELTON_…`, `pelton.toml` in the current directory, `pelton.toml` in
//! the user's configuration directory, its default. `pelton config` shows which one it was. Files and variables are
//! read by the job file's reader, so that mistakes in them look alike.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde_json::{Value as Json, json};
use tracing_subscriber::EnvFilter;

use crate::{
    error::Code,
    job::{
        diagnostic::{Diagnostic, Diagnostics, Sources},
        file::{
            keys::{Key, Keys, Need, Shape},
            reader::{Reader, Report},
            syntax,
            tree::{Entry, Kind, Table, Value},
        },
    },
};

/// Whether output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// For whom output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputMode {
    #[default]
    Text,
    Json,
}

macro_rules! words {
    ($type:ty, $($word:literal => $variant:ident),*) => {
        impl $type {
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("expected one of {}", Self::WORDS.join(", "))),
                }
            }
        }
    };
}

words!(ColorChoice, "auto" => Auto, "always" => Always, "never" => Never);
words!(OutputMode, "text" => Text, "json" => Json);

static CONFIG: Keys = Keys {
    title: "`pelton.toml`",
    about: "",
    keys: &[
        Key {
            name: "threads",
            shape: Shape::Integer { min: 1, max: 1024 },
            need: Need::Optional("one for each core"),
            about: "Compute threads of jobs that do not say how many",
        },
        Key {
            name: "cache-dir",
            shape: Shape::Text,
            need: Need::Optional("`pelton` in the user's cache directory"),
            about: "Where compiled modules are kept",
        },
        Key {
            name: "log",
            shape: Shape::Text,
            need: Need::Default("\"warn\""),
            about: "What is logged, as in \"info\" or \"pelton=debug\"",
        },
        Key {
            name: "color",
            shape: Shape::Choice(ColorChoice::WORDS),
            need: Need::Default("\"auto\""),
            about: "Whether output is coloured",
        },
        Key {
            name: "output",
            shape: Shape::Choice(OutputMode::WORDS),
            need: Need::Default("\"text\""),
            about: "Output for people or for machines",
        },
        Key {
            name: "engine",
            shape: Shape::Text,
            need: Need::Default("\"http://127.0.0.1:7117\""),
            about: "The engine that commands speak to",
        },
        Key {
            name: "engine-ca",
            shape: Shape::Text,
            need: Need::Optional("those that browsers know"),
            about: "Certificates (PEM) of the authorities that vouch for an engine that speaks TLS",
        },
        Key { name: "token", shape: Shape::Text, need: Need::Optional("none"), about: "What the engine knows you by" },
        Key {
            name: "data-dir",
            shape: Shape::Text,
            need: Need::Optional("`pelton` in the user's data directory"),
            about: "Where an engine on this machine keeps its jobs and modules",
        },
    ],
};

/// Flags of the command line; none: not given.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub threads: Option<usize>,
    pub cache_dir: Option<PathBuf>,
    pub log: Option<String>,
    pub color: Option<ColorChoice>,
    pub output: Option<OutputMode>,
    pub engine: Option<String>,
    pub engine_ca: Option<PathBuf>,
    pub token: Option<String>,
    pub data_dir: Option<PathBuf>,
}

/// Where an engine listens that was not told where.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7117";

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag,
    /// The variable's name.
    Variable(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

/// All settings, each with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// None: one for each core.
    pub threads: Setting<Option<usize>>,
    /// None: compiled modules are not kept, since there is no place that is the user's own.
    pub cache_dir: Setting<Option<PathBuf>>,
    pub log: Setting<String>,
    pub color: Setting<ColorChoice>,
    pub output: Setting<OutputMode>,
    /// The URL of an engine.
    pub engine: Setting<String>,
    /// None: the authorities that browsers know.
    pub engine_ca: Setting<Option<PathBuf>>,
    /// A secret: it is never shown.
    pub token: Setting<Option<String>>,
    /// None: there is no place that is the user's own.
    pub data_dir: Setting<Option<PathBuf>>,
}

/// What settings are read from, so that tests need neither the process's environment nor a home.
pub struct Surroundings<'a> {
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub current_dir: PathBuf,
}

impl Config {
    /// Reads variables and files of this process.
    pub fn load(flags: Flags) -> Result<Self, Diagnostics> {
        let current_dir = std::env::current_dir().unwrap_or_default();
        Self::load_from(flags, &Surroundings { variable: &|name| std::env::var(name).ok(), current_dir })
    }

    pub fn load_from(flags: Flags, surroundings: &Surroundings<'_>) -> Result<Self, Diagnostics> {
        let mut sources = Sources::new("the settings", "");
        let layers = layers(surroundings, &mut sources)?;
        let report = Report::new(&sources);
        let read: Vec<_> = layers.iter().map(|layer| layer.read(&report)).collect();
        let mut mistakes = report.into_list();
        if !mistakes.is_empty() {
            mistakes.iter_mut().for_each(|mistake| mistake.code = Code::BadConfig);
            return Err(Diagnostics::new(sources, mistakes));
        }
        let flags = (Origin::Flag, flags);
        let given: Vec<_> = std::iter::once(flags).chain(read).collect();
        let cache = user_dir(surroundings, "XDG_CACHE_HOME", ".cache");
        let data = user_dir(surroundings, "XDG_DATA_HOME", ".local/share");
        Ok(Self {
            threads: pick(&given, |flags| flags.threads.map(Some), None),
            cache_dir: pick(&given, |flags| flags.cache_dir.clone().map(Some), cache),
            log: pick(&given, |flags| flags.log.clone(), "warn".to_owned()),
            color: pick(&given, |flags| flags.color, ColorChoice::default()),
            output: pick(&given, |flags| flags.output, OutputMode::default()),
            engine: pick(&given, |flags| flags.engine.clone(), format!("http://{LISTEN_DEFAULT}")),
            engine_ca: pick(&given, |flags| flags.engine_ca.clone().map(Some), None),
            token: pick(&given, |flags| flags.token.clone().map(Some), None),
            data_dir: pick(&given, |flags| flags.data_dir.clone().map(Some), data),
        })
    }

    /// Compute threads of a job: a flag or a variable is stronger than the job, the job stronger than a file.
    pub fn threads_for(&self, job: Option<usize>) -> usize {
        let chosen = match self.threads.origin {
            Origin::Flag | Origin::Variable(_) => self.threads.value.or(job),
            Origin::File(_) | Origin::Default => job.or(self.threads.value),
        };
        chosen.unwrap_or_else(cores)
    }

    fn shown_token(&self) -> &'static str {
        if self.token.value.is_some() { "(set)" } else { "(none)" }
    }

    /// (setting, value, origin) for `pelton config`.
    pub fn rows(&self) -> Vec<[String; 3]> {
        let threads = self
            .threads
            .value
            .map_or_else(|| format!("{} (one for each core)", cores()), |threads| threads.to_string());
        let row = |name: &str, value: String, origin: &Origin| [name.to_owned(), value, origin.to_string()];
        vec![
            row("threads", threads, &self.threads.origin),
            row("cache-dir", shown_path(&self.cache_dir), &self.cache_dir.origin),
            row("log", self.log.value.clone(), &self.log.origin),
            row("color", self.color.value.word().to_owned(), &self.color.origin),
            row("output", self.output.value.word().to_owned(), &self.output.origin),
            row("engine", self.engine.value.clone(), &self.engine.origin),
            row("engine-ca", shown_path(&self.engine_ca), &self.engine_ca.origin),
            row("token", self.shown_token().to_owned(), &self.token.origin),
            row("data-dir", shown_path(&self.data_dir), &self.data_dir.origin),
        ]
    }

    /// `{setting: {value, origin}}`
    pub fn to_json(&self) -> Json {
        let cache = self.cache_dir.value.as_ref().map(|dir| dir.display().to_string());
        let data = self.data_dir.value.as_ref().map(|dir| dir.display().to_string());
        let authorities = self.engine_ca.value.as_ref().map(|file| file.display().to_string());
        json!({
            "threads": { "value": self.threads.value.unwrap_or_else(cores), "origin": self.threads.origin.to_string() },
            "cache-dir": { "value": cache, "origin": self.cache_dir.origin.to_string() },
            "log": { "value": self.log.value, "origin": self.log.origin.to_string() },
            "color": { "value": self.color.value.word(), "origin": self.color.origin.to_string() },
            "output": { "value": self.output.value.word(), "origin": self.output.origin.to_string() },
            "engine": { "value": self.engine.value, "origin": self.engine.origin.to_string() },
            "engine-ca": { "value": authorities, "origin": self.engine_ca.origin.to_string() },
            "token": { "value": self.shown_token(), "origin": self.token.origin.to_string() },
            "data-dir": { "value": data, "origin": self.data_dir.origin.to_string() },
        })
    }
}

fn shown_path(setting: &Setting<Option<PathBuf>>) -> String {
    setting.value.as_ref().map_or("(none)".to_owned(), |path| path.display().to_string())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The first that is given.
fn pick<T>(given: &[(Origin, Flags)], get: impl Fn(&Flags) -> Option<T>, default: T) -> Setting<T> {
    let found = given.iter().find_map(|(origin, flags)| Some(Setting { value: get(flags)?, origin: origin.clone() }));
    found.unwrap_or(Setting { value: default, origin: Origin::Default })
}

/// Settings of one variable or file.
struct Layer {
    origin: Origin,
    table: Table,
    /// What relative paths are relative to; none: left to the process.
    dir: Option<PathBuf>,
}

impl Layer {
    fn read(&self, report: &Report<'_>) -> (Origin, Flags) {
        let at = Reader::new(report, &self.table, &CONFIG, String::new());
        let log = at.text("log");
        if let Some(error) = log.and_then(|log| EnvFilter::builder().parse(log).err()) {
            let help = "levels are error, warn, info, debug and trace; targets have theirs as in \"warn,pelton=debug\"";
            at.wrong(at.span("log"), format!("`log` is not a filter: {error}"), "not a filter", help);
        }
        let path = |key| {
            at.text(key).map(|path| match &self.dir {
                Some(base) => base.join(path),
                None => PathBuf::from(path),
            })
        };
        let flags = Flags {
            threads: at.integer("threads").and_then(|threads| usize::try_from(threads).ok()),
            cache_dir: path("cache-dir"),
            data_dir: path("data-dir"),
            engine: at.text("engine").map(str::to_owned),
            engine_ca: path("engine-ca"),
            token: at.text("token").map(str::to_owned),
            log: log.map(str::to_owned),
            color: at.choice("color").and_then(|word| word.parse().ok()),
            output: at.choice("output").and_then(|word| word.parse().ok()),
        };
        (self.origin.clone(), flags)
    }
}

/// Variables, then files, the strongest first.
fn layers(surroundings: &Surroundings<'_>, sources: &mut Sources) -> Result<Vec<Layer>, Diagnostics> {
    let mut layers: Vec<Layer> = CONFIG.keys.iter().filter_map(|key| variable(key, surroundings, sources)).collect();
    let user = user_dir(surroundings, "XDG_CONFIG_HOME", ".config");
    for dir in std::iter::once(surroundings.current_dir.clone()).chain(user) {
        layers.extend(file(&dir.join("pelton.toml"), sources)?);
    }
    Ok(layers)
}

fn variable(key: &Key, surroundings: &Surroundings<'_>, sources: &mut Sources) -> Option<Layer> {
    let name = format!("PELTON_{}", key.name.to_uppercase().replace('-', "_"));
    let text = (surroundings.variable)(&name).filter(|text| !text.is_empty())?;
    let base = sources.add(name.clone(), text.as_str());
    let span = base..base + text.len();
    let value = match key.shape {
        Shape::Integer { .. } => Value::parse(&text, base),
        _ => Value { span: span.clone(), kind: Kind::Text(text) },
    };
    let entry = Entry { key: key.name.to_owned(), key_span: span.clone(), value };
    Some(Layer { origin: Origin::Variable(name), table: Table { span, entries: vec![entry] }, dir: None })
}

fn file(path: &Path, sources: &mut Sources) -> Result<Option<Layer>, Diagnostics> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("failed to read {}: {error}", path.display());
            let mistake = Diagnostic::new(Code::BadConfig, message).help("mend the file or remove it");
            return Err(Diagnostics::new(sources.clone(), vec![mistake]));
        }
    };
    let base = sources.add(path.display().to_string(), text.as_str());
    let table = Table::parse(&text, base).map_err(|error| {
        let mistake = Diagnostic { code: Code::BadConfig, ..syntax(&error) };
        Diagnostics::new(sources.clone(), vec![mistake])
    })?;
    let dir = path.parent().map(Path::to_path_buf);
    Ok(Some(Layer { origin: Origin::File(path.to_owned()), table, dir }))
}

/// `pelton` in the directory that a variable names (an absolute one, as the XDG specification asks), or else below
/// the home directory.
fn user_dir(surroundings: &Surroundings<'_>, variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| (surroundings.variable)(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(base.join("pelton"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A current directory, a home, and what their `pelton.toml` hold.
    struct Case {
        dir: tempfile::TempDir,
        variables: Vec<(&'static str, String)>,
    }

    impl Case {
        fn new(here: &str, home: &str) -> Self {
            let dir = tempfile::tempdir().expect("a directory");
            let user = dir.path().join("home/.config/pelton");
            std::fs::create_dir_all(&user).expect("a directory");
            std::fs::write(dir.path().join("pelton.toml"), here).expect("a file");
            std::fs::write(user.join("pelton.toml"), home).expect("a file");
            let home = dir.path().join("home").display().to_string();
            Self { dir, variables: vec![("HOME", home)] }
        }

        fn set(mut self, name: &'static str, value: &str) -> Self {
            self.variables.push((name, value.to_owned()));
            self
        }

        fn load(&self, flags: Flags) -> Result<Config, Diagnostics> {
            let variable =
                |name: &str| self.variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
            Config::load_from(flags, &Surroundings { variable: &variable, current_dir: self.dir.path().to_owned() })
        }
    }

    #[test]
    fn the_strongest_origin_wins_setting_by_setting() {
        let case =
            Case::new("threads = 2\ncolor = \"never\"\ncache-dir = \"cache\"\n", "threads = 3\nlog = \"info\"\n")
                .set("PELTON_COLOR", "always")
                .set("PELTON_THREADS", "");
        let config = case.load(Flags { output: Some(OutputMode::Json), ..Flags::default() }).expect("good settings");
        let here = Origin::File(case.dir.path().join("pelton.toml"));
        let home = Origin::File(case.dir.path().join("home/.config/pelton/pelton.toml"));
        assert_eq!(config.threads, Setting { value: Some(2), origin: here.clone() });
        assert_eq!(config.cache_dir, Setting { value: Some(case.dir.path().join("cache")), origin: here });
        assert_eq!(config.log, Setting { value: "info".into(), origin: home });
        assert_eq!(
            config.color,
            Setting { value: ColorChoice::Always, origin: Origin::Variable("PELTON_COLOR".into()) }
        );
        assert_eq!(config.output, Setting { value: OutputMode::Json, origin: Origin::Flag });
        assert_eq!(config.rows().len(), CONFIG.keys.len(), "every setting is shown");
    }

    #[test]
    fn a_job_is_stronger_than_a_file_and_weaker_than_a_flag() {
        let case = Case::new("threads = 2", "");
        let config = |flags| case.load(flags).expect("good settings");
        assert_eq!(config(Flags::default()).threads_for(Some(5)), 5);
        assert_eq!(config(Flags::default()).threads_for(None), 2);
        assert_eq!(config(Flags { threads: Some(7), ..Flags::default() }).threads_for(Some(5)), 7);
    }

    #[test]
    fn defaults_need_no_file() {
        let none = Surroundings { variable: &|_| None, current_dir: PathBuf::from("/nonexistent") };
        let config = Config::load_from(Flags::default(), &none).expect("good settings");
        assert_eq!(config.cache_dir, Setting { value: None, origin: Origin::Default });
        assert_eq!(config.log.value, "warn");
        let home = Case::new("", "").load(Flags::default()).expect("good settings");
        assert!(home.cache_dir.value.expect("a cache").ends_with("home/.cache/pelton"));
    }

    #[test]
    fn mistakes_in_every_layer_are_shown_at_once() {
        let case = Case::new("thread = 2\n", "color = \"red\"\nlog = \"pelton=loud\"\n").set("PELTON_THREADS", "many");
        let error = case.load(Flags::default()).expect_err("mistakes");
        let messages: Vec<_> = error.list.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages.len(), 4, "{messages:?}");
        assert!(messages[0].contains("`threads` must be a whole number"), "{messages:?}");
        assert!(messages[1].contains("unknown key `thread`"), "{messages:?}");
        assert!(error.list.iter().all(|one| one.code == Code::BadConfig));
    }
}
