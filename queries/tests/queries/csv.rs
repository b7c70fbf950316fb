use std::panic::catch_unwind;

use isd_queries::{Session, SessionOptions, TableSource};
use tempfile::TempDir;

use crate::support::{answer, failure, observations, shown, write_parquet};

/// The columns and rows of a CSV file `t.csv`.
fn read(text: &str, sql: &str) -> String {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    answer(&path, sql, &[])
}

/// What a CSV file `t.csv` is refused with.
fn refusal(text: &str) -> String {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    let message = failure(&[path.to_str().unwrap(), "select * from t"], 1);
    message.replace(path.to_str().unwrap(), "t.csv")
}

const ALL: &str = "select * from t";

#[test]
fn digits_that_are_names_keep_their_zeros() {
    let text = "usaf,wban,v\n007026,00489,1\n010010,99999,2\n";
    assert_eq!(read(text, ALL), text);
    // By a value in the last line, whatever the column is called; a zero alone and a decimal are numbers.
    let text = "place,n,x\n10,0,0.5\n20,7,01.5\n007,0,2\n";
    assert_eq!(
        read(text, "select place, sum(n) over () as n, x + 1 as x from t"),
        "place,n,x\n10,7,1.5\n20,7,2.5\n007,7,3.0\n"
    );
    // By name.
    let text = "WMO_ID,STATION,Usaf,GHCN_ID,n\n72202,1,2,3,4\n";
    let types =
        "select arrow_typeof(\"WMO_ID\") as a, arrow_typeof(\"STATION\") as b, arrow_typeof(\"Usaf\") as c,
                 arrow_typeof(\"GHCN_ID\") as d, arrow_typeof(n) as e from t";
    assert_eq!(read(text, types), "a,b,c,d,e\nUtf8,Utf8,Utf8,Utf8,Int64\n");
}

#[test]
fn quotes_make_a_name_of_digits_unless_everything_has_them() {
    let types = "select arrow_typeof(a) as a, arrow_typeof(b) as b from t";
    assert_eq!(read("a,b\n\"72\",1\n\"73\",2\n", types), "a,b\nUtf8,Int64\nUtf8,Int64\n");
    assert_eq!(read("a,b\n\"72\",1\n73,2\n", types), "a,b\nInt64,Int64\nInt64,Int64\n");
    assert_eq!(read("\"a\",\"b\"\n\"72\",\"1\"\n", types), "a,b\nInt64,Int64\n");
    assert_eq!(read("a,b\n\"7, 2\"\"\n\",1\n", ALL), "a,b\n\"7, 2\"\"\n\",1\n");
}

#[test]
fn delimiter_is_found_in_the_header() {
    for delimiter in [";", "\t", "|"] {
        let text = "station_id,wind,note\n010010,1.5,\"a,b\"\n".replace(',', delimiter);
        assert_eq!(
            read(&text.replace(&format!("a{delimiter}b"), "a,b"), ALL),
            "station_id,wind,note\n010010,1.5,\"a,b\"\n"
        );
    }
}

#[test]
fn what_cannot_be_read_right_is_refused_with_its_place() {
    insta::assert_snapshot!(refusal("a,a,b\n1,2,3\n"), @"
    error: t.csv: two columns are called `a`
    hint: rename one of them in the first line
    ");
    insta::assert_snapshot!(refusal("w,v\n\"x\ny\",0.1\n2,-1e400\n"), @"
    error: t.csv: line 4, column v: `-1e400` is beyond the range of float64
    hint: correct the number, or write nothing where it is missing
    ");
}

#[test]
fn text_in_another_encoding_is_refused_with_what_it_is() {
    let refusal = |bytes: &[u8]| {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("t.csv"), bytes).unwrap();
        shown(&directory, &["t.csv", "select * from t"])
    };
    let utf_16: Vec<u8> = "\u{feff}a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    insta::assert_snapshot!(refusal(&utf_16), @"
    [stderr]
    error: t.csv: the text is UTF-16
    hint: convert it: `iconv -f UTF-16 -t UTF-8` in a shell
    [status 1]
    ");
    // Without the mark, and the other way round.
    let utf_16: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(refusal(&utf_16).contains("the text is UTF-16"));
    insta::assert_snapshot!(refusal(b"name,wind\nOslo,1\nTroms\xf8,2\n"), @"
    [stderr]
    error: t.csv: line 3: byte 0xf8 is not UTF-8; most often such text is Latin-1
    hint: convert it: `iconv -f ISO-8859-1 -t UTF-8` in a shell
    [status 1]
    ");
    insta::assert_snapshot!(refusal(b"# made by hand\na,b\n1,2\n"), @"
    [stderr]
    error: t.csv: the first line is a comment (`#`), expected the names of the columns
    hint: remove the lines before the names: `grep -v '^#'` in a shell
    [status 1]
    ");
    insta::assert_snapshot!(refusal(b"a,b\r1,2\r"), @r"
    [stderr]
    error: t.csv: its lines end in carriage returns alone
    hint: convert it: `tr '\r' '\n'` in a shell
    [status 1]
    ");
    // The mark of UTF-8 is no part of the first name, nor of a value.
    assert_eq!(read("\u{feff}usaf,v\r\n007026,Tromsø\r\n", ALL), "usaf,v\n007026,Tromsø\n");
}

#[test]
fn every_damaged_footer_is_refused_or_read() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("t.parquet");
    write_parquet(&path, &observations("010010-99999", 0, 6));
    let whole = std::fs::read(&path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut refused = 0;
    for at in (whole.len() * 2 / 3..whole.len()).step_by(3) {
        for flipped in [0x01, 0x0F, 0x80, 0xFF] {
            let mut damaged = whole.clone();
            damaged[at] ^= flipped;
            std::fs::write(&path, &damaged).unwrap();
            let opened = catch_unwind(|| {
                let mut session = Session::new(&SessionOptions::default()).unwrap();
                let source = TableSource::detect(&path).unwrap();
                runtime.block_on(session.register(None, &source)).map_err(|error| error.to_string())
            });
            if let Err(message) = opened.unwrap() {
                assert!(message.starts_with(&format!("{}: ", path.display())), "{message}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn threads_are_as_many_as_the_machine_can_use() {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join("t.csv"), "a\n1\n").unwrap();
    let many = shown(&place, &["t.csv", "select * from t", "--threads", "4000"]);
    assert!(many.starts_with("a\n1\n[stderr]\nnote: ") && many.contains("instead of 4000"), "{many}");
    let absurd = shown(&place, &["t.csv", "select * from t", "--threads", "100000"]);
    assert!(
        absurd.contains("expected a number from 1 to 4096") && absurd.ends_with("[status 2]\n"),
        "{absurd}"
    );
}
