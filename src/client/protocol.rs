//! A client of one process and one poll loop: keyboard, server, screen and signals, none of which makes the others wait.
//!
//! A lab says in a [`ClientProtocol`] what it makes of what is typed and of what comes; `conversation` is the loop. What its user sees and
//! types on is a [`Ui`], which knows three looks: `plain` writes bytes, for a pipe and for a terminal as the courses' clients
//! have it; `rows` has a line to type in at the bottom of the terminal.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::Context;

use super::event_loop::{End, EventLoop};
use super::{Messages, connect, find, prepare, prepare_with_terminal, terminal};
use crate::sys;

use super::ui::Ui;
use super::ui::plain::Plain;
use super::ui::tui::Tui;

/// What a lab's client makes of what is typed and of what comes.
pub trait ClientProtocol {
    /// The most bytes of a typed line; a longer one comes in pieces.
    const MAX_LEN: usize;

    /// What the screen shows first.
    fn begin(&mut self, face: &mut dyn Ui);

    /// What the server is sent first.
    fn introduction(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Why no line can be said now, where that is so. What is typed meanwhile waits.
    fn deaf(&self) -> Option<&'static str>;

    /// Why this line can never be said, or not now. One that it lets pass while the dialogue is deaf is heard at once, where there are
    /// rows.
    fn refuses(&self, _line: &[u8]) -> Option<&'static str> {
        self.deaf()
    }

    /// What stands before what is typed, where a line for that is always there.
    fn prompt(&self) -> &str;

    /// True when it is due also where it is part of what scrolls by: it says there that something may be typed.
    fn asks(&self) -> bool;

    /// True when what the server leaves without a newline is a question: it then stands in the prompt's place.
    fn is_asked(&self) -> bool {
        false
    }

    /// How long a silence of the server is a [pause](ClientProtocol::paused).
    fn patience(&self) -> Duration {
        Duration::from_millis(300)
    }

    /// The server has said something, and nothing more for a while; not called where a program reads along.
    fn paused(&mut self, face: &mut dyn Ui) {
        face.settle();
    }

    /// How things stand, for a status: the most important first. No control characters.
    fn status(&self) -> Vec<String>;

    /// True once the user has left by a line: what is typed after it is not said.
    fn has_left(&self) -> bool {
        false
    }

    /// A line was typed: returns the bytes to send.
    fn typed(&mut self, line: Vec<u8>, face: &mut dyn Ui) -> Vec<u8>;

    /// Bytes have come. Breaks with a farewell when that was the end.
    fn heard(&mut self, bytes: &[u8], face: &mut dyn Ui) -> ControlFlow<String>;

    /// True when a server that closes before the keyboard has ended is nothing unusual.
    fn may_be_closed(&self) -> bool;

    /// Why the end that the user wanted is no success all the same, if it is none.
    fn failure(&self) -> Option<String> {
        None
    }

    /// What the server is sent when the user leaves, by the end of the keyboard or by a signal.
    fn farewell(&self) -> &'static [u8] {
        b""
    }
}

/// Connects to `host` and talks until keyboard, user or server end it; says how it ended on standard error. `is_plain`: a terminal
/// is to be written to as the courses' clients do.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn converse(
    messages: Messages,
    (host, port): (&str, u16),
    is_plain: bool,
    protocol: impl ClientProtocol,
) -> anyhow::Result<()> {
    let server = find(messages, host, port)?;
    let has_rows = !is_plain && terminal::is_there();
    let mut signals = match has_rows {
        true => prepare_with_terminal()?,
        false => prepare()?,
    };
    let Some(connection) = connect(messages, &server, &mut signals)? else { return Ok(()) };
    let face: Box<dyn Ui> = match has_rows {
        true => Box::new(Tui::new(messages).context("tcsetattr")?),
        false => Box::new(Plain::new(messages)),
    };
    let mut conversation = EventLoop::new(messages, &connection, signals, protocol, face);
    let outcome = conversation.run();
    let shown = conversation.close();
    match outcome? {
        End::Farewell(farewell) => messages.program.complain(&farewell),
        End::Signal(signal) => sys::die_by(signal),
    }
    shown
}
