//! Java by TeaVM: the author's sources compiled beside what the SDK's processor writes, made JavaScript, and then as that is built.
//!
//! All that is Java's is one run of the JVM, in `guest-sdk/java/build/Build.java`.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::{javascript, sdk, source_map, work};
use crate::author::{AuthorError, Kind, Project, tools::Tools};

/// Where Maven has sources.
const ROOT: &str = "src/main/java";

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let mut command = tools.java()?;
    let npm = tools.typescript()?;
    let source = project.source.display();
    let work = work(project)?;
    let classes = work.join("java");
    fs::create_dir_all(&classes).map_err(AuthorError::io(format!("make {}", classes.display())))?;
    // Run in the project, so that messages name files as the author does.
    command.current_dir(&project.dir).arg(sdk(&project.dir).join("java/build/Build.java")).arg(project.kind.word());
    command.arg(sdk(&project.dir).join("java")).arg(root(&project.source)).arg(&classes);
    tools.run(&format!("translate {source}"), &mut command)?;
    let bundle = javascript::bundle(project, tools, &npm, &app(project.kind))?;
    let mut sources = Sources { beside: work, texts: HashMap::new() };
    let lines = source_map::own_lines(&javascript::map(&bundle)?, &javascript::read(&bundle)?, |source, line| {
        sources.is_own(source, line)
    });
    javascript::append_lines(&bundle, lines)?;
    javascript::componentize(project, tools, &npm, &bundle)
}

/// The directory that packages begin in.
fn root(source: &Path) -> PathBuf {
    if source.starts_with(ROOT) {
        return PathBuf::from(ROOT);
    }
    match source.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What the bundle begins with, for a kind.
fn app(kind: Kind) -> String {
    let (import, state) = match kind {
        Kind::Keyed => (javascript::STATE, ", state"),
        Kind::Transform | Kind::Aggregate | Kind::Cogroup | Kind::Enrich => ("", ""),
    };
    let besides = match kind {
        Kind::Transform => "export const tables = { load: operator.load };\n",
        Kind::Aggregate => "export const retractable = { retract: operator.retract };\n",
        Kind::Keyed => "export const migrate = { migrate: operator.migrate };\n",
        Kind::Cogroup | Kind::Enrich => "",
    };
    format!(
        "{import}import * as classes from \"./java/classes.js\";\nimport {{ module }} from \"pelton-guest/java/module\";\n\nconst operator: any = module(classes{state});\nexport {{ operator as {kind} }};\n{besides}"
    )
}

/// The author's sources, as far as a map's lines were looked up in them.
struct Sources {
    /// Where the map names them from.
    beside: PathBuf,
    texts: HashMap<String, Vec<String>>,
}

impl Sources {
    /// Whether a line is one that an author would look at: not of the SDK or of Java's library, and no record's, whose accessors are part of the
    /// lines that call them once they are inlined.
    fn is_own(&mut self, source: &str, line: usize) -> bool {
        if !source.ends_with(".java") || source.contains("sdk/java/") {
            return false;
        }
        let path = self.beside.join(source);
        let lines = self.texts.entry(source.to_owned()).or_insert_with(|| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        });
        lines.get(line).is_some_and(|text| !text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "record"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_begin_where_maven_has_them_or_beside_the_source() {
        assert_eq!(root(Path::new("src/main/java/shop/ToEuro.java")), Path::new("src/main/java"));
        assert_eq!(root(Path::new("lib/ToEuro.java")), Path::new("lib"));
        assert_eq!(root(Path::new("ToEuro.java")), Path::new("."));
    }
}
