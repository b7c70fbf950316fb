use std::path::Path;

use isd_converters::{Input, ReadOptions, open_input};

use crate::archives::read_rows;
use crate::texts::gzip;

/// `SplitMix64` (Steele, Lea and Flood 2014): the same damage in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// A few valid lines of each format, by the name of the file that holds them.
fn samples() -> [(&'static str, &'static str, Vec<u8>); 6] {
    let lite = "2017 01 01 00   -35   -42 10296   190    10     9 -9999     0\n\
                2017 01 01 02   -32   -37 10280     0     0    19    -1    -1\n";
    let raw = "0097722874931342006071308477+34028-118296FM-15+0056KCQT V0302705N005152200059N0160935N5+01835-01395101495\
               ADDAA101000595AA206001291GF108991999051000251999999KA1024M+03065MD1310742+9999MW1451EQDQ01+0007\n\
               0000722874931342006071309477+34028-118296SOD  +0056KCQT V0309999C000052200059N0160935N5+01835+01395101455\n";
    let talk = "timestamp,station_usaf,station_wban,wind_speed_rate,liquid_precipitation_1h,\"other\"\n\
                2017-01-01 00:00:00,724060,93721,51,-1,\"2.5\"\n\
                2017-01-01T01:00:00.5+01:00,10010,99999,-9999.0,,\n\
                1483232400,A00001,12,3,0,1e3\n";
    let export = "station_id,timestamp,air_temperature,sea_level_pressure\n\
                  724060-93721,2017-01-01T00:00:00Z,-3.5,1029.6\n";
    let ghcnh = "STATION|Station_name|DATE|temperature|temperature_Measurement_Code|temperature_Quality_Code|\
                 temperature_Source_Code|wind_direction|wind_direction_Measurement_Code|precipitation|\
                 precipitation_Measurement_Code|REM\n\
                 USW00012960|HOUSTON|2026-01-01T00:00:00|12.2||1|223|999|C|0.0|T|SYN08072243\n\
                 USW00012960|HOUSTON|2026-01-01T01:00:00|-9999||w||VRB|V|0.3|3|\n";
    let hourly = "\"STATION\",\"DATE\",\"NAME\",\"REPORT_TYPE\",\"WND\",\"TMP\",\"SLP\",\"AA1\",\"GF1\"\n\
                  \"72287493134\",\"2017-02-10T14:04:00\",\"A \"\"B\"\", C\",\"FM-15\",\"999,9,C,0000,1\",\"+0020,1\",\
                  \"99999,9\",\"01,0000,2,1\",\"08,99,1\"\n\
                  \"72287493134\",\"2017-02-10T23:59:00\",,\"SOD\",,,,\"24,0012,9,1\",\n";
    [
        ("isd-lite", "724060-93721-2017", lite.into()),
        ("isd-raw", "reports", raw.into()),
        ("station-csv", "talk.csv", talk.into()),
        ("station-csv", "export.csv", export.into()),
        ("ghcnh", "ghcnh.psv", ghcnh.into()),
        ("global-hourly", "hourly.csv", hourly.into()),
    ]
}

/// Reads it as it is recognised and as that format: rows that keep every promise, or an error of one line.
fn read_somehow(format: &str, name: &str, content: Vec<u8>) -> usize {
    let input = Input::member(Path::new("archive.tar"), Path::new(name), content.into());
    let mut readable = 0;
    for format in [None, Some(format.to_owned())] {
        let options = ReadOptions { format, ..ReadOptions::default() };
        match open_input(&input, &options).and_then(|mut source| read_rows(source.as_mut())) {
            Ok(rows) => {
                readable += 1;
                assert!(rows.stations.iter().all(|(id, rows)| !id.is_empty() && *rows > 0));
                assert_eq!(rows.stations.iter().map(|(_, rows)| rows).sum::<usize>(), rows.timestamps.len());
                assert!(rows.columns.iter().all(|(_, values)| values.len() == rows.timestamps.len()));
            }
            Err(error) => {
                let message = error.to_string();
                assert!(!message.contains('\n') && message.starts_with("archive.tar"), "{message:?}");
            }
        }
    }
    readable
}

#[test]
fn the_samples_themselves_are_read() {
    for (format, name, content) in samples() {
        assert_eq!(read_somehow(format, name, content.clone()), 2, "{name}");
        assert_eq!(read_somehow(format, name, gzip(content)), 2, "{name}");
    }
}

#[test]
fn text_cut_anywhere_is_read_or_refused() {
    for (format, name, content) in samples() {
        let compressed = gzip(&content);
        for whole in [content, compressed] {
            for cut in 0..whole.len() {
                read_somehow(format, name, whole[..cut].to_vec());
            }
        }
    }
}

#[test]
fn text_damaged_anywhere_is_read_or_refused() {
    let mut random = Random(19_010_101);
    // Bytes that mean something to one of the formats.
    let special = b"\0\n\r\"',;.-+ 0129TZe|ADGRMNaf\xff\xc3\x80";
    for (format, name, content) in samples() {
        let compressed = gzip(&content);
        let mut readable = 0;
        for round in 0..6000 {
            let mut damaged = if round % 8 == 0 { compressed.clone() } else { content.clone() };
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len());
                match random.below(5) {
                    0 => damaged[at] ^= 1 << random.below(8),
                    1 => damaged[at] = special[random.below(special.len())],
                    2 => {
                        damaged.remove(at);
                    }
                    3 => damaged.insert(at, special[random.below(special.len())]),
                    _ => {
                        let end = (at + random.below(40)).min(damaged.len());
                        let part = damaged[at..end].to_vec();
                        damaged.splice(at..at, part);
                    }
                }
            }
            readable += read_somehow(format, name, damaged);
        }
        assert!(readable > 0, "{name}: damage so heavy tests nothing");
    }
}

/// As text editors and spreadsheets write it, and where such files are put one behind the other.
#[test]
fn a_byte_order_mark_is_no_part_of_any_text() {
    for (format, name, content) in samples() {
        let read = |content: Vec<u8>| {
            let input = Input::member(Path::new("archive.tar"), Path::new(name), content.into());
            read_rows(open_input(&input, &ReadOptions::default()).unwrap().as_mut()).unwrap()
        };
        let marked = [b"\xef\xbb\xbf".as_slice(), &content].concat();
        assert_eq!(read(marked.clone()), read(content.clone()), "{format}");
        assert_eq!(read(gzip(&marked)), read(content.clone()), "{format}");
        assert_eq!(read(marked.repeat(2)), read(content.repeat(2)), "{format}");
    }
}
