//! Python by componentize-py: the interpreter, the SDK and the author's modules in one component, already imported.

use std::{fs, path::PathBuf};

use super::{sdk, work};
use crate::author::{AuthorError, Kind, Project, tools::Tools};

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let work = work(project)?;
    let source = project.source.display();
    let stem = project.source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // componentize-py finds what a component exports by the name of its class.
    let class = match project.kind {
        Kind::Transform => "Transform",
        Kind::Aggregate => "Aggregate",
        Kind::Keyed => "Keyed",
        Kind::Cogroup => "Cogroup",
        Kind::Enrich => "Enrich",
    };
    let besides = match project.kind {
        Kind::Transform => "Tables = Transform\n",
        Kind::Aggregate => "Retractable = Aggregate\n",
        Kind::Keyed => "Migrate = Keyed\n",
        Kind::Cogroup | Kind::Enrich => "",
    };
    let app = format!(
        "import {stem} as author\nfrom pelton_guest._component import export\n\n{class} = export(author, \"{}\")\n{besides}",
        project.kind
    );
    let app_path = work.join("pelton_app.py");
    fs::write(&app_path, app).map_err(AuthorError::io(format!("write {}", app_path.display())))?;
    let component = work.join("component.wasm");
    let sdk = sdk(&project.dir);
    let sources = project.source.parent().map(|parent| project.dir.join(parent)).unwrap_or_else(|| project.dir.clone());
    let mut command = tools.componentize_py()?;
    // What is wrong with a module is in its own traceback; one of the tool would bury it.
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command.arg("--quiet").arg("-d").arg(sdk.join("wit")).args([
        "-w",
        project.kind.world(),
        "componentize",
        "--stub-wasi",
    ]);
    command.arg("-p").arg(&work).arg("-p").arg(sources).arg("-p").arg(sdk.join("python"));
    command.args(["pelton_app", "-o"]).arg(&component);
    tools.run(&format!("compile {source}"), &mut command)?;
    Ok(component)
}
