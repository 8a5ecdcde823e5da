//! In a real tmux and a real GNU screen, which wrap long rows anew at a resize and keep rows that
//! leave the screen in their scrollback.

use super::*;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

/// A tmux server for one test, with one window.
struct Tmux {
    directory: tempfile::TempDir,
}

impl Tmux {
    /// Starts `alice` in a window of this size. Records the test as skipped where tmux is not
    /// installed.
    #[track_caller]
    fn start(server: &Server, columns: u16, rows: u16) -> Option<Tmux> {
        Tmux::start_with(server, columns, rows, |_, client| client)
    }

    /// Like [`Tmux::start`]; `command` returns the window's command, from a directory and the
    /// client's command.
    #[track_caller]
    fn start_with(
        server: &Server,
        columns: u16,
        rows: u16,
        command: impl Fn(&Path, String) -> String,
    ) -> Option<Tmux> {
        if Command::new("tmux").arg("-V").output().is_err() {
            skip(skip::TMUX, "tmux -V failed");
            return None;
        }
        let tmux = Tmux { directory: tempfile::tempdir().unwrap() };
        let settings = tmux.directory.path().join("settings");
        std::fs::write(&settings, "set -g history-limit 100000\n").unwrap();
        let [columns, rows] = [columns, rows].map(|n| n.to_string());
        let client = [CLIENT, "127.0.0.1", "alice", "--port", &server.port()].join(" ");
        let client = command(tmux.directory.path(), client);
        tmux.does(&[
            "-f",
            settings.to_str().unwrap(),
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            &client,
        ]);
        tmux.shows("the prompt", |rows| rows.last()?.starts_with("alice>").then_some(()));
        Some(tmux)
    }

    #[track_caller]
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.directory.path().join("socket")).args(arguments).env_remove("TMUX");
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    #[track_caller]
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("tmux");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn types(&self, text: &str) {
        self.does(&["send-keys", "-l", text]);
    }

    /// Waits until `look` finds something in all rows, those of the scrollback first.
    #[track_caller]
    fn shows<T>(&self, what: &str, look: impl Fn(&[String]) -> Option<T>) -> T {
        let mut last = Vec::new();
        eventually(what, || {
            let all = self.does(&["capture-pane", "-p", "-S", "-"]);
            let rows: Vec<String> = all.trim_end().lines().map(|row| row.trim_end().to_string()).collect();
            if rows != last {
                // Shown when the test fails.
                eprintln!("{rows:#?}");
                last = rows.clone();
            }
            look(&rows)
        })
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}

/// True if there is one status row, one input row, and each of these messages once.
fn is_clean(rows: &[String], mut messages: RangeInclusive<usize>) -> bool {
    let count = |part: &str| rows.iter().filter(|row| row.contains(part)).count();
    count("──") == 1 && count("alice>") == 1 && messages.all(|n| count(&format!(": m{n}.")) == 1)
}

#[track_caller]
fn is_clean_after_resizes(draft: usize, messages: usize) {
    let server = Server::start(&[]);
    let Some(tmux) = Tmux::start(&server, 100, 12) else { return };
    let mut bob = server.join();
    (1..=messages).for_each(|n| bob.sends(format!("bob : m{n}.\0")));
    let last = format!(": m{messages}.");
    tmux.shows("the messages", |rows| rows.iter().any(|row| row.ends_with(&last)).then_some(()));
    tmux.types(&format!("{}fin", "x".repeat(draft - 3)));
    tmux.shows("the draft", |rows| rows.last()?.ends_with("xfin").then_some(()));
    for columns in [40, 25, 100] {
        let _row = Row::of(&columns);
        tmux.does(&["resize-window", "-x", &columns.to_string(), "-y", "12"]);
        tmux.shows(&format!("clean rows of {columns}, draft of {draft}"), |rows| {
            let [.., status, line] = rows else { return None };
            let fits = line.ends_with("xfin") && line.chars().count() < columns;
            let fills = line.chars().count() + 6 >= columns.min(draft + 7);
            (status.starts_with("── connecté") && fits && fills && is_clean(rows, 1..=messages)).then_some(())
        });
    }
}

#[test]
fn resizes_leave_no_remains_of_the_clients_rows() {
    for draft in [60, 90, 130] {
        let _row = Row::of(&draft);
        is_clean_after_resizes(draft, 4);
        is_clean_after_resizes(draft, 30);
    }
}

/// tmux is the terminal of screen, and shows its visible rows alone.
#[test]
fn resizes_of_gnu_screen_leave_no_remains_either() {
    let server = Server::start(&[]);
    let in_screen = |directory: &Path, client: String| {
        // A lost terminal ends the session.
        std::fs::write(directory.join("screenrc"), "startup_message off\nautodetach off\n").unwrap();
        let directory = directory.display();
        let variables = format!("-u TMUX -u TERM_PROGRAM SCREENDIR={directory}");
        format!("chmod 700 {directory}; exec env {variables} screen -U -c {directory}/screenrc {client}")
    };
    if let Err(error) = Command::new("screen").arg("--version").output() {
        return skip(skip::SCREEN, error);
    }
    let Some(tmux) = Tmux::start_with(&server, 100, 20, in_screen) else { return };
    let mut bob = server.join();
    (1..=12).for_each(|n| bob.sends(format!("bob : m{n}.\0")));
    tmux.types(&format!("{}fin", "x".repeat(60)));
    tmux.shows("messages and draft", |rows| {
        (is_clean(rows, 1..=12) && rows.last()?.ends_with("xfin")).then_some(())
    });
    for (columns, messages) in [(40, 13), (28, 14), (100, 15)] {
        let _row = Row::of(&columns);
        tmux.does(&["resize-window", "-x", &columns.to_string(), "-y", "20"]);
        let is_drawn = |rows: &[String]| {
            let [.., status, line] = rows else { return None };
            (status.starts_with("── connecté") && line.ends_with("xfin") && line.chars().count() < columns)
                .then_some(())
        };
        tmux.shows(&format!("rows of {columns}"), is_drawn);
        bob.sends(format!("bob : m{messages}.\0"));
        tmux.shows(&format!("clean rows of {columns}"), |rows| is_clean(rows, 8..=messages).then_some(()));
    }
}

/// tmux reflows at once and tells the new size up to 250 ms later, when resizes come fast: the
/// client draws most of these messages for a size that the window no longer has.
#[test]
fn no_status_stays_behind_when_messages_arrive_amid_resizes() {
    const SIZES: [(u16, u16); 15] = [
        (40, 20),
        (39, 24),
        (110, 14),
        (25, 16),
        (61, 30),
        (24, 13),
        (140, 20),
        (59, 11),
        (30, 30),
        (80, 24),
        (33, 12),
        (32, 25),
        (100, 18),
        (28, 14),
        (72, 20),
    ];
    for draft in ["", &format!("{}fin", "x".repeat(60))] {
        let _row = Row::of(&draft);
        let server = Server::start(&[]);
        let Some(tmux) = Tmux::start(&server, 100, 20) else { return };
        let mut bob = server.join();
        tmux.types(draft);
        let mut messages = 0;
        let mut says = |count: usize| {
            for _ in 0..count {
                messages += 1;
                bob.sends(format!("bob : m{messages}.\0"));
                // It comes back when the hub has sent it to all.
                bob.strings(1);
            }
            messages
        };
        says(30);
        for (columns, rows) in SIZES {
            let [columns, rows] = [columns, rows].map(|n| n.to_string());
            tmux.does(&["resize-window", "-x", &columns, "-y", &rows]);
            says(20);
        }
        tmux.does(&["resize-window", "-x", "100", "-y", "20"]);
        let messages = says(1);
        tmux.shows("one status, one input line, each message once", |rows| {
            let [.., status, line] = rows else { return None };
            let is_drawn = status.starts_with("── connecté") && line.ends_with(draft);
            let is_last = status.contains(&format!("{messages} messages")) && line.starts_with("alice>");
            (is_drawn && is_last && is_clean(rows, 1..=messages)).then_some(())
        });
    }
}
