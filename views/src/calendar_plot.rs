//! The calendar: times of outliers in, a picture of their counts by month and hour out.

use chrono::{DateTime, Datelike, Timelike};
use svg::node::element::Element;

use crate::drawing::{Picture, WIDTH, colour, cut, hover, outlined, rectangle, text};

/// Number of outliers by month (January first) and hour of the day, UTC.
pub type Counts = [[u64; 24]; 12];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LEFT: f64 = 72.0;
const TOP: f64 = 84.0;
const CELL: (f64, f64) = (34.0, 30.0);

/// Counts times, in microseconds since 1970 UTC, by month and hour; those beyond any calendar are left out.
#[must_use]
pub fn count(times: impl IntoIterator<Item = i64>) -> Counts {
    let mut counts = Counts::default();
    for time in times.into_iter().filter_map(DateTime::from_timestamp_micros) {
        counts[time.month0() as usize][time.hour() as usize] += 1;
    }
    counts
}

/// Draws the counts: a row a month, a column an hour.
#[must_use]
pub fn draw(title: &str, subtitle: &str, counts: &Counts) -> Picture {
    let total: u64 = counts.iter().flatten().sum();
    let what = if total == 0 { "no outliers".to_owned() } else { format!("{total} outliers") };
    let subtitle = format!("{what}; {subtitle}");
    let most = counts.iter().flatten().copied().max().unwrap_or(0);
    let mut elements = vec![
        text(LEFT, 28.0, "start", 18, colour::BLACK, &cut(title, 18, WIDTH - LEFT - 20.0)),
        text(LEFT, 50.0, "start", 12, colour::GREY, &cut(&subtitle, 12, WIDTH - LEFT - 20.0)),
    ];
    let x = |hour: usize| LEFT + hour as f64 * CELL.0;
    let y = |month: usize| TOP + month as f64 * CELL.1;
    for hour in 0..24 {
        elements.push(text(
            x(hour) + CELL.0 / 2.0,
            TOP - 8.0,
            "middle",
            11,
            colour::GREY,
            &format!("{hour:02}"),
        ));
        let of_hour = counts.iter().map(|month| month[hour]).sum::<u64>().to_string();
        elements.push(text(x(hour) + CELL.0 / 2.0, y(12) + 18.0, "middle", 11, colour::GREY, &of_hour));
    }
    for (month, of_month) in counts.iter().enumerate() {
        let middle = y(month) + CELL.1 / 2.0 + 4.0;
        elements.push(text(LEFT - 10.0, middle, "end", 12, colour::GREY, MONTHS[month]));
        elements.push(text(
            x(24) + 10.0,
            middle,
            "start",
            11,
            colour::GREY,
            &of_month.iter().sum::<u64>().to_string(),
        ));
        for (hour, outliers) in of_month.iter().enumerate() {
            elements.push(cell(
                (x(hour), y(month)),
                *outliers,
                most,
                &format!("{} {hour:02} h", MONTHS[month]),
            ));
            if *outliers > 0 {
                let ink = if shade(*outliers, most) > 0.7 { "#ffffff" } else { colour::BLACK };
                elements.push(text(x(hour) + CELL.0 / 2.0, middle, "middle", 11, ink, &outliers.to_string()));
            }
        }
    }
    elements.push(text(LEFT - 10.0, y(12) + 18.0, "end", 11, colour::GREY, "sum"));
    elements.push(text(x(24) + 10.0, TOP - 8.0, "start", 11, colour::GREY, "sum"));
    elements.push(text(x(12), y(12) + 40.0, "middle", 12, colour::GREY, "hour (UTC)"));
    Picture { height: y(12) + 56.0, title: format!("{title} {subtitle}"), elements }
}

/// How dark a count is, from 0 to 1: by its square root, so that few are told from none beside many.
fn shade(outliers: u64, most: u64) -> f64 {
    if most == 0 { 0.0 } else { (outliers as f64 / most as f64).sqrt() }
}

/// A cell from white to Okabe and Ito's blue: lightness alone tells counts apart.
fn cell(at: (f64, f64), outliers: u64, most: u64, about: &str) -> Element {
    let channel = |end: f64| (255.0 + (end - 255.0) * shade(outliers, most)).round() as u8;
    let fill = format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(94.0), channel(158.0));
    let cell = outlined(rectangle(at, CELL, &fill), colour::GRID, 1.0);
    hover(cell, &format!("{about}: {outliers}"))
}
