//! What a shadow or a canary has shown, for people.

use indicatif::HumanCount;

use super::terminal::counted;
use crate::job::run::{Comparison, Cost};

/// A few lines, the verdict first.
pub(super) fn to_text(comparison: &Comparison) -> String {
    if let Some(share) = &comparison.share {
        return canary(comparison, share);
    }
    let Comparison { operator, epochs, epochs_skipped, rows_same, rows_gone, rows_new, .. } = comparison;
    let verdict = match comparison.is_same() {
        true => "same rows".to_owned(),
        false => format!(
            "{} differ{}: {} only in the operator, {} only in the shadow",
            counted(rows_gone + rows_new, "row"),
            if rows_gone + rows_new == 1 { "s" } else { "" },
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

/// A canary has other rows than the operator: what it does is shown beside it, for each row.
fn canary(comparison: &Comparison, share: &str) -> String {
    let Comparison { operator, epochs, main, shadow, .. } = comparison;
    let line = |name: &str, cost: &Cost| {
        let for_each = |of: f64, unit: f64| if cost.rows_in == 0 { 0.0 } else { of * unit / cost.rows_in as f64 };
        format!(
            "\n    {name:8} {} in, {} out, {:.2} % rejected, {:.0} ns a row",
            counted(cost.rows_in, "row"),
            HumanCount(cost.rows_out),
            for_each(cost.rejected as f64, 100.0),
            for_each(cost.seconds, 1e9)
        )
    };
    let head = format!("  canary of {operator}: {share}, for {}", counted(*epochs, "epoch"));
    head + &line("canary", shadow) + &line("operator", main)
}
