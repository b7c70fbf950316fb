use std::fs;

use isd_dataset::geography::Position;
use isd_dataset::layout::STATIONS;
use isd_dataset::place::{Place, SaidPlaces};
use isd_dataset::station_table::{StationRecord, StationTable};
use tempfile::TempDir;

const HOUR: i64 = 3_600_000_000;

fn record(station_id: &str) -> StationRecord {
    StationRecord { station_id: station_id.into(), first: 0, last: 5 * HOUR, rows: 6 }
}

fn place(name: &str, latitude: f64) -> Place {
    let position = Position::of_station(latitude, -80.0);
    Place { name: Some(name.into()), position, ..Place::default() }
}

#[test]
fn what_is_written_is_read_again() {
    let mut table = StationTable::new([record("722030-12844"), record("010010-99999")]);
    table.set_places(|id| {
        (id == "722030-12844").then(|| Place {
            country: Some("US".into()),
            state: Some("FL".into()),
            elevation: Some(6.25),
            ..place("PALM \"BEACH\", INTL", 26.685)
        })
    });
    let directory = TempDir::new().unwrap();
    let bytes = table.write(directory.path()).unwrap();
    let text = fs::read_to_string(directory.path().join(STATIONS)).unwrap();
    assert_eq!(bytes, text.len() as u64);
    assert_eq!(
        text,
        "station_id,name,country,state,latitude,longitude,elevation,first,last,rows\n\
         010010-99999,,,,,,,1970-01-01T00:00:00Z,1970-01-01T05:00:00Z,6\n\
         722030-12844,\"PALM \"\"BEACH\"\", INTL\",US,FL,26.685,-80.0,6.25,1970-01-01T00:00:00Z,1970-01-01T05:00:00Z,6\n"
    );
    let read = StationTable::read(directory.path()).unwrap();
    assert_eq!(read, table);
    assert_eq!((read.placed(), read.number("722030-12844")), (1, Some(1)));
    assert_eq!(read.get("722030-12844").unwrap().place.state.as_deref(), Some("FL"));
    assert_eq!(read.get("722030"), None);
}

#[test]
fn a_dataset_without_a_table_is_none_or_an_error() {
    let directory = TempDir::new().unwrap();
    assert_eq!(StationTable::find(directory.path()).unwrap(), None);
    let error = StationTable::read(directory.path()).unwrap_err();
    assert!(error.to_string().ends_with("holds no _stations.csv, which says where its stations are"));
    assert_eq!(error.hint().as_deref(), Some("convert the archive again with isd-convert"));
}

#[test]
fn a_broken_table_is_named_with_its_line() {
    let header = "station_id,name,country,state,latitude,longitude,elevation,first,last,rows";
    let good = "a,,,,,,,1970-01-01T00:00:00Z,1970-01-01T00:00:00Z,1";
    let cases = [
        ("a,b\n1,2\n".to_owned(), "is no table of a dataset's stations"),
        (format!("{header}\n{good}\n{}\n", good.replace(",1", ",x")), "is no table of a dataset's stations"),
        (
            format!("{header}\n{good}\n{}\n", good.replacen("1970-01-01T00:00:00Z", "noon", 1)),
            "_stations.csv: line 3: column first: found `noon`, expected a time",
        ),
        (format!("{header}\n{}\n", good.replacen(",,,,", ",,,,north", 1)), "is no table"),
    ];
    for (text, expected) in cases {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join(STATIONS), &text).unwrap();
        let error = StationTable::find(directory.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn a_list_goes_over_what_is_known_and_leaves_the_rest() {
    let directory = TempDir::new().unwrap();
    let list = directory.path().join("list.csv");
    let header = isd_dataset::station_list::HEADER.join(",");
    fs::write(
        &list,
        format!("{header}\n722030,12844,NEW NAME,US,FL,,,,,20000101,20200101\n010010,99999,JAN MAYEN,NO,,,70.9,-8.7,9,20000101,20200101\n"),
    )
    .unwrap();
    let mut table = StationTable::new(["722030-12844", "010010-99999", "999999-99999"].map(record));
    table.set_places(|id| id.starts_with('7').then(|| place("OLD NAME", 26.0)));
    table.set_places_of_list(&list).unwrap();
    let palm = &table.get("722030-12844").unwrap().place;
    assert_eq!((palm.name.as_deref(), palm.position), (Some("NEW NAME"), Position::of_station(26.0, -80.0)));
    assert_eq!(table.get("010010-99999").unwrap().place.elevation, Some(9.0));
    assert_eq!(table.get("999999-99999").unwrap().place, Place::default());
    fs::write(&list, "a,b\n").unwrap();
    let error = table.set_places_of_list(&list).unwrap_err().to_string();
    assert!(error.contains("is no station list: expected the columns USAF"), "{error}");
}

#[test]
fn the_last_place_counts_in_whatever_order_rows_come() {
    let parts = [("a", 10.0, 0, 3), ("b", 10.5, 4, 4), ("c", 12.0, 5, 9)];
    let parts =
        parts.map(|(name, latitude, first, last)| SaidPlaces::new(&place(name, latitude), first, last));
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let mut places = parts[order[0]].clone();
        order[1..].iter().for_each(|&part| places.add(&parts[part]));
        assert_eq!(
            (places.first.place.name.as_deref(), places.last.place.name.as_deref()),
            (Some("a"), Some("c"))
        );
        // Two degrees of latitude.
        assert!((places.moved_km() - 222.39).abs() < 0.01);
    }
}
