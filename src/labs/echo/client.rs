//! The client: sends a line without its newline, and prints what comes back.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use crate::cli::Program;
use crate::client::{Dialogue, Words, connect, converse, prepare};
use crate::text::VisibleStream;

/// Its name.
pub const PROGRAM: Program = Program::english("echo_client");

const WORDS: Words = Words { program: PROGRAM };

struct Echo {
    opening: String,
    on_terminal: bool,
    /// Bytes sent that have not come back.
    awaited: usize,
    stream: VisibleStream,
}

impl Echo {
    fn prompt(&self, screen: &mut Vec<u8>) {
        if self.on_terminal {
            screen.extend_from_slice(b"> ");
        }
    }
}

impl Dialogue for Echo {
    const LONGEST: usize = 1024;

    fn begin(&mut self, screen: &mut Vec<u8>) {
        screen.extend_from_slice(self.opening.as_bytes());
        self.prompt(screen);
    }

    fn listens(&self) -> bool {
        self.awaited == 0
    }

    fn typed(&mut self, line: Vec<u8>, screen: &mut Vec<u8>) -> Vec<u8> {
        self.awaited = line.len();
        if line.is_empty() {
            // Nothing to send, so nothing will come back.
            self.prompt(screen);
        }
        line
    }

    fn heard(&mut self, bytes: &[u8], screen: &mut Vec<u8>) -> ControlFlow<String> {
        match self.on_terminal {
            true => screen.extend_from_slice(self.stream.feed(bytes).as_bytes()),
            false => screen.extend_from_slice(bytes),
        }
        let was_awaited = self.awaited > 0;
        self.awaited = self.awaited.saturating_sub(bytes.len());
        if was_awaited && self.awaited == 0 {
            screen.extend_from_slice(self.stream.finish().as_bytes());
            screen.push(b'\n');
            self.prompt(screen);
        }
        ControlFlow::Continue(())
    }

    fn may_be_closed(&self) -> bool {
        false
    }
}

/// Connects to `host` and sends lines until keyboard, user or server end it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16) -> anyhow::Result<()> {
    let mut signals = prepare()?;
    let Some(connection) = connect(WORDS, host, port, &mut signals)? else { return Ok(()) };
    let on_terminal = io::stdout().is_terminal();
    let opening = format!("Connected to {host} port {port}: each line comes back (Ctrl+D to leave)\n");
    let opening = if on_terminal { opening } else { String::new() };
    let echo = Echo { opening, on_terminal, awaited: 0, stream: VisibleStream::default() };
    converse(WORDS, &connection, signals, echo)
}
