//! The station list: stations and their spans in, lines in the layout of NOAA's `isd-history.csv` out.

use chrono::DateTime;

use super::network::Station;

/// First line of the file.
pub(super) const HEADER: &str = concat!(
    r#""USAF","WBAN","STATION NAME","CTRY","STATE","ICAO","LAT","LON","ELEV(M)","BEGIN","END""#,
    "\n"
);

/// The line of a station that reported from one hour since 1970 to another.
pub(super) fn line(station: &Station, (first_hour, last_hour): (i32, i32)) -> String {
    let date = |hour: i32| {
        DateTime::from_timestamp(i64::from(hour) * 3_600, 0).unwrap_or_default().format("%Y%m%d").to_string()
    };
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
    use super::*;
    use crate::synth::Options;

    #[test]
    fn lines_have_noaas_widths_and_signs() {
        let mut station = station(&Options::default(), 0);
        (station.latitude_deg, station.longitude_deg, station.elevation_m) = (-7.005, 8.5, 94.0);
        (station.usaf, station.wban, station.country, station.state) = (17_123, 3_013, "US", "KS");
        assert_eq!(
            line(&station, (262_968, 262_968 + 8_783)),
            "\"017123\",\"03013\",\"SYNTHETIC US 01712\",\"US\",\"KS\",\"\",\"-07.005\",\"+008.500\",\"+0094.0\",\"20000101\",\"20001231\"\n"
        );
    }
}
