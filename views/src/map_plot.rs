//! The map: places of stations and events in, a picture of them with coast lines out.

use isd_dataset::geography::{EARTH_RADIUS_KM, Position};
use svg::node::element::Element;

use crate::coast::{is_land, land};
use crate::drawing::{
    Picture, Sample, WIDTH, circle, clipped, colour, cut, element, hover, legend, line, outlined, path_data,
    polyline, rectangle, text,
};

const LEFT: f64 = 30.0;
const RIGHT: f64 = WIDTH - 30.0;
const TOP: f64 = 92.0;
/// So many stations have their names beside them, at most.
const NAMED: usize = 16;

/// Something at a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where it is.
    pub position: Position,
    /// How much of it there is: the area of the mark.
    pub count: f64,
    /// What its colour tells, such as a verdict or a measurement.
    pub class: String,
    /// What is shown on hover.
    pub about: String,
}

/// A map.
#[derive(Debug, Clone, Default)]
pub struct MapPlot {
    /// What it shows.
    pub title: String,
    /// What else there is to say.
    pub subtitle: String,
    /// Stations: place and name.
    pub stations: Vec<(Position, String)>,
    /// What is counted: drawn over the stations, the largest lowest.
    pub marks: Vec<Mark>,
    /// What is counted, such as `outliers`.
    pub counted: String,
    /// The middle and the radius in km; `None` of the world.
    pub around: Option<(Position, f64)>,
}

/// From positions to pixels.
#[derive(Debug, Clone, Copy)]
enum Projection {
    /// Degrees as they are (plate carrée).
    World,
    /// Distance and direction from the middle as they are (azimuthal equidistant): neither date line nor poles matter.
    Around { middle: Position, pixels_per_km: f64, centre: (f64, f64) },
}

impl Projection {
    fn at(self, position: Position) -> (f64, f64) {
        match self {
            Self::World => {
                let pixels_per_degree = (RIGHT - LEFT) / 360.0;
                let x = LEFT + (position.longitude + 180.0) * pixels_per_degree;
                (x, TOP + (90.0 - position.latitude) * pixels_per_degree)
            }
            Self::Around { middle, pixels_per_km, centre } => {
                let distance = middle.distance_km(position) * pixels_per_km;
                let (from, to) = (middle.latitude.to_radians(), position.latitude.to_radians());
                let east = (position.longitude - middle.longitude).to_radians();
                let (x, y) =
                    (east.sin() * to.cos(), from.cos() * to.sin() - from.sin() * to.cos() * east.cos());
                let length = x.hypot(y);
                // Of the middle itself and its antipode there is no direction.
                let (x, y) = if length < 1e-12 { (0.0, 1.0) } else { (x / length, y / length) };
                (centre.0 + distance * x, centre.1 - distance * y)
            }
        }
    }
}

impl MapPlot {
    /// Draws the map.
    #[must_use]
    pub fn draw(&self) -> Picture {
        let height = if self.around.is_some() { 620.0 } else { (RIGHT - LEFT) / 2.0 };
        let (at, size) = ((LEFT, TOP), (RIGHT - LEFT, height));
        let projection = self.around.map_or(Projection::World, |(middle, radius_km)| Projection::Around {
            middle,
            pixels_per_km: height / 2.0 / radius_km,
            centre: (f64::midpoint(LEFT, RIGHT), TOP + height / 2.0),
        });
        let is_inside = |(x, y): (f64, f64)| (LEFT..=RIGHT).contains(&x) && (TOP..=TOP + height).contains(&y);
        let mut inside = vec![rectangle(at, size, "#eef3f7"), self.land(projection)];
        inside.extend(grid(projection, self.around));
        let stations: Vec<((f64, f64), &str)> =
            self.stations.iter().map(|(at, name)| (projection.at(*at), &**name)).collect();
        let stations: Vec<_> = stations.into_iter().filter(|(at, _)| is_inside(*at)).collect();
        for (at, name) in &stations {
            inside.push(hover(circle(*at, 2.2, colour::BLACK), name));
        }
        let classes = self.classes();
        let most = self.marks.iter().map(|mark| mark.count).fold(1.0, f64::max);
        let mut marks: Vec<&Mark> = self.marks.iter().collect();
        marks.sort_by(|a, b| rank(&a.class).cmp(&rank(&b.class)).then(b.count.total_cmp(&a.count)));
        for mark in marks.into_iter().filter(|mark| is_inside(projection.at(mark.position))) {
            let fill = classes
                .iter()
                .find(|(class, _)| *class == mark.class)
                .map_or(colour::GREY, |(_, fill)| *fill);
            inside.push(hover(
                bubble(projection.at(mark.position), self.radius(mark.count, most), fill),
                &mark.about,
            ));
        }
        if stations.len() <= NAMED {
            inside.extend(names(&stations));
        }
        let mut elements = vec![
            text(LEFT, 28.0, "start", 18, colour::BLACK, &cut(&self.title, 18, RIGHT - LEFT)),
            text(LEFT, 50.0, "start", 12, colour::GREY, &cut(&self.subtitle, 12, RIGHT - LEFT)),
        ];
        elements.extend(legend(LEFT, 76.0, Self::samples(&classes)));
        elements.push(clipped("map", at, size, inside));
        elements.push(outlined(rectangle(at, size, "none"), colour::GREY, 1.0));
        elements.extend(self.sizes(most, TOP + height));
        if let Some((_, radius_km)) = self.around {
            elements.extend(scale_bar(radius_km, height / 2.0 / radius_km, TOP + height));
        }
        Picture { height: TOP + height + 60.0, title: format!("{} {}", self.title, self.subtitle), elements }
    }

    /// The classes in order of their names, each with its colour.
    fn classes(&self) -> Vec<(&str, &'static str)> {
        let mut classes: Vec<&str> = self.marks.iter().map(|mark| mark.class.as_str()).collect();
        classes.sort_unstable();
        classes.dedup();
        classes.into_iter().map(|class| (class, colour_of(class))).collect()
    }

    fn samples(classes: &[(&str, &'static str)]) -> Vec<Sample> {
        let station = (circle((0.0, 0.0), 2.2, colour::BLACK), "station".to_owned());
        let marks =
            classes.iter().map(|(class, fill)| (bubble((0.0, 0.0), 7.0, fill), class.replace('_', " ")));
        std::iter::once(station).chain(marks).collect()
    }

    /// What sizes mean, below the map.
    fn sizes(&self, most: f64, bottom: f64) -> Vec<Element> {
        let mut elements = Vec::new();
        if self.marks.is_empty() {
            return elements;
        }
        let mut x = LEFT;
        elements.push(text(x, bottom + 32.0, "start", 12, colour::GREY, &self.counted));
        x += self.counted.chars().count() as f64 * 6.6 + 30.0;
        let mut shown = vec![1.0, (most / 10.0).ceil(), most];
        shown.dedup();
        for count in shown {
            elements.push(bubble((x, bottom + 28.0), self.radius(count, most), colour::GREY));
            elements.push(text(
                x + self.radius(count, most) + 5.0,
                bottom + 32.0,
                "start",
                12,
                colour::GREY,
                &format!("{count}"),
            ));
            x += 90.0;
        }
        elements
    }

    /// Radius of a mark whose area tells the count: the world has room for small ones.
    fn radius(&self, count: f64, most: f64) -> f64 {
        let largest = if self.around.is_some() { 20.0 } else { 12.0 };
        (largest * (count / most).sqrt()).max(2.5)
    }

    fn land(&self, projection: Projection) -> Element {
        let rings = land();
        let outline = |ring: &Vec<Position>, east: f64| -> Vec<(f64, f64)> {
            let moved = |at: &Position| Position { longitude: at.longitude + east, ..*at };
            ring.iter().map(|at| projection.at(moved(at))).collect()
        };
        let mut pieces: Vec<Vec<(f64, f64)>> = rings.iter().map(|ring| outline(ring, 0.0)).collect();
        if self.around.is_none() {
            // Land beyond the date line is drawn at the other edge of the world, too.
            let beyond = rings.iter().filter(|ring| ring.iter().any(|at| at.longitude.abs() > 180.0));
            pieces.extend(beyond.flat_map(|ring| [outline(ring, -360.0), outline(ring, 360.0)]));
        }
        // The antipode lies beyond the edge of the map: where it is land, that edge is its coast.
        if let Some((middle, radius_km)) = self.around {
            let antipode = Position {
                latitude: -middle.latitude,
                longitude: if middle.longitude > 0.0 {
                    middle.longitude - 180.0
                } else {
                    middle.longitude + 180.0
                },
            };
            if is_land(&rings, antipode) {
                let far = EARTH_RADIUS_KM * 4.0 / radius_km * 400.0;
                pieces.push(vec![(-far, -far), (far, -far), (far, far), (-far, far)]);
            }
        }
        let data = path_data(&pieces, true);
        let land = element("path", [("d", &*data), ("fill", "#fbfaf5"), ("fill-rule", "evenodd")]);
        outlined(land, "#9a9a9a", 0.8)
    }
}

/// What covers what: events are not hidden by what may be none.
fn rank(class: &str) -> u8 {
    match class {
        "event" => 2,
        "suspected_error" => 1,
        _ => 0,
    }
}

/// A colour for what is known to be drawn; grey for anything else.
fn colour_of(class: &str) -> &'static str {
    match class {
        // Warm colours are verdicts, others measurements: both may be on one map.
        "event" => colour::VERMILION,
        "suspected_error" => colour::PURPLE,
        "unconfirmed" => colour::ORANGE,
        "wind_speed_rate" => colour::BLUE,
        "sea_level_pressure" => colour::GREEN,
        "air_temperature" => colour::SKY_BLUE,
        "dew_point_temperature" => colour::BLACK,
        _ => colour::GREY,
    }
}

fn bubble(at: (f64, f64), radius: f64, fill: &str) -> Element {
    let mut bubble = outlined(circle(at, radius, fill), fill, 1.0);
    svg::Node::assign(&mut bubble, "fill-opacity", "0.35");
    bubble
}

/// Names of stations beside them; one that would cover another is left out.
fn names(stations: &[((f64, f64), &str)]) -> Vec<Element> {
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    let mut elements = Vec::new();
    for ((x, y), name) in stations {
        let name = cut(name, 11, 190.0);
        let width = name.chars().count() as f64 * 7.0;
        let anchored_left = x + 8.0 + width < RIGHT;
        let left = if anchored_left { x + 6.0 } else { x - 6.0 - width };
        let covers = |(other, at, long): &(f64, f64, f64)| {
            (at - y).abs() < 13.0 && left < other + long && *other < left + width
        };
        if !taken.iter().any(covers) {
            let (anchor, place) = if anchored_left { ("start", x + 6.0) } else { ("end", x - 6.0) };
            elements.push(text(place, y + 4.0, anchor, 11, colour::BLACK, &name));
            taken.push((left, *y, width));
        }
    }
    elements
}

/// Meridians and parallels.
fn grid(projection: Projection, around: Option<(Position, f64)>) -> Vec<Element> {
    let step = match around.map(|(_, radius_km)| radius_km) {
        None => 30,
        Some(radius_km) if radius_km < 400.0 => 1,
        Some(radius_km) if radius_km < 1000.0 => 2,
        Some(radius_km) if radius_km < 3000.0 => 5,
        Some(_) => 15,
    };
    let is_near = |position: Position| {
        around.is_none_or(|(middle, radius_km)| middle.distance_km(position) < 2.5 * radius_km + 300.0)
    };
    let fine = usize::try_from(step.min(5)).unwrap_or(1);
    let path = |positions: Vec<Position>| {
        let mut pieces = vec![Vec::new()];
        for position in positions {
            if !is_near(position) {
                pieces.push(Vec::new());
            } else if let Some(piece) = pieces.last_mut() {
                piece.push(projection.at(position));
            }
        }
        pieces.retain(|piece| piece.len() > 1);
        pieces
    };
    let whole = |degrees: i32| f64::from(degrees);
    let meridians = (-180..180).step_by(step as usize).map(|longitude| {
        let along = (-90..=90)
            .step_by(fine)
            .map(|latitude| Position { latitude: whole(latitude), longitude: whole(longitude) });
        path(along.collect())
    });
    let parallels = (-90 + step..90).step_by(step as usize).map(|latitude| {
        let along = (-180..=180)
            .step_by(fine)
            .map(|longitude| Position { latitude: whole(latitude), longitude: whole(longitude) });
        path(along.collect())
    });
    let lines = meridians.chain(parallels).filter(|pieces| !pieces.is_empty());
    lines.map(|pieces| polyline(&pieces, "#d5dbe0", 0.6)).collect()
}

/// A bar of a round length, on the map at the lower right.
fn scale_bar(radius_km: f64, pixels_per_km: f64, bottom: f64) -> Vec<Element> {
    let power = 10_f64.powf((radius_km / 2.0).log10().floor());
    let factor = [5.0, 2.0, 1.0].into_iter().find(|factor| factor * power <= radius_km / 2.0).unwrap_or(1.0);
    let km = factor * power;
    let (start, end) = (RIGHT - 20.0 - km * pixels_per_km, RIGHT - 20.0);
    let mut bar = line((start, bottom - 30.0), (end, bottom - 30.0), colour::BLACK);
    svg::Node::assign(&mut bar, "stroke-width", "3");
    vec![bar, text(f64::midpoint(start, end), bottom - 12.0, "middle", 12, colour::GREY, &format!("{km} km"))]
}
