//! The prompt as a person meets it: on a pseudo-terminal that `script` of util-linux makes.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::outliers_file;

const UP: &str = "\x1b[A";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
/// What a terminal is told when a line was read.
const PASTING_ENDS: &str = "\x1b[?2004l";
/// How long a test waits for the screen to show something before it fails.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a query takes to be planned, and more. Where it takes longer, Ctrl-C stops it all the same.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// A terminal with `isd-query` on it.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    /// What was shown since the last wait.
    screen: String,
}

impl Terminal {
    /// Starts a command line there, which begins with `isd-query`; its history is kept below `state`.
    fn open(arguments: &str, state: &Path) -> Self {
        // In place of the shell: one that waited for it would take Ctrl-C for an end of its own.
        let command = format!("stty rows 16 cols 100; exec {} {arguments}", env!("CARGO_BIN_EXE_isd-query"));
        let mut child = Command::new("script")
            .args(["-q", "-e", "-c", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("XDG_STATE_HOME", state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, shown) = channel();
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                if send.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = child.stdin.take().unwrap();
        Self { child, keys, shown, screen: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen shows a text; what was shown up to it is done with.
    fn waits_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.screen.find(text) {
                self.screen.drain(..at + text.len());
                return;
            }
            let bytes = self.shown.recv_timeout(PATIENCE);
            assert!(bytes.is_ok(), "`{text}` is not shown, but {:?}", self.screen);
            self.screen.push_str(&String::from_utf8_lossy(&bytes.unwrap()));
        }
    }

    /// What is still shown until the command ends.
    fn ends(mut self) -> String {
        while let Ok(bytes) = self.shown.recv_timeout(PATIENCE) {
            self.screen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.screen);
        self.screen
    }
}

/// What the terminal shows for these lines typed at the prompt.
fn typed(arguments: &str, lines: &[&str]) -> String {
    let state = TempDir::new().unwrap();
    let mut terminal = Terminal::open(arguments, state.path());
    terminal.press(&(lines.join("\n") + "\n"));
    terminal.ends()
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn statements_and_commands_are_answered_at_the_prompt() {
    let (_directory, path) = outliers_file();
    let lines = [
        "select count(*) as n",
        "from outliers;",
        ".tables",
        ".mode markdown",
        "@top-stations n=1",
        "select nothing from outliers;",
        ".nonsense",
        ".quit",
    ];
    let screen = typed(path.to_str().unwrap(), &lines);
    assert!(screen.contains("tables: outliers."), "{screen}");
    assert!(screen.contains("n\r\n-\r\n5\r\n"), "{screen}");
    assert!(screen.contains("outliers: station_id, timestamp, measurement, "), "{screen}");
    assert!(screen.contains("| 722010-12836 | 3 | 1 |"), "{screen}");
    assert!(screen.contains("there is no column `nothing`"), "{screen}");
    assert!(screen.contains("there is no command `.nonsense`"), "{screen}");
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn results_go_to_a_file_and_back_to_the_screen() {
    let (directory, path) = outliers_file();
    let file = directory.path().join("counted.csv");
    let output = format!(".output {}", file.display());
    let lines =
        [&output, "select count(*) as n from outliers;", ".output", "select 6 * 7 as answer;", ".quit"];
    let screen = typed(path.to_str().unwrap(), &lines);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "n\n5\n");
    assert!(screen.contains("answer\r\n------\r\n    42\r\n"), "{screen}");
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn file_keeps_all_results_until_the_output_ends() {
    let (directory, path) = outliers_file();
    let (csv, parquet) = (directory.path().join("kept.csv"), directory.path().join("kept.parquet"));
    let lines = [
        &format!(".output {}", csv.display()),
        "select 1 as a;",
        "select cast(station_id as int) from outliers;",
        "select 2 as b; select 3 as c;",
        &format!(".output {}", parquet.display()),
        "select 4 as d;",
        "select 5 as e;",
        "exit",
    ];
    let screen = typed(path.to_str().unwrap(), &lines);
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), "a\n1\n\nb\n2\n\nc\n3\n");
    assert_eq!(crate::support::answer(&parquet, "select * from kept", &[]), "d\n4\n");
    assert!(screen.contains("kept.parquet has a result, and its format holds one"), "{screen}");
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn prompt_answers_words_shows_what_fits_and_rounds() {
    let (_directory, path) = outliers_file();
    let state = TempDir::new().unwrap();
    let mut terminal = Terminal::open(path.to_str().unwrap(), state.path());
    terminal.waits_for("isd> ");
    terminal.press("help\r");
    terminal.waits_for(".rows [N|all]");
    terminal.waits_for("isd> ");
    terminal.press("select value as k, value / 3.0 as third\r");
    terminal.waits_for("...> ");
    terminal.press("from generate_series(1, 993786) order by 1;\r");
    terminal.waits_for("10  3.3333\r\n(993,786 rows, the first 10 shown; .rows all shows all)\r\n");
    terminal.waits_for("isd> ");
    terminal.press(".rows 2\r");
    terminal.waits_for("isd> ");
    terminal.press("select value as k from generate_series(1, 9) order by 1;\r");
    terminal.waits_for("2\r\n(9 rows, the first 2 shown; ");
    terminal.waits_for("isd> ");
    terminal.press("\\q\r");
    terminal.ends();
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn views_are_saved_and_opened() {
    let (directory, path) = outliers_file();
    let file = directory.path().join("views.sql");
    let lines = [
        "create view strong as select * from outliers where value > 30;",
        "create view weak as select * from outliers where value < 1;",
        "drop view weak;",
        &format!(".save {}", file.display()),
        "quit",
    ];
    let screen = typed(path.to_str().unwrap(), &lines);
    assert!(screen.contains("1 view in "), "{screen}");
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_eq!(saved, "CREATE OR REPLACE VIEW strong AS SELECT * FROM outliers WHERE value > 30;\n");
    let open = format!(".open {}", file.display());
    let screen = typed(path.to_str().unwrap(), &[&open, "select count(*) as strong from strong;", "quit"]);
    assert!(screen.contains("strong\r\n------\r\n     2\r\n"), "{screen}");
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn words_are_completed_and_come_back_in_the_next_session() {
    let (_directory, path) = outliers_file();
    let state = TempDir::new().unwrap();
    let mut terminal = Terminal::open(path.to_str().unwrap(), state.path());
    terminal.waits_for("isd> ");
    terminal.press(".sch\t outl\t\r");
    terminal.waits_for("rolling_mean");
    terminal.waits_for("isd> ");
    // Over two lines, with a keyword, a table and one of its columns.
    terminal.press("sel\t count(*) as n, max(o.zsc\t) as most\rfro\t outl\t o;\r");
    terminal.waits_for("n  most\r\n-  ----\r\n5   inf\r\n");
    terminal.waits_for("isd> ");
    terminal.press(CTRL_D);
    terminal.ends();

    let kept = std::fs::read_to_string(state.path().join("isd/query_history")).unwrap();
    assert!(kept.contains("\nselect count(*) as n, max(o.zscore) as most\\nfrom outliers o;\n"), "{kept}");
    let mut terminal = Terminal::open(path.to_str().unwrap(), state.path());
    terminal.waits_for("isd> ");
    terminal.press(&format!("{UP}\r"));
    terminal.waits_for("n  most\r\n-  ----\r\n5   inf\r\n");
    terminal.waits_for("isd> ");
    terminal.press(CTRL_D);
    terminal.ends();
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn ctrl_c_stops_a_query_or_drops_the_line_but_not_the_shell() {
    let (_directory, path) = outliers_file();
    let state = TempDir::new().unwrap();
    let mut terminal = Terminal::open(path.to_str().unwrap(), state.path());
    terminal.waits_for("isd> ");
    terminal.press("select count(*),\rnonsense");
    terminal.waits_for("nonsense");
    terminal.press(CTRL_C);
    terminal.waits_for("isd> ");
    terminal.press("select 6 * 7 as answer;\r");
    terminal.waits_for("answer\r\n------\r\n    42\r\n");
    terminal.waits_for("isd> ");

    let pairs = "from generate_series(1, 9000000) a, generate_series(1, 9000000) b";
    let sum = format!("select sum(a.value * b.value) {pairs};");
    stop(&mut terminal, &sum, Duration::ZERO);
    stop(&mut terminal, &sum, UNDER_WAY);
    terminal.press(&format!("{sum}\r"));
    terminal.waits_for(" rows read; Ctrl-C stops");
    terminal.press(CTRL_C);
    terminal.waits_for("stopped\r\n");
    terminal.waits_for("isd> ");
    // A join that finds nothing gives no batch, and no way, for long: its threads are left to it.
    stop(&mut terminal, &format!("select count(*) {pairs} where a.value + b.value < 0;"), UNDER_WAY);
    terminal.press("select 6 * 9 as answer;\r");
    terminal.waits_for("answer\r\n------\r\n    54\r\n");
    terminal.press(".quit\r");
    terminal.ends();
}

/// Begins a query that takes for ever, and stops it after a time.
fn stop(terminal: &mut Terminal, endless: &str, after: Duration) {
    terminal.press(endless);
    terminal.press("\r");
    // From here on Ctrl-C is no key for the line any more.
    terminal.waits_for(PASTING_ENDS);
    std::thread::sleep(after);
    terminal.press(CTRL_C);
    terminal.waits_for("stopped\r\n");
    terminal.waits_for("isd> ");
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn history_without_a_place_is_said_once_and_stops_nothing() {
    let (_directory, path) = outliers_file();
    let state = TempDir::new().unwrap();
    std::fs::write(state.path().join("isd"), "a file where a directory should be").unwrap();
    let mut terminal = Terminal::open(path.to_str().unwrap(), state.path());
    terminal.waits_for("note: the history is not kept: ");
    terminal.waits_for("isd> ");
    terminal.press("select 6 * 7 as answer;\r");
    terminal.waits_for("answer\r\n------\r\n    42\r\n");
    terminal.waits_for("isd> ");
    terminal.press(&format!("{UP}\r"));
    terminal.waits_for("answer\r\n------\r\n    42\r\n");
    terminal.waits_for("isd> ");
    terminal.press(".quit\r");
    let rest = terminal.ends();
    assert!(!rest.contains("note: "), "{rest}");
}

#[test]
#[cfg_attr(no_script, ignore = "needs `script` of util-linux")]
fn output_into_a_pipe_gets_plain_lines() {
    let (_directory, path) = outliers_file();
    let state = TempDir::new().unwrap();
    let arguments = format!("{} | cat", path.display());
    let mut terminal = Terminal::open(&arguments, state.path());
    terminal.waits_for("isd> ");
    terminal.press("select count(*) as n\rfrom outliers;\r");
    terminal.waits_for("...> ");
    terminal.waits_for("n\r\n5\r\n");
    terminal.press(".quit\r");
    let rest = terminal.ends();
    assert!(!rest.contains('\x1b'), "{rest:?}");
    assert!(!state.path().join("isd").exists(), "lines from a pipe are no history");
}
