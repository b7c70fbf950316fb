//! The elements of a picture: positions and texts in, SVG out.
//!
//! Texts of users and files become text nodes, which the library escapes, and never attributes.

use svg::Node;
use svg::node::Text;
use svg::node::element::Element;

/// Width of a picture, in pixels.
pub const WIDTH: f64 = 1000.0;
/// The colours of Okabe and Ito, which colour-blind people tell apart.
pub mod colour {
    /// Values, and text.
    pub const BLACK: &str = "#222222";
    /// Axes, and text of less weight.
    pub const GREY: &str = "#5f5f5f";
    /// Lines of a grid.
    pub const GRID: &str = "#e4e4e4";
    /// What is missing.
    pub const MISSING: &str = "#dedede";
    /// Okabe and Ito's blue.
    pub const BLUE: &str = "#0072b2";
    /// Okabe and Ito's sky blue.
    pub const SKY_BLUE: &str = "#56b4e9";
    /// Okabe and Ito's bluish green.
    pub const GREEN: &str = "#009e73";
    /// Okabe and Ito's orange.
    pub const ORANGE: &str = "#e69f00";
    /// Okabe and Ito's vermilion.
    pub const VERMILION: &str = "#d55e00";
    /// Okabe and Ito's reddish purple.
    pub const PURPLE: &str = "#cc79a7";
}

/// A position or length in hundredths of a pixel, without zeros that say nothing.
#[must_use]
pub fn number(pixels: f64) -> String {
    let text = format!("{:.2}", pixels.clamp(-1e5, 1e5));
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// An element with these attributes.
#[must_use]
pub fn element<const N: usize>(name: &str, attributes: [(&str, &str); N]) -> Element {
    let mut element = Element::new(name);
    for (name, value) in attributes {
        element.assign(name, value);
    }
    element
}

/// An element with `children`.
pub fn with<T: Into<Box<dyn Node>>>(mut parent: Element, children: impl IntoIterator<Item = T>) -> Element {
    children.into_iter().for_each(|child| parent.append(child));
    parent
}

/// A text node: what XML does not allow, such as control characters, is replaced.
#[must_use]
pub fn text_node(text: &str) -> Text {
    let allowed =
        |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c };
    Text::new(text.chars().map(allowed).collect::<String>())
}

/// What is shown on hover over an element.
#[must_use]
pub fn hover(element: Element, text: &str) -> Element {
    with(element, [with(Element::new("title"), [text_node(text)])])
}

/// A text at a position; `anchor` is `start`, `middle` or `end`.
#[must_use]
pub fn text(x: f64, y: f64, anchor: &str, size: u32, fill: &str, content: &str) -> Element {
    let (x, y, size) = (number(x), number(y), size.to_string());
    let attributes = [("x", &*x), ("y", &*y), ("text-anchor", anchor), ("font-size", &*size), ("fill", fill)];
    with(element("text", attributes), [text_node(content)])
}

/// The text, cut where it would take more than `width` pixels.
#[must_use]
pub fn cut(content: &str, size: u32, width: f64) -> String {
    // The mean width of a letter is a little more than half its height; of wide scripts it is all of it.
    let letter = |c: char| {
        f64::from(size)
            * if c >= '\u{1100}' {
                1.0
            } else if c.is_uppercase() {
                0.7
            } else {
                0.56
            }
    };
    let mut left = width;
    let fits = |c: &char| {
        left -= letter(*c);
        left >= 0.0
    };
    let kept: String = content.chars().take_while(fits).collect();
    if kept.len() == content.len() { kept } else { format!("{}…", kept.trim_end()) }
}

/// A straight line.
#[must_use]
pub fn line((x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: &str) -> Element {
    let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(number);
    element("line", [("x1", &*x1), ("y1", &*y1), ("x2", &*x2), ("y2", &*y2), ("stroke", stroke)])
}

/// A rectangle.
#[must_use]
pub fn rectangle((x, y): (f64, f64), (width, height): (f64, f64), fill: &str) -> Element {
    let [x, y, width, height] = [x, y, width, height].map(number);
    element("rect", [("x", &*x), ("y", &*y), ("width", &*width), ("height", &*height), ("fill", fill)])
}

/// A circle.
#[must_use]
pub fn circle((x, y): (f64, f64), radius: f64, fill: &str) -> Element {
    let [x, y, r] = [x, y, radius].map(number);
    element("circle", [("cx", &*x), ("cy", &*y), ("r", &*r), ("fill", fill)])
}

/// An element with an outline.
#[must_use]
pub fn outlined(mut element: Element, stroke: &str, width: f64) -> Element {
    element.assign("stroke", stroke);
    element.assign("stroke-width", number(width));
    element
}

/// The `d` of a path: lines through the points of each piece.
#[must_use]
pub fn path_data(pieces: &[Vec<(f64, f64)>], closed: bool) -> String {
    let mut data = String::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        for (place, (x, y)) in piece.iter().enumerate() {
            data.push(if place == 0 { 'M' } else { 'L' });
            data.push_str(&number(*x));
            data.push(' ');
            data.push_str(&number(*y));
        }
        if closed {
            data.push('Z');
        }
    }
    data
}

/// Lines through the points of each piece, not filled.
#[must_use]
pub fn polyline(pieces: &[Vec<(f64, f64)>], stroke: &str, width: f64) -> Element {
    let data = path_data(pieces, false);
    let path = element(
        "path",
        [("d", &*data), ("fill", "none"), ("stroke-linejoin", "round"), ("stroke-linecap", "round")],
    );
    outlined(path, stroke, width)
}

/// A group whose elements are drawn inside a rectangle only; `name` tells it from others of the picture.
#[must_use]
pub fn clipped(name: &str, at: (f64, f64), size: (f64, f64), children: Vec<Element>) -> Element {
    let id = format!("inside-{name}");
    let clip = with(element("clipPath", [("id", &*id)]), [rectangle(at, size, "none")]);
    let inside = with(element("g", [("clip-path", &*format!("url(#{id})"))]), children);
    with(Element::new("g"), [clip, inside])
}

/// A picture: its height, its title and what it shows.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Height, in pixels.
    pub height: f64,
    /// What it shows, for people who do not see it, and as the title of a page.
    pub title: String,
    /// Its elements, the lowest first.
    pub elements: Vec<Element>,
}

impl Picture {
    /// The picture as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let (width, height) = (number(WIDTH), number(self.height));
        let root = element(
            "svg",
            [
                ("xmlns", "http://www.w3.org/2000/svg"),
                ("viewBox", &*format!("0 0 {width} {height}")),
                ("width", &*width),
                ("height", &*height),
                ("role", "img"),
                ("aria-labelledby", "title"),
                ("font-family", "Helvetica, Arial, 'DejaVu Sans', 'Noto Sans', sans-serif"),
            ],
        );
        let description = with(element("desc", [("id", "title")]), [text_node(&self.title)]);
        let background = rectangle((0.0, 0.0), (WIDTH, self.height), "#ffffff");
        let all = [description, background].into_iter().chain(self.elements.iter().cloned());
        with(root, all).to_string() + "\n"
    }

    /// A page with the picture.
    #[must_use]
    pub fn html(&self) -> String {
        let style = "body{margin:1em;background:#fff}svg{max-width:100%;height:auto}";
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width\">\n<title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n{}</body>\n\
             </html>\n",
            text_node(&self.title),
            self.svg()
        )
    }
}

/// What a legend shows beside a text.
pub type Sample = (Element, String);

/// A legend in one row from `x` on: each sample is drawn about (0, 0), at most 10 pixels to each side, and moved.
#[must_use]
pub fn legend(mut x: f64, y: f64, samples: Vec<Sample>) -> Vec<Element> {
    let mut elements = Vec::new();
    for (sample, content) in samples {
        let place = format!("translate({} {})", number(x + 10.0), number(y - 4.0));
        elements.push(with(element("g", [("transform", &*place)]), [sample]));
        elements.push(text(x + 25.0, y, "start", 12, colour::BLACK, &content));
        x += 25.0 + content.chars().count() as f64 * 7.0 + 20.0;
    }
    elements
}

/// A measurement's units as people write them.
#[must_use]
pub fn shown_units(units: &str) -> String {
    match units {
        "degC" => "°C".to_owned(),
        "degree" => "°".to_owned(),
        "1" => String::new(),
        other => other.replace(" s-1", "/s").replace(" h-1", "/h"),
    }
}
