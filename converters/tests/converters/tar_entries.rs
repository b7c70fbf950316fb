use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use isd_converters::ReadOptions;
use isd_converters::archive::Archive;
use tar::{EntryType, Header};
use tempfile::TempDir;

use crate::texts::day;

const A: &str = "010010-99999-2015";
const B: &str = "in/010020-99999-2015";

/// An archive under construction, of GNU tar's headers.
struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    fn entry(mut self, name: &str, kind: EntryType, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_entry_type(kind);
        if !link.is_empty() {
            header.set_link_name(link).unwrap();
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.add(&header, content);
        self
    }

    fn file(self, name: &str) -> Self {
        self.entry(name, EntryType::Regular, "", day(2015, 51).as_bytes())
    }

    fn add(&mut self, header: &Header, content: &[u8]) {
        self.bytes.write_all(header.as_bytes()).unwrap();
        self.bytes.write_all(content).unwrap();
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
    }

    /// Stations, rows, and what was left out, each with its reason.
    fn read(self) -> (Vec<String>, usize, Vec<String>) {
        let (stations, rows, left_out, _) = self.read_times();
        (stations, rows, left_out)
    }

    /// The same, and the times of all rows.
    fn read_times(mut self) -> (Vec<String>, usize, Vec<String>, Vec<i64>) {
        self.bytes.extend([0; 1024]);
        let (home, path) = stored(&self.bytes);
        let archive = Archive::open(std::slice::from_ref(&path), &ReadOptions::default(), false).unwrap();
        let mut stations = Vec::new();
        let mut rows = 0;
        let mut times = Vec::new();
        // Twice: what is left out is listed once.
        for _ in 0..2 {
            (stations, rows, times) = (Vec::new(), 0, Vec::new());
            let mut reader = archive.read(|_, _| true);
            while let Some(batch) = reader.next_batch().map_err(|failed| failed.error).unwrap() {
                rows += batch.rows();
                times.extend(&batch.timestamps);
                stations.extend(batch.stations.iter().map(|run| run.station_id.to_string()));
            }
        }
        let failures = archive.failures();
        let left_out = failures.iter().map(|failure| short(&failure.error.to_string(), home.path()));
        (stations, rows, left_out.collect(), times)
    }

    fn refusal(mut self) -> String {
        self.bytes.extend([0; 1024]);
        let (home, path) = stored(&self.bytes);
        short(&Archive::open(&[path], &ReadOptions::default(), false).unwrap_err().to_string(), home.path())
    }
}

fn stored(bytes: &[u8]) -> (TempDir, PathBuf) {
    let home = TempDir::new().unwrap();
    let path = home.path().join("a.tar");
    fs::write(&path, bytes).unwrap();
    (home, path)
}

fn short(message: &str, home: &Path) -> String {
    message.replace(&format!("{}/", home.display()), "")
}

#[test]
fn a_link_is_another_name_of_a_file() {
    let both = (vec!["010010-99999".to_owned(), "010020-99999".to_owned()], 48, Vec::new());
    assert_eq!(Tar::new().file(A).entry(B, EntryType::Link, A, b"").read(), both, "a hard link");
    assert_eq!(Tar::new().file(A).entry(B, EntryType::Symlink, &format!("../{A}"), b"").read(), both);
    assert_eq!(
        Tar::new().entry(B, EntryType::Symlink, &format!("../{A}"), b"").file(A).read(),
        both,
        "before it"
    );
    let chain = Tar::new().file(A).entry("x.txt", EntryType::Link, A, b"");
    assert_eq!(
        chain.entry(B, EntryType::Symlink, "../x.txt", b"").read(),
        both,
        "on from one that is passed over"
    );
    let chain = Tar::new().file(A).entry("in/x", EntryType::Symlink, &format!("../{A}"), b"");
    let (stations, rows, left_out) = chain.entry(B, EntryType::Link, "in/x", b"").read();
    assert_eq!((stations.len(), rows, left_out.len()), (2, 48, 1), "x is no name of ISD-Lite: {left_out:?}");
}

#[test]
fn links_to_nothing_are_listed() {
    for target in ["/etc/hostname", "../../x", "nothing", B, "020020-99999-2015"] {
        let kind = if target.starts_with("02") { EntryType::Link } else { EntryType::Symlink };
        let (stations, rows, left_out) = Tar::new().file(A).entry(B, kind, target, b"").read();
        assert_eq!((stations.len(), rows), (1, 24), "{target}");
        let [message] = left_out.as_slice() else { panic!("{target}: {left_out:?}") };
        assert!(message.starts_with(&format!("a.tar/{B}: is a link to ")), "{message}");
    }
    // A directory by another name: its files are there already.
    let archive = Tar::new().file(B).entry("other", EntryType::Symlink, "in", b"");
    let (stations, rows, left_out) = archive.read();
    assert_eq!((stations, rows), (vec!["010020-99999".to_owned()], 24));
    let directory = "a.tar/other: is a link to in, a directory, whose files are read under their own names";
    assert_eq!(left_out, [directory]);
    let message = Tar::new().entry(A, EntryType::Symlink, "elsewhere", b"").refusal();
    assert!(message.starts_with("a.tar: is a tar archive without a file that can be read: "), "{message}");
    assert!(message.contains(A), "{message}");
}

#[test]
fn loops_of_links_are_called_that() {
    let ring = [("x-1-2015", "y-1-2015"), ("y-1-2015", "x-1-2015"), ("z-1-2015", "z-1-2015")];
    let archive = ring.iter().fold(Tar::new().file(A), |archive, (name, target)| {
        archive.entry(name, EntryType::Symlink, target, b"")
    });
    let (_, rows, left_out) = archive.read();
    assert_eq!((rows, left_out.len()), (24, 3), "{left_out:?}");
    for ((name, target), message) in ring.iter().zip(left_out) {
        let expected = format!("a.tar/{name}: is a link to {target}, which leads on in a loop of links");
        assert_eq!(message, expected);
    }
}

#[test]
fn of_several_members_of_one_name_the_last_is_read() {
    let other = day(2016, 99);
    let later = |archive: Tar| archive.entry(A, EntryType::Regular, "", other.as_bytes());
    let dotted = |archive: Tar| archive.entry(&format!("./{A}"), EntryType::Regular, "", other.as_bytes());
    let one = (vec!["010010-99999".to_owned()], 24, Vec::new());
    let twice = [
        later(Tar::new().file(A)),
        dotted(Tar::new().file(A)),
        later(Tar::new().file(A).entry(A, EntryType::Regular, "", b"no observations")),
        later(Tar::new().entry(A, EntryType::Symlink, "nothing", b"").file(B).entry(
            B,
            EntryType::Link,
            A,
            b"",
        )),
    ];
    let expected_rows = [24, 24, 24, 48];
    for (number, (archive, rows)) in twice.into_iter().zip(expected_rows).enumerate() {
        let (stations, found, left_out, times) = archive.read_times();
        assert_eq!(found, rows, "{number}: {stations:?} {left_out:?}");
        let from = crate::texts::seconds("2016-01-01 00:00:00") * 1_000_000;
        assert!(times.iter().all(|&time| time >= from), "{number}: an earlier member was read");
    }
    let (_, path) = &twice_stored(&other);
    let archive = Archive::open(std::slice::from_ref(path), &ReadOptions::default(), false).unwrap();
    let notes = archive.notes().join(" ");
    assert!(
        notes.contains("of several members of one name the last is read: ") && notes.contains(A),
        "{notes}"
    );
    // An earlier one that is damaged does not matter.
    assert_eq!(Tar::new().entry(A, EntryType::Regular, "", b"no observations").file(A).read(), one);
    // A later link replaces a file.
    let archive = Tar::new().file(B).file(A).entry(A, EntryType::Link, B, b"");
    assert_eq!(archive.read().1, 48);
}

fn twice_stored(other: &str) -> (TempDir, PathBuf) {
    let mut archive = Tar::new().file(A).entry(A, EntryType::Regular, "", other.as_bytes());
    archive.bytes.extend([0; 1024]);
    stored(&archive.bytes)
}

#[test]
fn contiguous_files_are_files_and_other_entries_are_listed() {
    let archive = Tar::new().entry(A, EntryType::Continuous, "", day(2015, 51).as_bytes());
    assert_eq!(archive.read(), (vec!["010010-99999".to_owned()], 24, Vec::new()));
    for (kind, reason) in [
        (EntryType::Fifo, "a device or a pipe"),
        (EntryType::Block, "a device or a pipe"),
        (EntryType::new(b'M'), "another volume"),
        (EntryType::new(b'Q'), "'Q'"),
    ] {
        let (_, rows, left_out) = Tar::new().file(A).entry(B, kind, "", b"").read();
        assert_eq!(rows, 24);
        assert!(left_out.len() == 1 && left_out[0].contains(reason), "{left_out:?}");
    }
    for kind in [b'V', b'D'] {
        let (_, rows, left_out) = Tar::new().file(A).entry("x", EntryType::new(kind), "", b"").read();
        assert_eq!((rows, left_out.len()), (24, 0));
    }
}

#[test]
fn sparse_files_are_read_with_their_holes_or_listed() {
    // Two parts of a file whose second block of 512 bytes is a hole.
    let text = day(2015, 51);
    let mut header = Header::new_gnu();
    header.set_path(A).unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(512);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.realsize[..11].copy_from_slice(b"00000002000");
    gnu.sparse[0].offset[..11].copy_from_slice(b"00000000000");
    gnu.sparse[0].numbytes[..11].copy_from_slice(b"00000001000");
    gnu.sparse[1].offset[..11].copy_from_slice(b"00000002000");
    gnu.sparse[1].numbytes[..11].copy_from_slice(b"00000000000");
    header.set_cksum();
    let mut archive = Tar::new().file(B);
    archive.add(&header, &text.as_bytes()[..512]);
    let (_, rows, left_out) = archive.read();
    assert_eq!(rows, 24);
    assert!(left_out.len() == 1 && left_out[0].starts_with(&format!("a.tar/{A}: line ")), "{left_out:?}");

    // The form of POSIX archives: a record says that the file is sparse.
    let archive = Tar::new().file(B).entry(
        "PaxHeaders/x",
        EntryType::XHeader,
        "",
        b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n",
    );
    let (_, rows, left_out) = archive.file(A).read();
    assert_eq!(rows, 24);
    assert!(left_out.len() == 1 && left_out[0].contains("is a sparse file"), "{left_out:?}");
}

#[test]
fn archives_of_version_7_have_no_magic() {
    let mut header = Header::new_old();
    header.set_path(A).unwrap();
    header.set_size(day(2015, 51).len() as u64);
    header.as_mut_bytes()[156] = 0;
    header.set_cksum();
    let mut archive = Tar::new();
    archive.add(&header, day(2015, 51).as_bytes());
    assert_eq!(archive.read(), (vec!["010010-99999".to_owned()], 24, Vec::new()));
}
