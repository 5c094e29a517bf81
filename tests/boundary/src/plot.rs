//! The plot: for each shape one panel of bars, the candidates in each language, on a logarithmic scale.

use std::fmt::Write;

use crate::batch::Shape;
use crate::buffers::Loop;
use crate::columns::Encoding;
use crate::goals::Measured;
use crate::report::significant;
use crate::suite::{COMPARED, Key, Language, ROWS, Way};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 210.0;
const BAR: f64 = 15.0;

/// One factor of ten, in pixels; the scale begins at a tenth of a nanosecond.
const DECADE: f64 = 115.0;

/// The plot as SVG.
pub fn svg(measured: &Measured) -> String {
    let mut body = String::new();
    let mut top = 62.0;
    for shape in COMPARED {
        top = panel(&mut body, measured, shape, top) + 14.0;
    }
    let mut svg = String::new();
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="16" y="26" font-size="17" font-weight="bold">One call across the boundary, ns a row ({ROWS} rows a call, logarithmic)</text>
"##
    );
    legend(&mut svg);
    svg.push_str(&body);
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String) {
    let rust = Language::Rust;
    let ways = [
        Way::Rows(rust),
        Way::Columns(rust, Encoding::Plain),
        Way::Columns(rust, Encoding::Flat),
        Way::Buffers(rust, Loop::Best),
    ];
    for (way, left) in ways.into_iter().zip([16.0, 190.0, 390.0, 620.0]) {
        let (name, colour) = look(way);
        let _ = writeln!(
            svg,
            r#"<rect x="{left}" y="38" width="12" height="12" fill="{colour}"/><text x="{}" y="48">{name}</text>"#,
            left + 18.0
        );
    }
}

/// Draws one shape from `top` down; answers where it ends.
fn panel(svg: &mut String, measured: &Measured, shape: Shape, top: f64) -> f64 {
    let _ = writeln!(svg, r#"<text x="16" y="{}" font-weight="bold">{}</text>"#, top + 12.0, shape.what());
    let mut y = top;
    for language in Language::ALL {
        for way in language.ways(shape) {
            let Some(figure) = measured.figure(Key::new(way, shape)) else { continue };
            let (name, colour) = look(way);
            let length = ((figure.median.log10() + 1.0) * DECADE).max(1.0);
            let middle = y + 11.5;
            let _ = writeln!(
                svg,
                r##"<text x="{}" y="{middle}" text-anchor="end" fill="#444">{}</text><rect x="{LEFT}" y="{y}" width="{length}" height="{}" fill="{colour}"><title>{name}</title></rect><text x="{}" y="{middle}">{}</text>"##,
                LEFT - 8.0,
                language.name(),
                BAR - 2.0,
                LEFT + length + 6.0,
                significant(figure.median)
            );
            y += BAR;
        }
        y += 4.0;
    }
    y
}

fn look(way: Way) -> (&'static str, &'static str) {
    match way {
        Way::Rows(_) => ("(a) list of records", "#c44e52"),
        Way::Columns(_, Encoding::Plain) => ("(b) typed list per column", "#dd9a3c"),
        Way::Columns(_, Encoding::Flat) => ("(b) offsets and bitmap as lists", "#e8c987"),
        Way::Buffers(..) => ("(c) Arrow buffers", "#2a7f9e"),
        Way::Native | Way::Copy => ("native", "#888"),
    }
}
