//! TypeScript and JavaScript: types checked, bundled with the SDK into one module, and that in QuickJS as a component.
//!
//! Java goes the same way once it is JavaScript.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{sdk, source_map, work};
use crate::author::{AuthorError, Kind, Language, Project, tools::Tools};

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let source = project.source.display();
    let npm = tools.typescript()?;
    if project.language == Language::TypeScript {
        let mut command = Command::new(program(&npm, "tsc"));
        command.current_dir(&project.dir).args(["--noEmit", "--project", "tsconfig.json"]);
        tools.run(&format!("check the types of {source}"), &mut command)?;
    }
    let author = project.dir.join(&project.source);
    // Keyed operators alone have the import `state`.
    let (import, state) = match project.kind {
        Kind::Keyed => (STATE, ", state"),
        Kind::Transform | Kind::Aggregate | Kind::Cogroup | Kind::Enrich => ("", ""),
    };
    let besides = match project.kind {
        Kind::Transform => "export const tables = { load: transform.load };\n",
        Kind::Aggregate => "export const retractable = { retract: aggregate.retract };\n",
        Kind::Keyed => "export const migrate = { migrate: keyed.migrate };\n",
        Kind::Cogroup | Kind::Enrich => "",
    };
    let app = format!(
        "{import}import * as author from {};\nimport {{ component }} from \"pelton-guest/component\";\n\nexport const {kind} = component(author, \"{kind}\"{state});\n{besides}",
        serde_json::Value::from(author.display().to_string()),
        kind = project.kind
    );
    let bundle = bundle(project, tools, &npm, &app)?;
    let lines = source_map::lines(&map(&bundle)?);
    append_lines(&bundle, lines)?;
    componentize(project, tools, &npm, &bundle)
}

/// The import that keyed operators have.
pub(super) const STATE: &str = "import state from \"pelton:operator/state@0.1.0\";\n";

fn program(npm: &Path, name: &str) -> PathBuf {
    npm.join("node_modules/.bin").join(name)
}

/// One module of `app`, which exports what the component does, and all that it imports; beside it a map to the sources' lines.
pub(super) fn bundle(project: &Project, tools: &Tools<'_>, npm: &Path, app: &str) -> Result<PathBuf, AuthorError> {
    let work = work(project)?;
    let entry = work.join("app.ts");
    // The shims come first: what the author's module does when it is loaded may need them.
    let text = format!("import \"pelton-guest/shims\";\n{app}");
    fs::write(&entry, text).map_err(AuthorError::io(format!("write {}", entry.display())))?;
    let bundle = work.join("bundle.js");
    let mut command = Command::new(program(npm, "esbuild"));
    command.current_dir(&project.dir).arg(&entry).args([
        "--bundle",
        "--format=esm",
        "--target=es2022",
        "--sourcemap=external",
        "--sources-content=false",
        "--log-level=warning",
        "--external:pelton:operator/*",
    ]);
    command.arg(format!("--alias:pelton-guest={}", sdk(&project.dir).join("js/src").display()));
    command.arg(format!("--outfile={}", bundle.display()));
    tools.run(&format!("bundle {}", project.source.display()), &mut command)?;
    Ok(bundle)
}

/// The map of a bundle.
pub(super) fn map(bundle: &Path) -> Result<String, AuthorError> {
    read(&bundle.with_extension("js.map"))
}

pub(super) fn read(path: &Path) -> Result<String, AuthorError> {
    fs::read_to_string(path).map_err(AuthorError::io(format!("read {}", path.display())))
}

/// Appends to the bundle where its lines came from, as a text: so that a stack can name lines of the author's sources.
pub(super) fn append_lines(bundle: &Path, lines: Option<String>) -> Result<(), AuthorError> {
    let Some(lines) = lines else { return Ok(()) };
    let text = format!("{}\nglobalThis.peltonLines = {};\n", read(bundle)?, serde_json::Value::from(lines));
    fs::write(bundle, text).map_err(AuthorError::io(format!("write {}", bundle.display())))
}

/// The bundle in QuickJS.
pub(super) fn componentize(
    project: &Project,
    tools: &Tools<'_>,
    npm: &Path,
    bundle: &Path,
) -> Result<PathBuf, AuthorError> {
    let component = work(project)?.join("component.wasm");
    let mut command = Command::new(program(npm, "componentize-qjs"));
    command.arg("--wit").arg(sdk(&project.dir).join("wit")).arg("--js").arg(bundle);
    command.args(["-n", project.kind.world(), "--sync", "--stub-wasi", "-o"]).arg(&component);
    tools.run(&format!("compile {}", project.source.display()), &mut command)?;
    Ok(component)
}
