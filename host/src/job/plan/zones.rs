//! Time zones of columns that modules make: a module knows none of them, so the host looks.

use arrow::datatypes::{DataType, Schema};
use pelton_core::job::{OperatorSpec, operator_of};

use super::build::Builder;
use crate::{error::Code, job::diagnostic::shown, source::file::is_zone};

impl Builder<'_> {
    /// Reports columns in zones that nobody knows, but for those that an operator was given.
    pub(super) fn check_zones(&mut self, spec: &OperatorSpec, given: &Schema, made: &Schema) {
        let place = format!("operator.{}", operator_of(&spec.name));
        for field in made.fields() {
            let DataType::Timestamp(_, Some(zone)) = field.data_type() else { continue };
            if is_zone(zone) || given.fields().iter().any(|other| other.data_type() == field.data_type()) {
                continue;
            }
            let (zone, column) = (shown(zone), shown(field.name()));
            let message = format!("operator `{}`: there is no time zone `{zone}` (column `{column}`)", spec.name);
            let has_options =
                spec.modules.iter().any(|module| module.options.as_object().is_some_and(|all| !all.is_empty()));
            let (key, label) = if has_options { ("options", "these options") } else { ("module", "this module") };
            let help = "name a zone of the IANA database, such as `Europe/Paris`".to_owned();
            self.mistakes.push(&format!("{place}.{key}"), Code::ColumnMismatch, message, label, Some(help));
        }
    }
}
