//! Draws lines over axes that are both logarithmic, as SVG.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

const WIDTH: u32 = 720;
const HEIGHT: u32 = 640;
/// Room for the numbers of the axes.
const LEFT: u32 = 72;
const BELOW: u32 = 40;
/// Colours that can be told apart by all eyes (Okabe, Ito: Color Universal Design, 2008).
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(86, 180, 233), RGBColor(230, 159, 0)];

/// A picture of two panels, one above the other, each named by its vertical axis.
pub struct Plot {
    pub title: &'static str,
    pub x: &'static str,
    pub panels: [(&'static str, Vec<Line>); 2],
}

/// A line through points in the order of their x, all above zero.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// The picture as SVG.
    pub fn svg(&self) -> Result<String> {
        let mut text = String::new();
        self.draw(&mut text).map_err(|error| anyhow!("cannot draw {}: {error}", self.title))?;
        Ok(text)
    }

    fn draw(&self, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(text, (WIDTH, HEIGHT)).into_drawing_area();
        root.fill(&WHITE)?;
        let rest = root.titled(self.title, ("sans-serif", 18))?;
        for ((y, lines), area) in self.panels.iter().zip(rest.split_evenly((2, 1))) {
            let all = || lines.iter().flat_map(|line| &line.points);
            let [xs, ys] = [range(all().map(|at| at.0)), range(all().map(|at| at.1))];
            let mut chart = ChartBuilder::on(&area)
                .margin(8)
                .x_label_area_size(BELOW)
                .y_label_area_size(LEFT)
                .build_cartesian_2d(xs.log_scale(), ys.log_scale())?;
            let number = |value: &f64| format!("{value}");
            let mut mesh = chart.configure_mesh();
            let mesh = mesh.x_label_formatter(&number).y_label_formatter(&number);
            mesh.x_desc(self.x).y_desc(*y).light_line_style(WHITE).draw()?;
            for (line, colour) in lines.iter().zip(COLOURS.into_iter().cycle()) {
                let drawn = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
                let mark = move |(x, y)| {
                    PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2))
                };
                chart.draw_series(drawn.point_size(2))?.label(&line.name).legend(mark);
            }
            let mut legend = chart.configure_series_labels();
            let legend = legend.position(SeriesLabelPosition::LowerRight);
            legend.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.4)).draw()?;
        }
        root.present()?;
        Ok(())
    }
}

/// An axis that holds all values; any at all where there are none.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (least, most) =
        values.fold((f64::MAX, f64::MIN_POSITIVE), |(a, b), value| (a.min(value), b.max(value)));
    if least < most { least / 1.5..most * 1.5 } else { 0.5..2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_drawn_and_named() {
        let line =
            |name: &str| Line { name: name.to_owned(), points: vec![(1.0, 9.0), (64.0, 3.0)] };
        let panels = [("reads/s", vec![line("mice"), line("elephant")]), ("ms", Vec::new())];
        let svg = Plot { title: "a & b", x: "tasks", panels }.svg().expect("a picture");
        for named in ["a &amp; b", "tasks", "reads/s", "mice", "elephant"] {
            assert!(svg.contains(named), "{named}: {svg}");
        }
    }
}
