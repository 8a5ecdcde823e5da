//! Second process: reads the server's messages, and writes them in the format of the course's
//! client. Its exit status tells the first process how the connection ended.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::bail;
use nix::errno::Errno;

use super::messages::{self, MESSAGES};
use crate::chat::PROGRAM as SERVER;
use crate::chat::message::{trim_start, without_line_ends_before};
use crate::client::PeerProcess;
use crate::hub::framing::{self, FrameDecoder, Framing};
use crate::sys::{self, Ended, Interest, PIPE_BUF};
use crate::text::{visible, without_mark};

/// Exit status: the server closed the connection.
pub const CLOSED: i32 = 0;
/// Exit status: the connection broke, or waiting for it failed.
pub const BROKEN: i32 = 3;
/// Exit status: the kernel has given the connection up: [`Errno::ETIMEDOUT`] and the like.
const VANISHED: i32 = 4;
/// Exit status: the output failed, plus its errno.
const OUTPUT_FAILED: i32 = 100;

/// An incomplete message is shown after this time, at a server that ends all by NULs, as ours does:
/// a lost segment is retransmitted after 200 ms or more (RFC 6298).
const HOLD: Duration = Duration::from_millis(500);

/// The same at a server that has ended none so yet, or has sent one without an end: many servers
/// send `strlen` bytes of each message, or the bytes that they have read.
const HOLD_WITHOUT_ENDS: Duration = Duration::from_millis(20);

/// Longest message kept whole. Ours are shorter; longer ones of other servers are cut.
const MAX_LEN: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// With the closing message.
    ByUser(&'static str),
    /// For this reason: another connection may be tried.
    Lost(&'static str),
}

/// Reads the second process's exit status. `wanted`: our side had ended before. Fails for what
/// another connection would not mend.
pub fn end_of(process: Ended, wanted: bool) -> anyhow::Result<ConnectionEnd> {
    match process {
        Ended::Status(CLOSED) if wanted => Ok(ConnectionEnd::ByUser(MESSAGES.end_of_input())),
        Ended::Status(CLOSED) => Ok(ConnectionEnd::Lost(MESSAGES.closed())),
        Ended::Status(BROKEN) if wanted => bail!(MESSAGES.broken()),
        Ended::Status(VANISHED) if wanted => bail!(messages::VANISHED),
        Ended::Status(VANISHED) => Ok(ConnectionEnd::Lost(messages::VANISHED)),
        Ended::Status(BROKEN) => Ok(ConnectionEnd::Lost(MESSAGES.broken())),
        Ended::Status(status) if status >= OUTPUT_FAILED => {
            bail!(MESSAGES.no_output(&sys::system_reason(status - OUTPUT_FAILED)))
        }
        Ended::Status(status) => bail!("le second processus a fini avec le statut {status}"),
        Ended::Signal(signal) => bail!("le second processus a été tué par {signal}"),
    }
}

/// Writes `opening`, then every message, until the server or the first process is gone. Returns the
/// exit status. Reports one's own messages, notices, and that there were others, as an empty one.
pub fn show(
    connection: &TcpStream,
    parent: &UnixStream,
    opening: &str,
    pseudo: &str,
    on_terminal: bool,
) -> i32 {
    if let Err(reason) = write(opening.as_bytes(), parent) {
        return OUTPUT_FAILED + reason as i32;
    }
    let own = format!("{pseudo} : ");
    receive(connection, parent, |chunk| {
        let reported = |message: &&[u8]| {
            let message = trim_start(message);
            message.starts_with(trim_start(own.as_bytes())) || is_notice(message)
        };
        let (reported, others): (Vec<&[u8]>, _) = shown(chunk).partition(reported);
        if !others.is_empty() {
            PeerProcess::report(parent, b"");
        }
        reported.iter().for_each(|message| PeerProcess::report(parent, before_nul(message)));
        let text = shown(chunk).flat_map(|message| formatted(message, pseudo, on_terminal));
        write(&text.collect::<Vec<u8>>(), parent)
    })
}

/// The messages in `chunk`, but line ends and blanks alone: a server may send them behind the NUL
/// of each message.
pub fn shown(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    framing::messages(chunk).filter(|message| !trim_start(message).is_empty())
}

/// True for a message in our server's own name, which tells that the server is ours, and echoes.
/// Anyone may forge one: then a line that was said may be listed as perhaps lost.
pub fn is_notice(message: &[u8]) -> bool {
    message.strip_prefix(SERVER.name.as_bytes()).is_some_and(|rest| rest.starts_with(b" : "))
}

/// Passes chunks of whole messages to `give`, until the server or the first process is gone.
/// Returns the exit status.
pub fn receive(
    connection: &TcpStream,
    parent: &UnixStream,
    mut give: impl FnMut(&[u8]) -> Result<(), Errno>,
) -> i32 {
    let mut buffer = vec![0; MAX_LEN];
    let mut decoder = FrameDecoder::new(&mut buffer, Framing::Strings(HOLD_WITHOUT_ENDS));
    decoder.note_round_trip(sys::round_trip(connection));
    let mut lacks_ends = false;
    loop {
        let before = Instant::now();
        let timeout = decoder.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        let server = sys::watch(connection.as_fd(), Interest::Read);
        let watched = [server, sys::watch(parent.as_fd(), Interest::End)];
        let Ok(ready) = sys::wait_for_some(watched.map(Some), timeout) else { return BROKEN };
        decoder.waited(before.elapsed());
        let mut end = None;
        match ready {
            [_, true] => return CLOSED,
            [true, false] => match sys::try_read(connection, decoder.spare()) {
                Ok(None) => {}
                Ok(Some(0)) => end = Some(CLOSED),
                Ok(Some(n)) => {
                    decoder.filled(n);
                }
                Err(error) if has_vanished(&error) => end = Some(VANISHED),
                Err(_) => end = Some(BROKEN),
            },
            [false, false] => {}
        }
        let mut last = None;
        let given = decoder.take(Instant::now(), end.is_some(), |chunk| {
            last = chunk.last().copied();
            give(chunk)
        });
        if let Err(reason) = given {
            return OUTPUT_FAILED + reason as i32;
        }
        lacks_ends |= last.is_some_and(|last| !matches!(last, 0 | b'\r' | b'\n'));
        if lacks_ends || last == Some(0) {
            let hold = if lacks_ends { HOLD_WITHOUT_ENDS } else { HOLD };
            decoder.set_framing(Framing::Strings(hold));
        }
        if let Some(status) = end {
            return status;
        }
    }
}

fn has_vanished(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(error.kind(), TimedOut | HostUnreachable | NetworkUnreachable)
}

/// Writes `text` whole, however slow its reader, unless the first process ends meanwhile.
fn write(mut text: &[u8], parent: &UnixStream) -> Result<(), Errno> {
    let out = io::stdout();
    PeerProcess::begin_output(parent);
    while !text.is_empty() {
        let watched = [sys::watch(out.as_fd(), Interest::Write), sys::watch(parent.as_fd(), Interest::End)];
        match sys::wait_for_some(watched.map(Some), None).map_err(errno)? {
            [_, true] => return Ok(()),
            // A pipe that poll(2) reports writable takes PIPE_BUF bytes without blocking.
            [true, false] => text = &text[sys::write_some(&out, &text[..text.len().min(PIPE_BUF)])?..],
            [false, false] => {}
        }
    }
    PeerProcess::end_output(parent);
    Ok(())
}

fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// Newline, message, newline, prompt. On a terminal, control characters are made visible, and
/// further lines are indented, so that none passes for another message.
fn formatted(message: &[u8], pseudo: &str, on_terminal: bool) -> Vec<u8> {
    let text = before_nul(message);
    let text = if on_terminal { visible_lines(text) } else { text.to_vec() };
    [b"\n", &text[..], b"\n", pseudo.as_bytes(), b"> "].concat()
}

/// Behind the NUL that ends a message, line ends may follow.
fn before_nul(message: &[u8]) -> &[u8] {
    message.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn visible_lines(text: &[u8]) -> Vec<u8> {
    let text = without_mark(without_line_ends_before(text));
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let lines: Vec<String> = text.split(|&byte| byte == b'\n').map(visible).collect();
    lines.join("\n    | ").into_bytes()
}
