//! Draws goodput and the 99th percentile over load or time, as SVG.

use plotters::prelude::*;

const WIDTH: u32 = 720;
const HEIGHT: u32 = 560;
/// Room for the numbers of the axes.
const LEFT: u32 = 64;
const BELOW: u32 = 40;
/// Above the largest value, for the legend.
const HEADROOM: f64 = 1.4;
/// Colours that can be told apart by all eyes (Okabe, Ito: Color Universal Design, 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
const BOUND: RGBColor = RGBColor(150, 150, 150);

/// A picture of two panels, one above the other.
#[derive(Debug, PartialEq)]
pub(super) struct Plot {
    pub title: String,
    pub x: &'static str,
    pub panels: [Panel; 2],
}

/// Lines over one axis.
#[derive(Debug, PartialEq)]
pub(super) struct Panel {
    pub y: &'static str,
    /// What the lines are to be held against, if anything is, drawn grey.
    pub bound: Option<Line>,
    pub lines: Vec<Line>,
}

/// A line through points in the order of their x.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// The picture as SVG.
    pub fn svg(&self) -> Result<String, String> {
        let mut text = String::new();
        self.draw(&mut text).map_err(|error| format!("cannot draw {}: {error}", self.title))?;
        Ok(text)
    }

    fn draw(&self, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(text, (WIDTH, HEIGHT)).into_drawing_area();
        root.fill(&WHITE)?;
        let rest = root.titled(&self.title, ("sans-serif", 18))?;
        let panels = self.panels.iter().flat_map(Panel::all);
        let most_x = largest(panels.flat_map(|line| &line.points).map(|point| point.0));
        for (panel, area) in self.panels.iter().zip(rest.split_evenly((2, 1))) {
            let most_y = largest(panel.all().flat_map(|line| &line.points).map(|point| point.1));
            let mut chart = ChartBuilder::on(&area)
                .margin(8)
                .x_label_area_size(BELOW)
                .y_label_area_size(LEFT)
                .build_cartesian_2d(0.0..most_x, 0.0..most_y * HEADROOM)?;
            let number = |value: &f64| format!("{}", (value * 100.0).round() / 100.0);
            let mut mesh = chart.configure_mesh();
            let mesh = mesh.x_label_formatter(&number).y_label_formatter(&number);
            mesh.x_desc(self.x).y_desc(panel.y).light_line_style(WHITE).draw()?;
            if let Some(bound) = &panel.bound {
                let drawn = LineSeries::new(bound.points.iter().copied(), BOUND.stroke_width(2));
                chart.draw_series(drawn)?.label(&bound.name).legend(|at| mark(at, BOUND));
            }
            for (line, colour) in panel.lines.iter().zip(COLOURS.into_iter().cycle()) {
                let drawn = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
                let drawn = drawn.point_size(2);
                chart.draw_series(drawn)?.label(&line.name).legend(move |at| mark(at, colour));
            }
            let place = SeriesLabelPosition::UpperRight;
            let mut legend = chart.configure_series_labels();
            let legend = legend.position(place);
            legend.background_style(WHITE.mix(0.8)).border_style(BOUND).draw()?;
        }
        root.present()?;
        Ok(())
    }
}

impl Panel {
    fn all(&self) -> impl Iterator<Item = &Line> {
        self.bound.iter().chain(&self.lines)
    }
}

/// What stands for a line in the legend.
fn mark((x, y): (i32, i32), colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2))
}

/// The end of an axis: never nothing, for an axis needs a length.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    let most = values.fold(0.0, f64::max);
    if most > 0.0 { most } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, points: &[(f64, f64)]) -> Line {
        Line { name: name.to_owned(), points: points.to_vec() }
    }

    fn plot(lines: Vec<Line>) -> Plot {
        let bound = Some(line("possible", &[(0.0, 1.0), (9.0, 1.0)]));
        let panels = [
            Panel { y: "good/s", bound, lines },
            Panel { y: "ms", bound: None, lines: Vec::new() },
        ];
        Plot { title: "a & b".to_owned(), x: "seconds", panels }
    }

    #[test]
    fn every_line_is_drawn_and_named() {
        let points = [(0.5, 10.0), (1.5, 30.0), (2.5, 20.0)];
        let svg = plot(vec![line("mice", &points), line("elephant", &points)]).svg().unwrap();
        assert!(svg.trim_start().starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for named in ["a &amp; b", "seconds", "good/s", "mice", "elephant", "possible"] {
            assert!(svg.contains(named), "{named}: {svg}");
        }
        // Each line is one, and its mark in the legend another.
        let drawn = |colour: RGBColor| {
            let colour = format!("stroke=\"#{:02X}{:02X}{:02X}\"", colour.0, colour.1, colour.2);
            let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
            lines.filter(|line| line.contains(&colour)).count()
        };
        assert_eq!([drawn(COLOURS[0]), drawn(COLOURS[1])], [2, 2]);
    }

    #[test]
    fn nothing_can_be_drawn_too() {
        assert!(plot(Vec::new()).svg().unwrap().contains("<svg"));
    }
}
