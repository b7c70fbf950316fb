use std::fs;
use std::io::Write;

use isd_converters::archive::Archive;
use isd_converters::{Error, ReadOptions};
use tempfile::TempDir;

use crate::texts::{day, gzip, refusal_of, rows_of};

const NAME: &str = "725300-94846-2017";

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn xz(text: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn whatever_compresses_a_file_its_rows_are_the_same() {
    let text = day(2017, 51);
    let expected = rows_of(NAME, &text, &ReadOptions::default());
    let bytes = text.as_bytes();
    let compressed = [
        ("gz", gzip(bytes)),
        ("bz2", bzip2(bytes)),
        ("xz", xz(bytes)),
        ("zst", zstd::encode_all(bytes, 3).unwrap()),
    ];
    for (extension, stored) in compressed {
        let name = format!("{NAME}.{extension}");
        assert_eq!(rows_of(&name, &stored, &ReadOptions::default()), expected, "{extension}");
        let message = refusal_of(&name, &stored[..stored.len() - 9], &ReadOptions::default());
        assert!(message.contains("cannot read"), "{message}");
    }
    // What tapes and disks pad files with.
    let padded = [gzip(bytes), vec![0; 1000]].concat();
    assert_eq!(rows_of(&format!("{NAME}.gz"), padded, &ReadOptions::default()), expected);
}

#[test]
fn what_is_not_unpacked_is_named() {
    for (name, content, what, hint) in [
        ("a.Z", b"\x1f\x9d\x90abc".as_slice(), ".Z", "uncompress"),
        ("a.zip", b"PK\x03\x04abc", "zip", "unzip"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "7z", "7z x"),
        (
            "a.gz",
            b" <!DOCTYPE HTML>\n<html><head><title>404 Not Found</title></head></html>",
            "web page (404 Not Found)",
            "download",
        ),
    ] {
        let home = TempDir::new().unwrap();
        let path = home.path().join(name);
        fs::write(&path, content).unwrap();
        let error: Error = Archive::open(&[path], &ReadOptions::default(), false).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
}
