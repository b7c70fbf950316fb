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

#[cfg(test)]
mod tests {
    use super::super::network::station;
    use super::super::options::SynthOptions;
    use super::*;

    #[test]
    fn lines_have_noaas_widths_and_signs() {
        let mut station = station(&SynthOptions::default(), 0);
        (station.latitude_deg, station.longitude_deg, station.elevation_m) = (-7.005, 8.5, 94.0);
        (station.usaf, station.wban, station.country, station.state) = (17_123, 3_013, "US", "KS");
        assert_eq!(
            line(&station, (262_968, 262_968 + 8_783)),
            "\"017123\",\"03013\",\"SYNTHETIC US 01712\",\"US\",\"KS\",\"\",\"-07.005\",\"+008.500\",\"+0094.0\",\"20000101\",\"20001231\"\n"
        );
    }
}
