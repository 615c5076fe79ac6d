//! What every page is made of: its frame, its plots with their legends, its tables and figures. A page needs nothing
//! beside itself: no script, no font, no network.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use plotters::style::RGBColor;

use crate::plot::{self, BLUE, Line, Plot};

const STYLE: &str = include_str!("page/style.css");
/// A page that loads nothing, and says so to the browser.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// What a figure that cannot be computed is.
pub const NONE: &str = "–";

/// The page with this title and these contents.
pub fn document(title: &str, contents: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (contents)
            }
        }
    };
    page.into_string()
}

/// What is shown when it is asked for.
pub fn folded(title: &str, content: &Markup) -> Markup {
    html! { details { summary { (title) } (content) } }
}

/// The plot with its caption and legend, in which its area is called `band`; or a line that there is nothing to draw.
///
/// # Errors
/// Where it cannot be drawn.
pub fn drawn(caption: &str, plot: &Plot<'_>, band: &str) -> anyhow::Result<Markup> {
    let Some(drawn) = plot::svg(plot)? else {
        return Ok(html! { p { (caption) ": nothing was measured." } });
    };
    Ok(html! {
        figure {
            figcaption { (caption) }
            ul.legend {
                @if !plot.band.is_empty() { li { (swatch("area", BLUE)) (band) } }
                @for line in distinct(&plot.lines) { li { (swatch("line", line.colour)) (line.name) } }
            }
            div role="img" aria-label=(caption) { (PreEscaped(drawn)) }
        }
    })
}

/// One line of each name, the uppermost first.
fn distinct(lines: &[Line]) -> Vec<&Line> {
    let mut found: Vec<&Line> = Vec::new();
    for line in lines.iter().rev() {
        if found.iter().all(|other| other.name != line.name) {
            found.push(line);
        }
    }
    found
}

fn swatch(kind: &str, RGBColor(red, green, blue): RGBColor) -> Markup {
    let colour = format!("#{red:02X}{green:02X}{blue:02X}");
    html! { i class=(kind) data-colour=(colour) style={ "border-top-color:" (colour) } {} }
}

/// The name of a place on an axis of names; nothing between two of them.
pub fn name_at<'a>(names: &[&'a str], place: f64) -> &'a str {
    let is_whole = (place - place.round()).abs() < 1e-6 && place > -0.5;
    names.get(place.round() as usize).filter(|_| is_whole).copied().unwrap_or_default()
}

/// A table whose rows are called by their first cells.
pub fn table(heads: &[String], rows: &[Vec<String>]) -> Markup {
    html! {
        div.wide {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (place, cell) in row.iter().enumerate() {
                                @if place == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A figure with as many digits as tell something.
pub fn figure(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return NONE.to_owned() };
    match value.abs() {
        size if size >= 1e9 => format!("{value:.3e}"),
        size if size >= 1_000.0 => thousands(value),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        size if size >= 1e-3 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

/// A whole number in groups of three digits.
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join("\u{202f}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_tell_something() {
        let told = [12_345_678.9, -1_234.4, 250.04, 7.0, 0.05, 0.0, 2e-5].map(|value| figure(Some(value)));
        assert_eq!(told, ["12\u{202f}345\u{202f}679", "-1\u{202f}234", "250.0", "7.00", "0.050", "0.00", "2.00e-5"]);
        assert_eq!((figure(Some(f64::NAN)), figure(None)), ("–".into(), "–".into()));
    }

    #[test]
    fn only_whole_places_have_a_name() {
        let names = ["coal", "gas"];
        assert_eq!([0.0, 0.5, 1.0, 2.0, -1.0].map(|place| name_at(&names, place)), ["coal", "", "gas", "", ""]);
    }
}
