//! The tools of a module's author: a new project, its build in any language, its golden cases, and the laws.
//!
//! ```text
//! template ─► project ─► build (embedded SDK, tools of the language, stamp) ─► NAME.wasm ─► golden | laws
//! ```
//!
//! Called by `cli` alone. Toolchains come by name from their ordinary registries into one cache; the SDKs and the contract
//! come from this binary. What a tool wrote is shown when it fails.

pub mod build;
pub mod embedded;
pub mod error;
pub mod golden;
pub mod kind;
pub mod language;
pub mod laws;
pub mod project;
mod replies;
pub mod template;
pub mod tools;

pub use self::{error::AuthorError, kind::Kind, language::Language, project::Project};
