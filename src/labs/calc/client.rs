//! The client: shows what the server says, in whatever words, and sends each typed line.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use crate::cli::Program;
use crate::client::{Dialogue, Words, connect, converse, find, prepare};
use crate::text::VisibleStream;

/// Its name.
pub const PROGRAM: Program = Program::english("calc_client");

const WORDS: Words = Words { program: PROGRAM };

struct Calc {
    opening: String,
    on_terminal: bool,
    stream: VisibleStream,
}

impl Dialogue for Calc {
    /// More than a terminal gives in one line, since a piece would be a line of its own for the server.
    const LONGEST: usize = 64 * 1024;

    fn begin(&mut self, screen: &mut Vec<u8>) {
        screen.extend_from_slice(self.opening.as_bytes());
    }

    fn listens(&self) -> bool {
        true
    }

    fn typed(&mut self, mut line: Vec<u8>, _screen: &mut Vec<u8>) -> Vec<u8> {
        line.push(b'\n');
        line
    }

    fn heard(&mut self, bytes: &[u8], screen: &mut Vec<u8>) -> ControlFlow<String> {
        match self.on_terminal {
            true => screen.extend_from_slice(self.stream.feed(bytes).as_bytes()),
            false => screen.extend_from_slice(bytes),
        }
        ControlFlow::Continue(())
    }

    /// After one sum, a server of the lab's first part closes.
    fn may_be_closed(&self) -> bool {
        true
    }
}

/// Connects to `host` and talks until keyboard, user or server end it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16) -> anyhow::Result<()> {
    let server = find(WORDS, host, port)?;
    let mut signals = prepare()?;
    let Some(connection) = connect(WORDS, &server, &mut signals)? else { return Ok(()) };
    let on_terminal = io::stdout().is_terminal();
    let opening = format!("Connected to {host} port {port}: a line typed is an answer (Ctrl+D to leave)\n");
    let opening = if on_terminal { opening } else { String::new() };
    converse(WORDS, &connection, signals, Calc { opening, on_terminal, stream: VisibleStream::default() })
}
