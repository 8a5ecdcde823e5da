//! The client's second process: what everybody says, on the screen.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::hub::framing::{FrameDecoder, Framing, messages};
use crate::sys::{self, Interest, PIPE_BUF};
use crate::text::visible;

/// The status when the server has closed the connection.
pub const CLOSED: i32 = 0;
/// The status when the connection broke.
pub const BROKEN: i32 = 3;
/// The status when the output takes nothing any more, plus the system's errno: the first process gives the reason.
pub const NO_OUTPUT: i32 = 100;

/// How long a piece without an end waits for its rest. Our server's messages always have one; a segment that was lost on the
/// way is sent again after 200 ms or more: RFC 6298.
const HOLD: Duration = Duration::from_millis(500);

/// The longest message that the screen keeps together. Ours are shorter; other servers' are cut.
const MAX_LEN: usize = 64 * 1024;

/// Shows `opening`, then every message until the server or the keyboard's process is gone. Returns its status.
pub fn show(
    connection: &TcpStream,
    parent: &UnixStream,
    opening: &str,
    pseudo: &str,
    on_terminal: bool,
) -> i32 {
    if let Err(reason) = put(opening.as_bytes(), parent) {
        return NO_OUTPUT + reason as i32;
    }
    hear(connection, parent, |chunk| {
        let text = messages(chunk).flat_map(|message| on_screen(message, pseudo, on_terminal));
        put(&text.collect::<Vec<u8>>(), parent)
    })
}

/// Gives `give` what the server says, in chunks of whole messages, until the server or the keyboard's process is gone. Returns
/// the status to end with.
pub fn hear(
    mut connection: &TcpStream,
    parent: &UnixStream,
    mut give: impl FnMut(&[u8]) -> Result<(), Errno>,
) -> i32 {
    let mut buffer = vec![0; MAX_LEN];
    let mut cutter = FrameDecoder::new(&mut buffer, Framing::Strings(HOLD));
    loop {
        let timeout = cutter.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        let server = sys::watch(connection.as_fd(), Interest::Read);
        let mut watched = [server, sys::watch(parent.as_fd(), Interest::End)];
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
        let shown = cutter.take(Instant::now(), end.is_some(), &mut give);
        if let Err(reason) = shown {
            return NO_OUTPUT + reason as i32;
        }
        if let Some(status) = end {
            return status;
        }
    }
}

/// Writes `text` whole, however long its reader takes, unless the first process ends meanwhile; tells it before and after.
fn put(mut text: &[u8], mut parent: &UnixStream) -> Result<(), Errno> {
    let out = io::stdout();
    // A beat that gets lost could only mean that the first process is gone.
    let _ = parent.write(BEAT);
    while !text.is_empty() {
        let mut watched =
            [sys::watch(out.as_fd(), Interest::Write), sys::watch(parent.as_fd(), Interest::End)];
        sys::wait(&mut watched, None).map_err(|_| Errno::EIO)?;
        match watched.each_ref().map(sys::is_ready) {
            [_, true] => return Ok(()),
            // A pipe takes PIPE_BUF bytes without blocking when poll says so: the first process's end is never missed.
            [true, false] => match nix::unistd::write(&out, &text[..text.len().min(PIPE_BUF)]) {
                Ok(n) => text = &text[n..],
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(reason) => return Err(reason),
            },
            [false, false] => {}
        }
    }
    let _ = parent.write(BEAT);
    Ok(())
}

/// What a beat on the lifeline is made of.
const BEAT: &[u8] = b".";

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
