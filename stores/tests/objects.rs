//! Objects of a web server on the loopback address: ranges, streams, what is fetched ahead, and answers that are cut.

#![cfg(feature = "object-stores")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use isd_stores::{Object, ReadAhead, Stream};

/// What a server holds, and what it was asked.
struct Served {
    content: Vec<u8>,
    /// The answers whose bodies end in the middle: of each so many, the first.
    cut: Option<usize>,
    gets: AtomicUsize,
}

/// Serves `content` under every path; returns the address of an object.
fn serve(content: Vec<u8>, cut: Option<usize>) -> (PathBuf, Arc<Served>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/directory/object.bin", listener.local_addr().unwrap());
    let served = Arc::new(Served { content, cut, gets: AtomicUsize::new(0) });
    let own = Arc::clone(&served);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let served = Arc::clone(&own);
            std::thread::spawn(move || answer(&served, &stream.unwrap()));
        }
    });
    (address.into(), served)
}

fn answer(served: &Served, mut stream: &TcpStream) {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).map(|l| l.to_lowercase()).collect();
    let Some(request) = head.first() else { return };
    let size = served.content.len();
    let wanted = head.iter().find_map(|line| line.strip_prefix("range: bytes=")?.split_once('-'));
    let range = wanted.map(|(first, last)| first.parse().unwrap()..last.parse::<usize>().unwrap() + 1);
    let body = &served.content[range.clone().unwrap_or(0..size)];
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    let place = range.map_or_else(String::new, |range| {
        format!("Content-Range: bytes {}-{}/{size}\r\n", range.start, range.end - 1)
    });
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\
         Last-Modified: Tue, 05 Sep 2017 12:00:00 GMT\r\n{place}\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    if request.starts_with("get") {
        let number = served.gets.fetch_add(1, Ordering::Relaxed);
        let is_cut = served.cut.is_some_and(|each| number.is_multiple_of(each));
        // Whoever has seen enough hangs up.
        let _ = stream.write_all(if is_cut { &body[..body.len() / 2] } else { body });
    }
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|number| (number % 251) as u8).collect()
}

#[test]
fn ranges_are_what_the_object_holds() {
    let content = bytes(20 << 20);
    let (address, _) = serve(content.clone(), None);
    let object = Object::open(&address).unwrap();
    assert_eq!(object.len(), content.len() as u64);
    assert_eq!(object.fetch(5..5).unwrap(), &b""[..]);
    assert_eq!(object.fetch(1000..2000).unwrap(), content[1000..2000]);
    // By several requests.
    assert_eq!(object.fetch(1..20 << 20).unwrap(), content[1..]);
    let both = object.fetch_all(&[3..7, 100..200]).unwrap();
    assert_eq!((&both[0][..], &both[1][..]), (&content[3..7], &content[100..200]));
    assert!(object.fetch(0..(20 << 20) + 1).is_err());
}

#[test]
fn what_is_cut_is_fetched_again() {
    let content = bytes(3 << 20);
    for cut in [Some(2), Some(3)] {
        let (address, _) = serve(content.clone(), cut);
        let mut read = Vec::new();
        Stream::of(Object::open(&address).unwrap()).read_to_end(&mut read).unwrap();
        assert!(read == content);
    }
    let (address, served) = serve(content, Some(1));
    let error = Object::open(&address).unwrap().fetch(0..1000).unwrap_err();
    assert_eq!(error.to_string(), "the connection was cut off");
    assert_eq!(isd_stores::hint(&error), Some("run again"));
    assert!(served.gets.load(Ordering::Relaxed) > 2);
}

#[test]
fn each_range_is_fetched_once_ahead() {
    let content = bytes(1 << 20);
    let (address, served) = serve(content.clone(), None);
    let object = Object::open(&address).unwrap();
    let ranges: Vec<_> = (0..64_u64).map(|number| number * 1000..number * 1000 + 900).collect();
    let ahead = ReadAhead::new(ranges.iter().map(|range| (object.clone(), range.clone())).collect());
    std::thread::scope(|scope| {
        for half in ranges.chunks(32) {
            let (ahead, object, content) = (&ahead, &object, &content);
            scope.spawn(move || {
                for range in half {
                    let own = &content[range.start as usize..range.end as usize];
                    assert_eq!(ahead.fetch(object, range.clone()).unwrap(), own);
                }
            });
        }
    });
    assert_eq!(served.gets.load(Ordering::Relaxed), 64);
    // What is not in the list, and what has been given out.
    assert_eq!(ahead.fetch(&object, 0..10).unwrap(), content[..10]);
    assert_eq!(ahead.fetch(&object, ranges[3].clone()).unwrap(), content[3000..3900]);
    assert_eq!(served.gets.load(Ordering::Relaxed), 66);
}

#[test]
fn nothing_is_written_to_a_web_server() {
    let (address, served) = serve(bytes(10), None);
    let error = isd_stores::check_writable(&address).unwrap_err();
    assert_eq!(error.to_string(), "a web server can only be read");
    assert!(isd_stores::list(&address).is_err());
    assert!(isd_stores::replace(Vec::new(), &address, None).is_err());
    assert_eq!(served.gets.load(Ordering::Relaxed), 0);
}

#[test]
fn nobody_at_home_is_said_so() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Object::open(Path::new(&format!("http://{closed}/x"))).unwrap_err();
    assert_eq!(error.to_string(), "cannot reach the server");
}
