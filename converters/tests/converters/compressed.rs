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
        let name = match extension {
            "bz2" => "damaged bzip2",
            "zst" => "damaged zstd",
            "xz" => "damaged xz",
            _ => "deflate",
        };
        assert!(message.contains(name) || extension == "gz", "{message}");
    }
    // What tapes and disks pad files with.
    let padded = [gzip(bytes), vec![0; 1000]].concat();
    assert_eq!(rows_of(&format!("{NAME}.gz"), padded, &ReadOptions::default()), expected);
}

#[test]
fn what_is_not_unpacked_is_named() {
    for (name, content, what, hint) in [
        ("a.Z", b"\x1f\x9d\x90abc".as_slice(), ".Z", "uncompress"),
        ("a.lzma", b"\x5d\0\0\x80\0abc", ".lzma", "unlzma"),
        ("a.bz2.gz", &gzip(bzip2(b"text")), "is compressed by bzip2 inside gzip", "gunzip"),
        (
            "a.dat",
            b"\"TOA5\",\"CR1000\"\n\"TIMESTAMP\",\"T\"\n",
            "TOA5 table of a Campbell logger",
            "sed '1d;3,4d'",
        ),
        (
            "buoy.txt",
            b"#YY MM DD hh mm WDIR WSPD\n#yr mo dy hr mn degT m/s\n2017 01 01 00 50 190 MM\n",
            "columns are separated by blanks",
            "commas",
        ),
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

#[test]
fn archives_inside_archives_are_named() {
    let tar = |name: &str, content: &[u8]| {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content).unwrap();
        archive.into_inner().unwrap()
    };
    let inner = tar(NAME, day(2017, 51).as_bytes());
    for (content, what) in
        [(inner, "tar archive inside another"), (b"PK\x03\x04abc".to_vec(), "zip archive inside")]
    {
        let home = TempDir::new().unwrap();
        let path = home.path().join("a.tar");
        fs::write(&path, tar("inner", &content)).unwrap();
        let error = Archive::open(&[path], &ReadOptions::default(), false).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}
