//! The client's second process: what everybody says, on the screen.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::cutter::{Cutter, messages};
use super::messenger::PROGRAM;
use crate::cli::complain;
use crate::sys::{self, Interest};
use crate::text::visible;

/// The status when the server has closed the connection.
pub const CLOSED: i32 = 0;
/// The status when the connection broke.
pub const BROKEN: i32 = 3;
/// The status when the output takes nothing any more, which was complained of.
pub const NO_OUTPUT: i32 = 4;

/// The longest message that the screen keeps together. Ours are shorter; other servers' are cut.
const LONGEST: usize = 64 * 1024;

/// Shows every message until the server or the keyboard's process is gone. Returns its status.
pub fn show(mut connection: &TcpStream, parent: BorrowedFd, pseudo: &str, on_terminal: bool) -> i32 {
    let mut buffer = vec![0; LONGEST];
    let mut cutter = Cutter::new(&mut buffer);
    loop {
        let timeout = cutter.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        let server = sys::watch(connection.as_fd(), Interest::Read);
        let mut watched = [server, sys::watch(parent, Interest::End)];
        if sys::wait(&mut watched, timeout).is_err() {
            return BROKEN;
        }
        let mut end = None;
        match watched.each_ref().map(sys::is_ready) {
            [_, true] => return CLOSED,
            [true, false] => match connection.read(cutter.spare()) {
                Ok(0) => end = Some(CLOSED),
                Ok(n) => cutter.filled(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => end = Some(BROKEN),
            },
            [false, false] => {}
        }
        let shown = cutter.take(Instant::now(), end.is_some(), |chunk| {
            let text: Vec<u8> =
                messages(chunk).flat_map(|message| on_screen(message, pseudo, on_terminal)).collect();
            let mut out = io::stdout().lock();
            out.write_all(&text).and_then(|()| out.flush())
        });
        if let Err(reason) = shown {
            complain(PROGRAM, &format!("impossible d'écrire sur la sortie standard : {reason}"));
            return NO_OUTPUT;
        }
        if let Some(status) = end {
            return status;
        }
    }
}

/// A message as the course's client shows it: newline, text, newline, prompt. On a terminal its control characters are
/// made visible, and a line break in it cannot be taken for another's message.
fn on_screen(message: &[u8], pseudo: &str, on_terminal: bool) -> Vec<u8> {
    let end = message.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    let text = &message[..end];
    let text = if on_terminal { lines_made_visible(text) } else { text.to_vec() };
    [b"\n", &text[..], b"\n", pseudo.as_bytes(), b"> "].concat()
}

fn lines_made_visible(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let lines: Vec<String> = text.split(|&byte| byte == b'\n').map(visible).collect();
    lines.join("\n    | ").into_bytes()
}
