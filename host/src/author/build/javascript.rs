//! TypeScript and JavaScript: types checked, bundled with the SDK into one module, and that in QuickJS as a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{sdk, source_map, work};
use crate::author::{AuthorError, Kind, Language, Project, tools::Tools};

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let work = work(project)?;
    let source = project.source.display();
    let npm = tools.typescript()?;
    let bin = npm.join("node_modules/.bin");
    if project.language == Language::TypeScript {
        let mut command = Command::new(bin.join("tsc"));
        command.current_dir(&project.dir).args(["--noEmit", "--project", "tsconfig.json"]);
        tools.run(&format!("check the types of {source}"), &mut command)?;
    }
    let app = work.join("app.ts");
    let author = project.dir.join(&project.source);
    // The shims come first: what the author's module does when it is loaded may need them.
    // Keyed operators alone have the import `state`.
    let (import, state) = match project.kind {
        Kind::Keyed => ("import state from \"pelton:operator/state@0.1.0\";\n", ", state"),
        Kind::Transform | Kind::Aggregate | Kind::Cogroup => ("", ""),
    };
    let besides = match project.kind {
        Kind::Transform => "export const tables = { load: transform.load };\n",
        Kind::Aggregate => "export const retractable = { retract: aggregate.retract };\n",
        Kind::Keyed => "export const migrate = { migrate: keyed.migrate };\n",
        Kind::Cogroup => "",
    };
    let text = format!(
        "import \"pelton-guest/shims\";\n{import}import * as author from {};\nimport {{ component }} from \"pelton-guest/component\";\n\nexport const {kind} = component(author, \"{kind}\"{state});\n{besides}",
        serde_json::Value::from(author.display().to_string()),
        kind = project.kind
    );
    fs::write(&app, text).map_err(AuthorError::io(format!("write {}", app.display())))?;
    let bundle = work.join("bundle.js");
    let sdk = sdk(&project.dir);
    let mut command = Command::new(bin.join("esbuild"));
    command.current_dir(&project.dir).arg(&app).args([
        "--bundle",
        "--format=esm",
        "--target=es2022",
        "--sourcemap=external",
        "--sources-content=false",
        "--log-level=warning",
        "--external:pelton:operator/*",
    ]);
    command.arg(format!("--alias:pelton-guest={}", sdk.join("js/src").display()));
    command.arg(format!("--outfile={}", bundle.display()));
    tools.run(&format!("bundle {source}"), &mut command)?;
    append_map(&bundle)?;
    let component = work.join("component.wasm");
    let mut command = Command::new(bin.join("componentize-qjs"));
    command.arg("--wit").arg(sdk.join("wit")).arg("--js").arg(&bundle);
    command.args(["-n", project.kind.world(), "--sync", "--stub-wasi", "-o"]).arg(&component);
    tools.run(&format!("compile {source}"), &mut command)?;
    Ok(component)
}

/// Appends to the bundle where its lines came from, as a text: so that a stack can name lines of the author's sources.
fn append_map(bundle: &Path) -> Result<(), AuthorError> {
    let map_path = bundle.with_extension("js.map");
    let read = |path: &Path| fs::read_to_string(path).map_err(AuthorError::io(format!("read {}", path.display())));
    let Some(lines) = source_map::lines(&read(&map_path)?) else { return Ok(()) };
    let text = format!("{}\nglobalThis.peltonLines = {};\n", read(bundle)?, serde_json::Value::from(lines));
    fs::write(bundle, text).map_err(AuthorError::io(format!("write {}", bundle.display())))
}
