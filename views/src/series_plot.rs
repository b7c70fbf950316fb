//! The plot of a station's series: values, band and marks in, a picture with a panel a measurement out.

use std::collections::HashSet;
use std::ops::Range;

use isd_dataset::time::iso8601;
use svg::node::element::Element;

use crate::band::Band;
use crate::columns::{column_of, missing_stretches, pixel_columns};
use crate::drawing::{
    self, Picture, WIDTH, circle, clipped, colour, cut, element, hover, legend, line, number, outlined,
    path_data, polyline, rectangle, text,
};
use crate::scale::{Scale, padded_range, time_ticks, value_ticks};
use crate::table::Finding;

/// Positions of the left and right edge of the panels.
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 22.0;
/// Position of the first panel's upper edge.
const TOP: f64 = 92.0;
const GAP: f64 = 22.0;
const BOTTOM: f64 = 62.0;

/// A measurement's series of a whole record, with what was found in it.
#[derive(Debug, Default, Clone)]
pub struct Panel {
    /// The measurement, for people, such as `wind speed`.
    pub name: String,
    /// Its units, as people write them; empty where it has none.
    pub units: String,
    /// Whether it is a direction: 359 and 1 degree are near each other, so that no line joins them.
    pub is_direction: bool,
    /// A value a row, NaN where it is missing.
    pub values: Vec<f64>,
    /// The band, a number a row; `None` where none is to be drawn.
    pub band: Option<Band>,
    /// Outliers of any time.
    pub outliers: Vec<Finding>,
    /// Flags of any time.
    pub flags: Vec<Finding>,
}

/// A plot of a station.
#[derive(Debug, Clone)]
pub struct SeriesPlot {
    /// The station's id, name and place.
    pub title: String,
    /// What else there is to say, such as the options of the band.
    pub subtitle: String,
    /// The time of each row, in microseconds since 1970 UTC, ascending.
    pub times: Vec<i64>,
    /// The span that is drawn, of which the end is the first time that is not.
    pub span: Range<i64>,
    /// The panels, the highest first.
    pub panels: Vec<Panel>,
}

impl SeriesPlot {
    /// Draws the plot.
    #[must_use]
    pub fn draw(&self) -> Picture {
        let panel_height = if self.panels.len() > 1 { 210.0 } else { 360.0 };
        let mut elements = vec![
            text(LEFT, 28.0, "start", 18, colour::BLACK, &cut(&self.title, 18, RIGHT - LEFT)),
            text(LEFT, 50.0, "start", 12, colour::GREY, &cut(&self.subtitle, 12, RIGHT - LEFT)),
        ];
        elements.extend(legend(LEFT, 76.0, self.samples()));
        let mut top = TOP;
        for (place, panel) in self.panels.iter().enumerate() {
            elements.extend(self.panel(panel, place, (top, top + panel_height)));
            top += panel_height + GAP;
        }
        let bottom = top - GAP;
        elements.extend(self.time_axis(bottom));
        Picture { height: bottom + BOTTOM, title: format!("{} {}", self.title, self.subtitle), elements }
    }

    fn width() -> usize {
        (RIGHT - LEFT) as usize
    }

    /// Whether single values are apart: a band and a mean of values that are not would cover them.
    fn is_apart(&self) -> bool {
        self.rows().len() <= 2 * Self::width()
    }

    /// The rows of the span.
    fn rows(&self) -> Range<usize> {
        let first = self.times.partition_point(|time| *time < self.span.start);
        first..self.times.partition_point(|time| *time < self.span.end).max(first)
    }

    fn x(&self, time: i64) -> f64 {
        // In integers: times of a century in microseconds do not fit a double's digits by much.
        let part = |time: i64| (i128::from(time) - i128::from(self.span.start)) as f64;
        LEFT + part(time) / part(self.span.end).max(1.0) * (RIGHT - LEFT)
    }

    fn samples(&self) -> Vec<drawing::Sample> {
        let stroke = |colour, width| polyline(&[vec![(-10.0, 0.0), (10.0, 0.0)]], colour, width);
        let mut samples = vec![(stroke(colour::BLACK, 1.2), "values".to_owned())];
        if self.panels.iter().any(|panel| panel.band.is_some()) && self.is_apart() {
            samples.push((stroke(colour::BLUE, 1.6), "window mean".to_owned()));
            samples.push((
                band_of(rectangle((-10.0, -6.0), (20.0, 12.0), colour::SKY_BLUE)),
                "band of the threshold".to_owned(),
            ));
        }
        let any = |of: fn(&Panel) -> &Vec<Finding>, verdict: &str| {
            self.panels
                .iter()
                .flat_map(of)
                .any(|mark| mark.verdict == verdict && self.span.contains(&mark.time))
        };
        if any(|panel| &panel.outliers, "") {
            samples.push((outlier_mark(0.0, 0.0), "outliers".to_owned()));
        }
        for verdict in ["erroneous", "suspect"] {
            if any(|panel| &panel.flags, verdict) {
                samples.push((flag_mark(0.0, 0.0, verdict), format!("flagged {verdict}")));
            }
        }
        if self
            .panels
            .iter()
            .any(|panel| !missing_stretches(&self.times, &panel.values, &self.span).is_empty())
        {
            samples.push((rectangle((-10.0, -6.0), (20.0, 12.0), colour::MISSING), "no values".to_owned()));
        }
        samples
    }

    fn panel(&self, panel: &Panel, place: usize, (top, bottom): (f64, f64)) -> Vec<Element> {
        let columns = pixel_columns(&self.times, &panel.values, &self.span, Self::width());
        let marks: Vec<&Finding> = panel
            .outliers
            .iter()
            .chain(&panel.flags)
            .filter(|mark| self.span.contains(&mark.time) && mark.value.is_finite())
            .collect();
        let drawn = columns.iter().flat_map(|column| column.rows().map(|row| panel.values[row]));
        let range = padded_range(drawn.chain(marks.iter().map(|mark| mark.value)));
        let range = range.map(|range| self.widened(range, panel.band.as_ref()));
        let size = (RIGHT - LEFT, bottom - top);
        let mut elements = vec![rectangle((LEFT, top), size, "#ffffff")];
        let missing = missing_stretches(&self.times, &panel.values, &self.span);
        for stretch in &missing {
            let (left, right) = (self.x(stretch.start), self.x(stretch.end));
            let shade = rectangle((left, top), (right - left, bottom - top), colour::MISSING);
            elements.push(hover(
                shade,
                &format!("no values {} to {}", iso8601(stretch.start), iso8601(stretch.end)),
            ));
        }
        for tick in time_ticks(&self.span, 11) {
            let x = self.x(tick.time);
            elements.push(line((x, top), (x, bottom), colour::GRID));
        }
        if let Some(range) = range {
            let scale = Scale { range, positions: (bottom, top) };
            let most = if bottom - top > 300.0 { 9 } else { 7 };
            for (value, label) in value_ticks(range, most) {
                let y = scale.at(value);
                elements.push(line((LEFT, y), (RIGHT, y), colour::GRID));
                elements.push(text(LEFT - 8.0, y + 4.0, "end", 12, colour::GREY, &label));
            }
            let mut inside = Vec::new();
            if let Some(band) = panel.band.as_ref().filter(|_| self.is_apart()) {
                inside.extend(self.band(band, &scale));
            }
            inside.extend(self.values(panel, &columns, &missing, &scale));
            inside.extend(self.marks(&panel.flags, panel, &scale));
            inside.extend(self.marks(&panel.outliers, panel, &scale));
            elements.push(clipped(&place.to_string(), (LEFT, top), size, inside));
        } else {
            let middle = f64::midpoint(top, bottom) + 4.0;
            elements.push(text(
                f64::midpoint(LEFT, RIGHT),
                middle,
                "middle",
                14,
                colour::GREY,
                "no values in this span",
            ));
        }
        elements.push(outlined(rectangle((LEFT, top), size, "none"), colour::GREY, 1.0));
        let units = if panel.units.is_empty() { String::new() } else { format!(" ({})", panel.units) };
        let mut label = text(
            0.0,
            0.0,
            "middle",
            13,
            colour::BLACK,
            &cut(&format!("{}{units}", panel.name), 13, bottom - top),
        );
        let turned = format!("translate(20 {}) rotate(-90)", number(f64::midpoint(top, bottom)));
        svg::Node::assign(&mut label, "transform", turned);
        elements.push(label);
        elements
    }

    /// The range of the values, widened by at most a quarter to each side for the edges of the band: behind a storm they lie
    /// far outside.
    fn widened(&self, (low, high): (f64, f64), band: Option<&Band>) -> (f64, f64) {
        let Some(band) = band.filter(|_| self.is_apart()) else { return (low, high) };
        let room = (high / 4.0 - low / 4.0).min(f64::MAX / 4.0);
        let rows = self.rows();
        let least = band.low[rows.clone()].iter().copied().fold(low, f64::min);
        let most = band.high[rows].iter().copied().fold(high, f64::max);
        (least.max(low - room).max(f64::MIN), most.min(high + room).min(f64::MAX))
    }

    /// The band as areas, and the mean as lines, of the rows that have them.
    fn band(&self, band: &Band, scale: &Scale) -> Vec<Element> {
        // A row before the span and one behind it: the band goes to the edges.
        let Range { start, end } = self.rows();
        let (first, end) = (start.saturating_sub(1), (end + 1).min(self.times.len()));
        let pieces: Vec<Range<usize>> =
            runs(first..end, |row| band.low[row].is_finite() && band.high[row].is_finite());
        let points = |rows: &Range<usize>, numbers: &[f64]| -> Vec<(f64, f64)> {
            rows.clone().map(|row| (self.x(self.times[row]), scale.at(numbers[row]))).collect()
        };
        let areas: Vec<Vec<(f64, f64)>> = pieces
            .iter()
            .map(|rows| {
                let low = points(rows, &band.low).into_iter().rev();
                points(rows, &band.high).into_iter().chain(low).collect()
            })
            .collect();
        let means: Vec<Vec<(f64, f64)>> = pieces.iter().map(|rows| points(rows, &band.mean)).collect();
        let area = element("path", [("d", &*path_data(&areas, true)), ("fill", colour::SKY_BLUE)]);
        vec![band_of(area), polyline(&means, colour::BLUE, 1.6)]
    }

    /// The line from the smallest to the largest value of each pixel column, broken where values are missing, and dots where
    /// single values are far apart.
    fn values(
        &self,
        panel: &Panel,
        columns: &[crate::columns::PixelColumn],
        missing: &[Range<i64>],
        scale: &Scale,
    ) -> Vec<Element> {
        let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
        let mut last: Option<usize> = None;
        let mut stretches = missing.iter().peekable();
        for column in columns {
            for row in column.rows() {
                // A stretch begins at the last value before it, which may be another one of the column before.
                let time = self.times[row];
                while stretches
                    .next_if(|stretch| last.is_some_and(|last| stretch.end <= self.times[last]))
                    .is_some()
                {}
                if stretches.peek().is_some_and(|stretch| stretch.end <= time) && last.is_some() {
                    pieces.push(Vec::new());
                }
                if let Some(piece) = pieces.last_mut() {
                    piece.push((self.x(time), scale.at(panel.values[row])));
                }
                last = Some(row);
            }
        }
        if panel.is_direction {
            let points = pieces.iter().flatten();
            return points.map(|point| circle(*point, 1.5, colour::BLACK)).collect();
        }
        let mut elements = vec![polyline(&pieces, colour::BLACK, if self.is_apart() { 1.2 } else { 0.8 })];
        let sparse = columns.len() * 4 < Self::width();
        // A value between two stretches without any would be a line of no length.
        let dotted = pieces.iter().filter(|piece| sparse || piece.len() == 1).flatten();
        elements.extend(dotted.map(|point| circle(*point, 2.0, colour::BLACK)));
        elements
    }

    /// The marks of the span, one where several would cover each other.
    fn marks(&self, marks: &[Finding], panel: &Panel, scale: &Scale) -> Vec<Element> {
        let mut taken = HashSet::new();
        let mut elements = Vec::new();
        let shown = marks.iter().filter(|mark| self.span.contains(&mark.time) && mark.value.is_finite());
        for mark in shown {
            let (x, y) = (self.x(mark.time), scale.at(mark.value));
            if !taken.insert((
                column_of(mark.time, &self.span, Self::width()),
                y.round() as i64,
                &mark.verdict,
            )) {
                continue;
            }
            let what = [mark.verdict.as_str(), mark.note.as_str()].join(" ");
            let value = format!("{} {}", mark.value, panel.units);
            let about = format!("{} {}, {}", iso8601(mark.time), value.trim_end(), what.trim());
            let sign =
                if mark.verdict.is_empty() { outlier_mark(x, y) } else { flag_mark(x, y, &mark.verdict) };
            elements.push(hover(sign, &about));
        }
        elements
    }

    fn time_axis(&self, bottom: f64) -> Vec<Element> {
        let mut elements = Vec::new();
        let ticks = time_ticks(&self.span, 11);
        for tick in &ticks {
            let x = self.x(tick.time);
            elements.push(line((x, bottom), (x, bottom + 5.0), colour::GREY));
            elements.push(text(x, bottom + 19.0, "middle", 12, colour::GREY, &tick.label));
            if let Some(context) = &tick.context {
                elements.push(text(x, bottom + 35.0, "middle", 12, colour::BLACK, context));
            }
        }
        let place = (f64::midpoint(LEFT, RIGHT), bottom + 52.0);
        elements.push(text(place.0, place.1, "middle", 12, colour::GREY, "time (UTC)"));
        elements
    }
}

/// The longest ranges of rows that satisfy `holds`.
fn runs(rows: Range<usize>, holds: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for row in rows.filter(|row| holds(*row)) {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end = row + 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

fn band_of(mut element: Element) -> Element {
    svg::Node::assign(&mut element, "fill-opacity", "0.3");
    element
}

/// A ring: what is in it stays visible.
fn outlier_mark(x: f64, y: f64) -> Element {
    let mut ring = outlined(circle((x, y), 5.5, colour::VERMILION), colour::VERMILION, 2.0);
    svg::Node::assign(&mut ring, "fill-opacity", "0.15");
    ring
}

/// A cross of what is erroneous, a triangle of what is suspect: told apart without colours.
fn flag_mark(x: f64, y: f64, verdict: &str) -> Element {
    if verdict == "erroneous" {
        let strokes =
            [vec![(x - 5.0, y - 5.0), (x + 5.0, y + 5.0)], vec![(x - 5.0, y + 5.0), (x + 5.0, y - 5.0)]];
        return polyline(&strokes, colour::PURPLE, 2.4);
    }
    let corners = [vec![(x, y - 6.0), (x + 6.0, y + 5.0), (x - 6.0, y + 5.0)]];
    let triangle = element("path", [("d", &*path_data(&corners, true)), ("fill", colour::ORANGE)]);
    outlined(triangle, colour::BLACK, 0.8)
}
