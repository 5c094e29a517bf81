//! The tools that builds call: found where the machine has them, else installed by name and version into one cache.
//!
//! An installation is made beside its place and then renamed there, so that one that was interrupted is made again. What is
//! installed is never changed: another version has another directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::{AuthorError, Language, error::ToolOutput};

/// What is done, shown as it begins and when it is done.
pub trait Progress {
    fn begin(&self, what: &str);
    /// What a compiler warned of.
    fn warned(&self, warnings: &ToolOutput);
    fn done(&self, what: &str, took: Duration);
}

/// Where tools are installed.
pub struct Tools<'a> {
    pub cache: &'a Path,
    pub progress: &'a dyn Progress,
}

/// Versions that the SDKs were tested with. Newer ones may speak another contract.
const COMPONENTIZE_PY: &str = "0.25.1";
const ZIG: &str = "0.17.1";
const TYPESCRIPT: [(&str, &str); 3] = [("esbuild", "0.28.2"), ("componentize-qjs", "0.4.5"), ("typescript", "7.0.2")];
const ASSEMBLYSCRIPT: [(&str, &str); 1] = [("assemblyscript", "0.28.20")];
const TEAVM: &str = "0.15.0";
/// What of TeaVM a build calls and what modules are made of; the rest follows.
const TEAVM_PARTS: [&str; 5] = ["tooling", "classlib", "jso", "jso-apis", "jso-impl"];
/// Copies artifacts and what they depend on into a directory.
const MAVEN_COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

impl Tools<'_> {
    /// Runs `command`, which does `what`; its output is kept for an error.
    pub fn run(&self, what: &str, command: &mut Command) -> Result<Vec<u8>, AuthorError> {
        self.progress.begin(what);
        let started = Instant::now();
        let output = command.output().map_err(AuthorError::io(what))?;
        if !output.status.success() {
            return Err(AuthorError::Tool {
                what: what.to_owned(),
                output: ToolOutput::new(&output.stdout, &output.stderr),
            });
        }
        if String::from_utf8_lossy(&output.stderr).contains("warning: ") {
            self.progress.warned(&ToolOutput::new(&[], &output.stderr));
        }
        self.progress.done(what, started.elapsed());
        Ok(output.stdout)
    }

    /// The directory of `name`, which `install` fills if it is not there.
    fn installed(
        &self,
        name: &str,
        install: impl FnOnce(&Path) -> Result<(), AuthorError>,
    ) -> Result<PathBuf, AuthorError> {
        let place = self.cache.join(name);
        if place.is_dir() {
            return Ok(place);
        }
        let beside = self.cache.join(format!(".{name}-{}", std::process::id()));
        let failed = || format!("install {name} in {}", self.cache.display());
        fs::create_dir_all(&beside).map_err(AuthorError::io(failed()))?;
        let installed = install(&beside);
        if installed.is_err() || place.is_dir() {
            // Not there, or there twice; what cannot be removed does no harm.
            let _ = fs::remove_dir_all(&beside);
        } else {
            fs::rename(&beside, &place).map_err(AuthorError::io(failed()))?;
        }
        installed.map(|()| place)
    }

    /// A Python with a package from PyPI.
    fn pip(&self, package: &str, version: &str) -> Result<PathBuf, AuthorError> {
        let python = python()?;
        self.installed(&format!("{package}-{version}"), |dir| {
            let mut command = Command::new(&python);
            command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--target"]);
            command.arg(dir).arg(format!("{package}=={version}"));
            self.run(&format!("install {package} {version} from PyPI (once)"), &mut command)?;
            Ok(())
        })
    }

    /// `componentize-py`, ready for arguments.
    pub fn componentize_py(&self) -> Result<Command, AuthorError> {
        let dir = self.pip("componentize-py", COMPONENTIZE_PY)?;
        let mut command = Command::new(python()?);
        command.arg(dir.join("bin/componentize-py")).env("PYTHONPATH", &dir);
        Ok(command)
    }

    /// `zig`, ready for `cc` or `c++`.
    pub fn zig(&self) -> Result<Command, AuthorError> {
        let dir = self.pip("ziglang", ZIG)?;
        let mut command = Command::new(python()?);
        command.args(["-m", "ziglang"]).env("PYTHONPATH", &dir);
        command.env("ZIG_GLOBAL_CACHE_DIR", self.cache.join("zig-cache"));
        Ok(command)
    }

    /// Whether zig has made the libraries of `language` before.
    pub fn has_zig_libraries(&self, language: Language) -> bool {
        self.zig_libraries(language).exists()
    }

    pub fn note_zig_libraries(&self, language: Language) -> Result<(), AuthorError> {
        let note = self.zig_libraries(language);
        fs::write(&note, "").map_err(AuthorError::io(format!("write {}", note.display())))
    }

    fn zig_libraries(&self, language: Language) -> PathBuf {
        self.cache.join("zig-cache").join(format!("has-{language}"))
    }

    /// The directory of the tools for TypeScript and JavaScript, with `node_modules/.bin` in it.
    pub fn typescript(&self) -> Result<PathBuf, AuthorError> {
        self.npm(&TYPESCRIPT)
    }

    /// The same for AssemblyScript.
    pub fn assemblyscript(&self) -> Result<PathBuf, AuthorError> {
        self.npm(&ASSEMBLYSCRIPT)
    }

    /// A directory with packages from npm.
    fn npm(&self, packages: &[(&str, &str)]) -> Result<PathBuf, AuthorError> {
        const HELP: &str = "install Node.js 20 or newer with npm (Debian: `apt install nodejs npm`)";
        const WHAT: &str = "builds modules in TypeScript, JavaScript, AssemblyScript and Java";
        found("node", WHAT, HELP)?;
        let npm = found("npm", WHAT, HELP)?;
        let named =
            |join: &str| packages.iter().map(|(name, version)| format!("{name}{join}{version}")).collect::<Vec<_>>();
        self.installed(&named("-").join("-"), |dir| {
            let mut command = Command::new(npm);
            command.args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"]).arg(dir).args(named("@"));
            let names: Vec<&str> = packages.iter().map(|(name, _)| *name).collect();
            self.run(&format!("install {} from npm (once)", names.join(", ")), &mut command)?;
            Ok(())
        })
    }

    /// `java`, with TeaVM on its path, ready for a source and arguments.
    pub fn java(&self) -> Result<Command, AuthorError> {
        const HELP: &str = "install a JDK, 17 or newer, and Maven (Debian: `apt install default-jdk-headless maven`)";
        const WHAT: &str = "builds modules in Java";
        let java = found("javac", WHAT, HELP)?.with_file_name("java");
        let teavm = self.installed(&format!("teavm-{TEAVM}"), |dir| {
            let maven = found("mvn", WHAT, HELP)?;
            let pom = dir.join("pom.xml");
            let parts = TEAVM_PARTS.map(|part| format!("<dependency><groupId>org.teavm</groupId><artifactId>teavm-{part}</artifactId><version>{TEAVM}</version></dependency>"));
            let text = format!("<project><modelVersion>4.0.0</modelVersion><groupId>pelton</groupId><artifactId>teavm</artifactId><version>1</version><dependencies>{}</dependencies></project>", parts.concat());
            fs::write(&pom, text).map_err(AuthorError::io(format!("write {}", pom.display())))?;
            let mut command = Command::new(maven);
            command.args(["--batch-mode", "--quiet", "--file"]).arg(&pom).arg(MAVEN_COPY);
            command.arg(format!("-DoutputDirectory={}", dir.display()));
            self.run(&format!("install TeaVM {TEAVM} from Maven Central (once)"), &mut command)?;
            Ok(())
        })?;
        let mut command = Command::new(java);
        // A build is over before what these leave out would pay.
        command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]).arg(teavm.join("*"));
        Ok(command)
    }

    pub fn go(&self) -> Result<Command, AuthorError> {
        let help = "install Go 1.24 or newer (https://go.dev/dl)";
        Ok(Command::new(found("go", "builds modules in Go", help)?))
    }

    /// `cargo`, with the wasm target installed.
    pub fn cargo(&self) -> Result<Command, AuthorError> {
        const HELP: &str = "install Rust 1.95 or newer (https://rustup.rs)";
        let cargo = found("cargo", "builds modules in Rust", HELP)?;
        if let Ok(rustup) = found("rustup", "installs Rust's targets", HELP) {
            let mut list = Command::new(&rustup);
            let listed = list.args(["target", "list", "--installed"]).output();
            let is_there = listed.is_ok_and(|list| String::from_utf8_lossy(&list.stdout).contains(RUST_TARGET));
            if !is_there {
                let mut add = Command::new(rustup);
                self.run(
                    &format!("install Rust's target {RUST_TARGET} (once)"),
                    add.args(["target", "add", RUST_TARGET]),
                )?;
            }
        }
        Ok(Command::new(cargo))
    }
}

/// What modules in Rust are compiled for.
pub const RUST_TARGET: &str = "wasm32-unknown-unknown";

fn python() -> Result<PathBuf, AuthorError> {
    let help = "install Python 3.11 or newer with pip (Debian: `apt install python3-pip`)";
    found("python3", "builds modules in Python, C, C++ and Zig", help)
}

/// A program on the path.
fn found(tool: &'static str, what: &'static str, help: &'static str) -> Result<PathBuf, AuthorError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path).map(|dir| dir.join(tool));
    candidates.into_iter().find(|file| file.is_file()).ok_or(AuthorError::ToolMissing { tool, what, help })
}
