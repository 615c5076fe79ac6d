//! Plots of lines as SVG that stands in a page: its colours are turned by the page's style sheet where it is dark, and
//! its legend is the page's.

use anyhow::anyhow;
use plotters::prelude::*;

/// Colours that people who do not see all of them tell apart (Okabe and Ito 2008).
pub const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// See [`BLUE`].
pub const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
/// See [`BLUE`].
pub const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
/// See [`BLUE`].
pub const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
/// See [`BLUE`].
pub const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// The colour of the text, of axes and of what was measured.
pub const INK: RGBColor = RGBColor(0x00, 0x00, 0x00);
const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);

const SIZE: (u32, u32) = (920, 320);
/// Lines of fewer points show each of them.
const MARKED: usize = 40;

/// What is drawn.
pub struct Plot<'a> {
    /// What the horizontal axis shows, with its unit.
    pub x: &'a str,
    /// What the vertical axis shows, with its unit.
    pub y: String,
    /// How a place on the horizontal axis is called.
    pub x_name: &'a dyn Fn(f64) -> String,
    /// About how many places of the horizontal axis are named.
    pub x_names: usize,
    /// Whether the vertical axis begins at zero.
    pub from_zero: bool,
    /// An area behind the lines: lower and upper end.
    pub band: Vec<(f64, Option<(f64, f64)>)>,
    /// The lines, the last one on top.
    pub lines: Vec<Line>,
}

/// A line, with gaps where there is no value.
pub struct Line {
    /// What it is, for the legend.
    pub name: String,
    /// Its colour.
    pub colour: RGBColor,
    /// Whether it is the one that the plot is about.
    pub strong: bool,
    /// Its points from left to right.
    pub points: Vec<(f64, Option<f64>)>,
}

/// The plot as an `svg` element; none where there is nothing to draw.
///
/// # Errors
/// Where it cannot be drawn.
pub fn svg(plot: &Plot<'_>) -> anyhow::Result<Option<String>> {
    let Some((xs, ys)) = plot.ranges() else { return Ok(None) };
    let mut text = String::new();
    draw(plot, xs, ys, &mut text).map_err(|why| anyhow!("a plot cannot be drawn: {why}"))?;
    // Inside a page the element needs no name space, and the page names nothing outside itself.
    Ok(Some(text.replace(" xmlns=\"http://www.w3.org/2000/svg\"", "")))
}

type Range = std::ops::Range<f64>;

fn draw(plot: &Plot<'_>, xs: Range, ys: Range, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .margin_right(36)
        .x_label_area_size(46)
        .y_label_area_size(70)
        .build_cartesian_2d(xs, ys)?;
    chart
        .configure_mesh()
        .x_desc(plot.x)
        .y_desc(plot.y.as_str())
        .x_labels(plot.x_names)
        .y_labels(6)
        .x_label_formatter(&|place| (plot.x_name)(*place))
        .y_label_formatter(&|value| axis_number(*value))
        .label_style(("sans-serif", 13).into_font())
        .axis_desc_style(("sans-serif", 14).into_font())
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .draw()?;
    for piece in pieces(&plot.band) {
        let upper = piece.iter().map(|(x, (_, upper))| (*x, *upper));
        let lower = piece.iter().rev().map(|(x, (lower, _))| (*x, *lower));
        chart.draw_series([Polygon::new(upper.chain(lower).collect::<Vec<_>>(), BLUE.mix(0.2).filled())])?;
    }
    for line in &plot.lines {
        let style = line.colour.stroke_width(if line.strong { 3 } else { 2 });
        for piece in pieces(&line.points) {
            if line.points.len() <= MARKED || piece.len() == 1 {
                chart.draw_series(piece.iter().map(|at| Circle::new(*at, 3, line.colour.filled())))?;
            }
            chart.draw_series(LineSeries::new(piece, style))?;
        }
    }
    root.present()?;
    drop(chart);
    drop(root);
    Ok(())
}

impl Plot<'_> {
    /// What the axes have to show.
    fn ranges(&self) -> Option<(Range, Range)> {
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for (x, value) in self.lines.iter().flat_map(|line| &line.points) {
            if let Some(value) = value {
                xs.push(*x);
                ys.push(*value);
            }
        }
        for (x, bounds) in &self.band {
            if let Some((lower, upper)) = bounds {
                xs.push(*x);
                ys.extend([*lower, *upper]);
            }
        }
        if self.from_zero {
            ys.push(0.0);
        }
        if xs.is_empty() || xs.iter().chain(&ys).any(|value| !value.is_finite()) {
            return None;
        }
        let (bottom, top) = ends(&ys);
        let room = if top > bottom { 0.05 * (top - bottom) } else { bottom.abs().max(1.0) };
        let bottom = if self.from_zero && bottom >= 0.0 { 0.0 } else { bottom - room };
        let (left, right) = ends(&xs);
        let right = if right > left { right } else { left + 1.0 };
        let top = top + room;
        // An axis that is longer than the greatest number has no places to name, and drawing it would never end.
        let has_length = |length: f64| length > 0.0 && length.is_finite();
        (has_length(right - left) && has_length(top - bottom)).then_some((left..right, bottom..top))
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(*value), most.max(*value)))
}

/// The runs of points that have a value.
fn pieces<T: Copy>(points: &[(f64, Option<T>)]) -> Vec<Vec<(f64, T)>> {
    let runs = points.split(|(_, value)| value.is_none());
    let known = runs.map(|run| run.iter().filter_map(|(x, value)| Some((*x, (*value)?))).collect::<Vec<_>>());
    known.filter(|run| !run.is_empty()).collect()
}

/// A number on an axis, without the zeros that tell nothing.
pub fn axis_number(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, Option<f64>)>) -> Option<String> {
        let line = Line { name: "a".to_owned(), colour: BLUE, strong: true, points };
        let (lines, band) = (vec![line], Vec::new());
        let (x, y) = ("hours", "<g/kWh>".to_owned());
        svg(&Plot { x, y, x_name: &axis_number, x_names: 5, from_zero: true, band, lines }).unwrap()
    }

    #[test]
    fn a_gap_parts_a_line_in_two() {
        let line = plot(vec![(0.0, Some(1.0)), (1.0, Some(2.0)), (2.0, None), (3.0, Some(2.0)), (4.0, Some(1.0))]);
        let text = line.unwrap();
        assert_eq!(text.matches("stroke=\"#0072B2\" stroke-width=\"3\"").count(), 2, "{text}");
    }

    #[test]
    fn nothing_to_draw_is_no_plot() {
        assert_eq!(plot(vec![(0.0, None)]), None);
        assert_eq!(plot(vec![(0.0, Some(f64::NAN))]), None);
    }

    #[test]
    fn values_further_apart_than_numbers_go_are_no_plot() {
        let huge = 1.797e308;
        assert_eq!(plot(vec![(0.0, Some(-huge)), (1.0, Some(huge))]), None);
        assert_eq!(plot(vec![(0.0, Some(1.0)), (1.0, Some(huge))]), None);
        assert_eq!(plot(vec![(-huge, Some(1.0)), (huge, Some(2.0))]), None);
        assert_eq!(plot(vec![(0.0, Some(f64::MAX))]), None);
        assert!(plot(vec![(0.0, Some(1.0)), (1.0, Some(1e300))]).is_some());
    }

    #[test]
    fn one_value_alone_is_a_plot_with_room_around_it() {
        assert!(plot(vec![(3.0, Some(0.0))]).unwrap().contains("<circle"));
    }

    #[test]
    fn a_plot_names_nothing_outside_itself_and_escapes_its_text() {
        let text = plot(vec![(0.0, Some(1.0)), (1.0, Some(2.0))]).unwrap();
        assert!(!text.contains("http") && text.contains("&lt;g/kWh&gt;"), "{text}");
    }

    #[test]
    fn numbers_on_an_axis_are_short() {
        let told = [0.1 + 0.2, 250.0, -0.0, 1.5e9, -1.25].map(axis_number);
        assert_eq!(told, ["0.3", "250", "0", "1.5e9", "-1.25"]);
    }
}
