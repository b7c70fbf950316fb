use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{HOUR, Rows, START, dataset, hours, one_station, place, stderr, view};

/// A page that is served, and ended at last.
struct Page {
    server: Child,
    port: u16,
    token: String,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// An answer: its status, its head and its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Page {
    fn of(directory: &TempDir, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isd-view"));
        command.current_dir(directory.path()).arg("observations").args(arguments).arg("--no-open");
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let parts: Vec<&str> = line.trim().split(['/', ':']).collect();
        assert!(line.starts_with("http://127.0.0.1:"), "{line}");
        Self { server, port: parts[4].parse().unwrap(), token: parts[5].to_owned() }
    }

    fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// A request of a browser that shows the page, with other lines in its head.
    fn ask(&self, method: &str, path: &str, lines: &[&str]) -> Answer {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        if !lines.iter().any(|line| line.to_lowercase().starts_with("host:")) {
            lines.push(format!("Host: 127.0.0.1:{}", self.port));
        }
        self.send(&format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{}\r\n\r\n", lines.join("\r\n")))
    }

    fn json(&self, question: &str) -> Value {
        let answer = self.ask("GET", &format!("/{}/api/{question}", self.token), &[]);
        assert_eq!(answer.status, 200, "{question}: {}", answer.body);
        // Long answers come without chunks: their length is known.
        serde_json::from_str(&answer.body).unwrap()
    }
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().filter_map(Value::as_f64).collect()
}

fn station(station_id: &str, times: Vec<i64>, values: Vec<Option<f64>>) -> Rows<'_> {
    Rows { station_id, place: place(station_id, 26.68, -80.1), times, values }
}

#[test]
fn only_the_page_itself_is_answered() {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    let page = Page::of(&directory, &[]);
    let (token, port) = (page.token.clone(), page.port);
    assert!(token.len() == 48 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let root = format!("/{token}/");
    let overview = format!("/{token}/api/overview");
    let origin = format!("Origin: http://127.0.0.1:{port}");
    let localhost = format!("Host: localhost:{port}");
    for (method, path, lines, status) in [
        ("GET", root.as_str(), &[][..], 200),
        ("HEAD", &root, &[], 200),
        ("GET", &overview, &[&origin, "Sec-Fetch-Site: same-origin"], 200),
        ("GET", &root, &[&localhost, "Sec-Fetch-Site: none"], 200),
        // A link on another page leads here; nothing else of it does.
        (
            "GET",
            &root,
            &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
            200,
        ),
        (
            "GET",
            &overview,
            &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
            403,
        ),
        (
            "GET",
            &root,
            &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"],
            403,
        ),
        ("GET", &root, &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
        ("GET", &overview, &["Sec-Fetch-Site: same-site"], 403),
        ("GET", &overview, &["Origin: http://evil.example"], 403),
        ("GET", &overview, &["Origin: null"], 403),
        ("GET", &overview, &["Host: evil.example"], 421),
        ("GET", &overview, &[&format!("Host: evil.example:{port}")], 421),
        ("GET", &overview, &["Host: 127.0.0.1"], 421),
        ("GET", "/", &[], 403),
        ("GET", "/api/overview", &[], 403),
        ("GET", &format!("/{}/", "0".repeat(48)), &[], 403),
        ("GET", &format!("/{}/api/overview", &token[..47]), &[], 403),
        ("GET", &format!("/{token}0/api/overview"), &[], 403),
        ("GET", &format!("//{token}/api/overview"), &[], 403),
        ("POST", &overview, &[], 405),
        ("DELETE", &root, &[], 405),
        ("GET", &format!("/{token}/../../etc/passwd"), &[], 404),
        ("GET", &format!("/{token}/api/absent"), &[], 404),
    ] {
        let answer = page.ask(method, path, lines);
        assert_eq!(answer.status, status, "{method} {path} {lines:?}: {}", answer.body);
        assert!(status == 200 || !answer.body.contains("Palm Beach"));
    }
    // Two hosts, of which one is right.
    let both = format!(
        "GET {overview} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    );
    assert!(matches!(page.send(&both).status, 400 | 421));
}

#[test]
fn answers_allow_nothing_from_elsewhere() {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    let page = Page::of(&directory, &[]);
    for file in ["", "main.js", "plotly.js", "style.css", "api/overview"] {
        let head = page.ask("GET", &format!("/{}/{file}", page.token), &[]).head;
        for line in [
            "content-security-policy: default-src 'self'; img-src 'self' data: blob:; object-src 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(line), "{file}: {head}");
        }
    }
    let second = Page::of(&directory, &[]);
    assert!(second.token != page.token && second.port != page.port);
}

#[test]
fn a_view_has_the_extremes_of_each_pixel_and_all_rows_of_a_short_span() {
    // A century of hours, with one high and one low value in it.
    let count = 876_600;
    let mut values: Vec<Option<f64>> = (0..count).map(|row| Some(f64::from(row % 97) / 10.0)).collect();
    values[123_456] = Some(99.5);
    values[654_321] = Some(-50.5);
    let times: Vec<i64> = (0..i64::from(count)).map(|hour| (hour - 613_000) * HOUR).collect();
    let directory = dataset(&[station("722030-12844", times.clone(), values.clone())]);
    let page = Page::of(&directory, &[]);
    let whole = &page.json("panels?panel=0.0&width=900")[0];
    assert_eq!((whole["rows"].as_u64(), whole["is_apart"].as_bool()), (Some(876_600), Some(false)));
    let seen = numbers(&whole["v"]);
    assert!(seen.len() <= 1800 && seen.len() > 1700, "{}", seen.len());
    assert!(seen.contains(&99.5) && seen.contains(&-50.5));
    assert!(whole["band"].is_null());
    // An hour before and after the high value, and a value beside them at either side.
    let at = times[123_456] / 1000;
    let hour = 3_600_000;
    let close = &page.json(&format!("panels?panel=0.0&from={}&to={}&width=900", at - hour, at + hour + 1))[0];
    assert_eq!(close["rows"].as_u64(), Some(3));
    let expected: Vec<f64> = values[123_454..=123_458].iter().flatten().copied().collect();
    assert_eq!(numbers(&close["v"]), expected);
    assert_eq!(numbers(&close["t"])[2] as i64, at);
    assert_eq!(numbers(&close["band"]["mean"]).len(), 5);
    assert_eq!(close["marks"]["kind"], serde_json::json!(["outlier"]), "found by the kernel");
}

#[test]
fn series_of_no_value_one_value_and_with_gaps_have_views() {
    let far = 20 * 366 * 24;
    let directory = dataset(&[
        station("A", hours(5), vec![None; 5]),
        station("B", vec![START], vec![Some(7.5)]),
        station(
            "C",
            [hours(50), hours(50).iter().map(|time| time + far * HOUR).collect()].concat(),
            vec![Some(1.0); 100],
        ),
        station(
            "D",
            hours(65_000),
            (0..65_000).map(|row| (row % 3 > 0).then_some(f64::from(row % 7))).collect(),
        ),
    ]);
    let page = Page::of(&directory, &[]);
    let of = |number: usize| page.json(&format!("panels?panel={number}.0&width=500"))[0].clone();
    assert_eq!((of(0)["values"].as_u64(), numbers(&of(0)["v"]).len()), (Some(0), 0));
    assert_eq!(numbers(&of(1)["v"]), [7.5]);
    let across = of(2);
    let values = across["v"].as_array().unwrap();
    assert_eq!(values.iter().filter(|value| value.is_null()).count(), 1, "the line breaks at the gap");
    assert_eq!(across["gaps"].as_array().unwrap().len(), 1);
    let long = of(3);
    assert!(numbers(&long["v"]).len() <= 1000 && long["rows"].as_u64() == Some(65_000));
    let beyond = &page.json("panels?panel=1.0&from=0&to=100&width=500")[0];
    assert_eq!(beyond["rows"].as_u64(), Some(0));
}

#[test]
fn marks_are_thinned_to_the_most_severe_and_counted() {
    let directory = one_station("Palm Beach", &[Some(2.0); 1000]);
    let row = |hour: i64, z: &str| {
        let time = isd_dataset::time::iso8601(START + hour * HOUR);
        format!("722030-12844,{time},wind_speed_rate,2.0,{z}\n")
    };
    let rows: String = (0..1000).map(|hour| row(hour, if hour == 500 { "-inf" } else { "7.25" })).collect();
    let text = format!("station_id,timestamp,measurement,value,zscore\n{rows}");
    std::fs::write(directory.path().join("outliers.csv"), text).unwrap();
    let page = Page::of(&directory, &["--outliers", "outliers.csv"]);
    let marks = &page.json("panels?panel=0.0&width=10")[0]["marks"];
    assert_eq!(marks["total"].as_u64(), Some(1000));
    let notes: Vec<&str> = marks["note"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(notes.len(), 10, "one a pixel");
    assert!(notes.contains(&"outlier, z -inf"), "{notes:?}");
    let next = page.json(&format!("mark?panel=0.0&after={}", (START + 30 * HOUR) / 1000));
    assert_eq!(next["time"].as_i64(), Some((START + 31 * HOUR) / 1000));
    let before = page.json(&format!("mark?panel=0.0&before={}", (START + 30 * HOUR) / 1000));
    assert_eq!(before["time"].as_i64(), Some((START + 29 * HOUR) / 1000));
    assert!(page.json(&format!("mark?panel=0.0&after={}", (START + 1000 * HOUR) / 1000)).is_null());
    let counts = page.json("overview")["outliers"].clone();
    assert_eq!((counts["count"][0].as_u64(), counts["worst"][0].as_str()), (Some(1000), Some("-inf")));
}

#[test]
fn questions_that_make_no_sense_are_one_line() {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    let page = Page::of(&directory, &[]);
    for (question, status, said) in [
        ("station?id=722030-12845", 404, "the nearest is 722030-12844"),
        ("panels?panel=1.0", 400, "panel=1.0: no such station or measurement"),
        ("panels?panel=x", 400, "panel=x: no such station or measurement"),
        ("panels?panel=0.0&from=5&to=1", 400, "to: lies before from"),
        ("panels?panel=0.0&width=wide", 400, "width=wide: expected a number"),
        ("event", 400, "number: is missing"),
        ("mark?panel=0.0", 400, "after, before: one is needed"),
    ] {
        let answer = page.ask("GET", &format!("/{}/api/{question}", page.token), &[]);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(said), "{question}: {}", answer.body);
    }
    for id in ["722030-12844", "722030", "7"] {
        assert_eq!(page.json(&format!("station?id={id}"))["station"].as_u64(), Some(0), "{id}");
    }
}

#[test]
fn a_port_in_use_is_told() {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    let page = Page::of(&directory, &[]);
    let output = view(&directory, &["--no-open", "--port", &page.port.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let lines = stderr(&output);
    assert!(lines.starts_with(&format!("error: 127.0.0.1:{}: cannot listen: ", page.port)), "{lines}");
    assert!(lines.ends_with("\nhint: without --port a free one is taken\n"), "{lines}");
}

#[cfg(unix)]
#[test]
fn it_ends_when_it_is_asked_to_and_writes_nothing() {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    let files = |path: &Path| -> Vec<(String, SystemTime)> {
        let mut found: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().modified().unwrap())
            })
            .collect();
        found.sort();
        found
    };
    let before = (files(directory.path()), files(&directory.path().join("observations")));
    for signal in ["-INT", "-TERM"] {
        let mut page = Page::of(&directory, &[]);
        page.json("panels?panel=0.0");
        // A connection that stays open, and one whose request never ends.
        let idle = TcpStream::connect(("127.0.0.1", page.port)).unwrap();
        let mut begun = TcpStream::connect(("127.0.0.1", page.port)).unwrap();
        begun.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let asked = Instant::now();
        Command::new("kill").args([signal, &page.server.id().to_string()]).status().unwrap();
        assert_eq!(page.server.wait().unwrap().code(), Some(0), "{signal} after {:?}", asked.elapsed());
        drop((idle, begun));
    }
    assert_eq!((files(directory.path()), files(&directory.path().join("observations"))), before);
}

#[cfg(target_os = "linux")]
#[test]
fn the_browser_is_led_to_the_page_by_a_file_of_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    let place = directory.path();
    // In place of the program that opens files: it keeps what it was given.
    let program = place.join("xdg-open");
    let text = format!("#!/bin/sh\ncp -p \"$1\" '{0}/part'; mv '{0}/part' '{0}/opened'\n", place.display());
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_isd-view"));
    command.current_dir(place).args(["observations", "--station", "722030", "-m", "wind_speed_rate"]);
    let mut server = command.env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let opened = place.join("opened");
    let started = Instant::now();
    while !opened.exists() && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let text = std::fs::read_to_string(&opened).unwrap();
    let address = line.trim().replace('&', "&amp;");
    assert!(text.contains(&format!("content=\"0; url={address}\"")), "{text}");
    assert_eq!(std::fs::metadata(&opened).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_summary_as_json_has_the_address() {
    let directory = one_station("Palm Beach", &[Some(2.0); 40]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_isd-view"));
    command.current_dir(directory.path()).args(["observations", "--no-open", "--json", "--quiet"]);
    command.args(["--station", "722030", "-m", "wind_speed_rate", "--from", "2017-09-10"]);
    let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let summary: Value = serde_json::from_str(&line).unwrap();
    let address = summary["address"].as_str().unwrap();
    let beginning = "#station=722030-12844&measurement=wind_speed_rate&from=1505001600000&to=1505142000001";
    assert!(address.starts_with("http://127.0.0.1:") && address.ends_with(beginning), "{address}");
    assert_eq!((summary["rows"].as_u64(), summary["stations_placed"].as_u64()), (Some(40), Some(1)));
    // Of a picture, too.
    let arguments = ["--plot", "map", "-o", "map.svg", "--json"];
    let output = view(&directory, &arguments);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["files"], serde_json::json!(["map.svg"]));
    assert!(stderr(&output).starts_with("wrote map.svg ("));
}

#[test]
fn a_report_holds_everything_and_loads_nothing() {
    let name = "</script><script>alert(1)</script>";
    let stations: Vec<String> = (10..70).map(|number| format!("S{number}")).collect();
    let rows = stations.iter().map(|id| Rows {
        place: place(name, 10.0, 20.0),
        ..station(id, hours(40), (0..40).map(|row| Some(if row == 35 { 9.0 } else { 2.0 })).collect())
    });
    let directory = dataset(&rows.collect::<Vec<_>>());
    let row = |id: &String| {
        let time = isd_dataset::time::iso8601(START + 35 * HOUR);
        format!("{id},{time},wind_speed_rate,9.0,inf\n")
    };
    let rows: String = stations.iter().map(row).collect();
    let text = format!("station_id,timestamp,measurement,value,zscore\n{rows}");
    std::fs::write(directory.path().join("outliers.csv"), text).unwrap();
    let output = view(&directory, &["--outliers", "outliers.csv", "--export", "report.html", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report = std::fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(!report.contains(name));
    let own = report.replace(isd_views::page::assets::PLOTLY, "");
    assert!(
        own.len() < report.len() && !own.contains("src=\"") && !own.contains("href=\"style"),
        "nothing is loaded"
    );
    assert!(report.contains("default-src 'none'"));
    let data = report.split("id=\"report\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["overview"]["stations"]["name"][0].as_str(), Some(name));
    assert_eq!(data["items"].as_array().unwrap().len(), 50);
    assert_eq!(numbers(&data["items"][0]["panels"][0]["v"]).len(), 40);
    let again = view(&directory, &["--outliers", "outliers.csv", "--export", "again.html", "--quiet"]);
    assert!(again.status.success());
    let again = std::fs::read_to_string(directory.path().join("again.html")).unwrap();
    assert_eq!(again, report, "the same data give the same bytes");
}

#[test]
fn without_members_an_event_has_the_stations_around_its_peak() {
    let at = |id, latitude| Rows {
        place: place(id, latitude, 20.0),
        ..station(id, hours(40), vec![Some(2.0); 40])
    };
    let directory = dataset(&[at("A", 10.0), at("B", 11.0), at("C", 12.0), at("D", 50.0)]);
    let events = "event_id,kind,verdict,start,end,stations,observations,peak_value,peak_station,peak_time,latitude,longitude,extent_km,lowest_pressure,severity\n\
        calm,wind,unconfirmed,2017-09-10T01:00:00Z,2017-09-10T02:00:00Z,1,1,2,B,2017-09-10T01:00:00Z,11,20,0,,1\n\
        storm,wind,event,2017-09-10T05:00:00Z,2017-09-10T09:00:00Z,2,2,2,B,2017-09-10T06:00:00Z,11,20,0,,3\n";
    std::fs::write(directory.path().join("events.csv"), events).unwrap();
    let page = Page::of(&directory, &["--events", "events.csv"]);
    assert_eq!(
        page.json("overview")["events"]["id"],
        serde_json::json!(["storm", "calm"]),
        "most severe first"
    );
    assert_eq!(page.json("event?number=0")["stations"], serde_json::json!([1, 0, 2]));
    let marks = &page.json("panels?panel=1.0")[0]["marks"];
    assert_eq!(
        marks["note"],
        serde_json::json!(["exceedance, the peak of an event", "exceedance, the peak of an event"])
    );
    let members = "event_id,station_id,timestamp,measurement,value,threshold\n\
        storm,A,2017-09-10T05:00:00Z,wind_speed_rate,2,1.5\nstorm,C,2017-09-10T06:00:00Z,wind_speed_rate,2,1\n";
    std::fs::write(directory.path().join("members.csv"), members).unwrap();
    let page = Page::of(&directory, &["--events", "events.csv", "--members", "members.csv"]);
    assert_eq!(page.json("event?number=0")["stations"], serde_json::json!([2, 0]), "most severe first");
    let marks = &page.json("panels?panel=0.0")[0]["marks"];
    assert_eq!(marks["note"], serde_json::json!(["exceedance, beyond 1.5"]));
}
