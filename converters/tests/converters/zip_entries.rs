//! Zip archives: what is read of them as of tar archives, and what is listed.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::DeflateEncoder;
use flate2::{Compression, Crc};
use isd_converters::ReadOptions;
use isd_converters::archive::Archive;
use tempfile::TempDir;

use crate::texts::day;

const A: &str = "010010-99999-2015";
const B: &str = "in/010020-99999-2015.gz";

/// Methods of zip.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// An archive of these files: name, content, method.
fn zip(members: &[(&str, &[u8], u16)]) -> Vec<u8> {
    let (mut files, mut directory) = (Vec::new(), Vec::new());
    for (name, content, method) in members {
        let mut packed = content.to_vec();
        if *method == DEFLATED {
            packed.clear();
            DeflateEncoder::new(*content, Compression::default()).read_to_end(&mut packed).unwrap();
        }
        let mut checksum = Crc::new();
        checksum.update(content);
        let offset = u32::try_from(files.len()).unwrap();
        // Version, flags, method, time, checksum, sizes and lengths of names, as both headers have them.
        let mut shared = vec![20, 0, 0, 0];
        shared.extend(method.to_le_bytes());
        shared.extend([0; 4]);
        shared.extend(checksum.sum().to_le_bytes());
        for size in [packed.len(), content.len()] {
            shared.extend(u32::try_from(size).unwrap().to_le_bytes());
        }
        shared.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        shared.extend([0; 2]);
        files.extend([b"PK\x03\x04", &*shared, name.as_bytes(), &packed].concat());
        directory.extend(
            [b"PK\x01\x02\x14\x03", &*shared, &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat(),
        );
    }
    let (count, sizes) = (members.len() as u8, [directory.len(), files.len()]);
    let sizes = sizes.map(|size| u32::try_from(size).unwrap().to_le_bytes()).concat();
    [&*files, &directory, b"PK\x05\x06\0\0\0\0", &[count, 0, count, 0], &sizes, &[0; 2]].concat()
}

/// Stations, rows, and what was left out, each with its reason; or why the archive is refused.
fn read(bytes: &[u8]) -> Result<(Vec<String>, usize, Vec<String>), String> {
    let home = TempDir::new().unwrap();
    let path = home.path().join("a.zip");
    fs::write(&path, bytes).unwrap();
    let short = |message: String, home: &Path| message.replace(&format!("{}/", home.display()), "");
    let archive = Archive::open(std::slice::from_ref(&path), &ReadOptions::default(), false)
        .map_err(|error| short(error.to_string(), home.path()))?;
    let (mut stations, mut rows) = (Vec::new(), 0);
    let mut reader = archive.read(|_, _| true);
    while let Some(batch) = reader.next_batch().map_err(|failed| failed.error.to_string())? {
        rows += batch.rows();
        stations.extend(batch.stations.iter().map(|run| run.station_id.to_string()));
    }
    let left_out = archive.failures();
    let left_out = left_out.iter().map(|failure| short(failure.error.to_string(), home.path())).collect();
    Ok((stations, rows, left_out))
}

#[test]
fn members_are_read_however_they_are_stored() {
    let text = day(2015, 51);
    let packed = crate::texts::gzip(&text);
    let one = zip(&[(A, text.as_bytes(), DEFLATED)]);
    assert_eq!(read(&one).unwrap(), (vec!["010010-99999".to_owned()], 24, Vec::new()));
    let many = zip(&[
        ("readme.txt", b"about", STORED),
        ("__MACOSX/._x", b"fork", STORED),
        (A, text.as_bytes(), DEFLATED),
        (B, &packed, STORED),
        ("010030-99999-2015", b"no observations", DEFLATED),
    ]);
    let (stations, rows, left_out) = read(&many).unwrap();
    assert_eq!((stations, rows), (vec!["010010-99999".to_owned(), "010020-99999".to_owned()], 48));
    let [message] = left_out.as_slice() else { panic!("{left_out:?}") };
    assert!(message.starts_with("a.zip/010030-99999-2015: is of no format"), "{message}");
}

#[test]
fn what_cannot_be_read_is_listed() {
    let text = day(2015, 51);
    let good = zip(&[(A, text.as_bytes(), STORED), (B, b"x", STORED)]);
    // The second member's headers: encrypted; of a method that is not read; of another checksum.
    let (local, central) = (find(&good, b"PK\x03\x04", 1), find(&good, b"PK\x01\x02", 1));
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[central + at] = value;
        bytes[local + at - 2] = value;
        bytes
    };
    for (bytes, reason) in [
        (changed(8, 1), "is encrypted, which is not read"),
        (changed(10, 97), "is compressed by the method 97 of zip, which is not read"),
        (changed(16, 0xff), "is damaged: "),
    ] {
        let (_, rows, left_out) = read(&bytes).unwrap();
        assert_eq!(rows, 24, "{reason}");
        let [message] = left_out.as_slice() else { panic!("{reason}: {left_out:?}") };
        assert!(message.starts_with(&format!("a.zip/{B}: {reason}")), "{message}");
    }
    let up = zip(&[(A, text.as_bytes(), STORED), ("../x", b"x", STORED)]);
    let (_, rows, left_out) = read(&up).unwrap();
    assert_eq!((rows, left_out.len()), (24, 1));
    assert!(left_out[0].contains("leads out of the archive"), "{left_out:?}");
}

/// Where the signature stands for the time of that number, counted from 0.
fn find(bytes: &[u8], signature: &[u8], number: usize) -> usize {
    let places = bytes.windows(4).enumerate().filter(|(_, window)| *window == signature);
    places.map(|(place, _)| place).nth(number).unwrap()
}

#[test]
fn the_last_of_several_members_of_one_name_is_read() {
    let (first, last) = (day(2015, 51), day(2015, 52));
    let twice =
        zip(&[(A, b"damaged", STORED), (A, first.as_bytes(), STORED), (A, last.as_bytes(), DEFLATED)]);
    assert_eq!(read(&twice).unwrap(), (vec!["010010-99999".to_owned()], 24, Vec::new()));
}

/// Sizes and offsets of 64 bits, as written by programs that do not know the size beforehand, and a comment.
#[test]
fn large_archives_have_numbers_of_64_bits() {
    let text = day(2015, 51);
    let good = zip(&[(A, text.as_bytes(), DEFLATED)]);
    let (central, end) = (find(&good, b"PK\x01\x02", 0), find(&good, b"PK\x05\x06", 0));
    let number =
        |at: usize| u64::from(u32::from_le_bytes(good[at..at + 4].try_into().unwrap())).to_le_bytes();
    let mut directory = good[central..end].to_vec();
    let extra =
        [&[1, 0, 24, 0][..], &number(central + 24), &number(central + 20), &number(central + 42)].concat();
    for at in [20, 24, 42] {
        directory[at..at + 4].fill(0xff);
    }
    directory[30] = extra.len() as u8;
    directory.extend(extra);
    let place = (central as u64).to_le_bytes();
    let end_64 = [b"PK\x06\x06", &[0; 36][..], &(directory.len() as u64).to_le_bytes(), &place].concat();
    let at = ((central + directory.len()) as u64).to_le_bytes();
    let locator = [b"PK\x06\x07\0\0\0\0", &at[..], &[1, 0, 0, 0]].concat();
    let mut last = good[end..].to_vec();
    last[12..20].fill(0xff);
    last[20] = 5;
    let large = [&good[..central], &directory, &end_64, &locator, &last, b"hello"].concat();
    assert_eq!(read(&large).unwrap(), (vec!["010010-99999".to_owned()], 24, Vec::new()));
}

#[test]
fn an_archive_that_is_cut_or_empty_is_refused() {
    let text = day(2015, 51);
    let whole = zip(&[(A, text.as_bytes(), DEFLATED)]);
    let message = read(&whole[..whole.len() / 2]).unwrap_err();
    assert!(message.starts_with("a.zip: cannot read it as a zip archive: "), "{message}");
    assert_eq!(read(&zip(&[])).unwrap_err(), "a.zip: is a zip archive without files");
}
