//! What a shadow has shown, for people.

use indicatif::HumanCount;

use super::terminal::counted;
use crate::job::run::Comparison;

/// A few lines, the verdict first.
pub(super) fn to_text(comparison: &Comparison) -> String {
    let Comparison { operator, epochs, epochs_skipped, rows_same, rows_gone, rows_new, .. } = comparison;
    let verdict = match comparison.is_same() {
        true => "same rows".to_owned(),
        false => format!(
            "{} differ: {} only in the operator, {} only in the shadow",
            counted(rows_gone + rows_new, "row"),
            HumanCount(*rows_gone),
            HumanCount(*rows_new)
        ),
    };
    let mut text = format!(
        "  shadow of {operator}: {verdict}; {} the same in {}",
        HumanCount(*rows_same),
        counted(*epochs, "epoch")
    );
    if *epochs_skipped > 0 {
        text.push_str(&format!(" ({} not compared)", HumanCount(*epochs_skipped)));
    }
    let (main, shadow) = (&comparison.main, &comparison.shadow);
    text.push_str(&format!(
        "\n    time {:.3} s beside {:.3} s, rejected {} beside {}",
        shadow.seconds,
        main.seconds,
        HumanCount(shadow.rejected),
        HumanCount(main.rejected)
    ));
    for example in &comparison.examples {
        let sign = if example.is_new { '+' } else { '-' };
        text.push_str(&format!("\n    {sign} epoch {} {}: {}", example.epoch, example.port, example.row));
    }
    if let Some(failure) = &comparison.failure {
        text.push_str(&format!("\n    it failed {failure}, and was left out from then on"));
    }
    text
}
