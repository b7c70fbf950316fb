//! The station list: stations and the time that they reported in, lines in the layout of NOAA's `isd-history.csv` out.

use isd_dataset::station_list::HEADER;

use super::network::Station;
use super::time::utc;

/// First line of the file.
pub(super) fn header() -> String {
    HEADER.map(|name| format!("\"{name}\"")).join(",") + "\n"
}

/// The line of a station that reported from one hour to another, both since 1970-01-01T00:00Z.
pub(super) fn line(station: &Station, (first_hour, last_hour): (i32, i32)) -> String {
    let date = |hour: i32| utc(hour).format("%Y%m%d").to_string();
    format!(
        "\"{:06}\",\"{:05}\",\"{}\",\"{}\",\"{}\",\"\",\"{:+07.3}\",\"{:+08.3}\",\"{:+07.1}\",\"{}\",\"{}\"\n",
        station.usaf,
        station.wban,
        station.name(),
        station.country,
        station.state,
        station.latitude_deg,
        station.longitude_deg,
        station.elevation_m,
        date(first_hour),
        date(last_hour),
    )
}
