//! The client: connects, opens the screen, starts its second process, and says how it ended.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;

use super::keyboard::Keyboard;
use super::screen::show;
use crate::cli::Program;
use crate::client::{ENDING, Screen, Words, connect, find, prepare};
use crate::sys;

/// The client's name.
pub const PROGRAM: Program = Program::french("chat_client");

/// What it says to its user.
pub const WORDS: Words = Words { program: PROGRAM };

/// Connects to `host` and talks under the name `pseudo` until the keyboard, the user or the server ends it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16, pseudo: &str) -> anyhow::Result<()> {
    let server = find(WORDS, host, port)?;
    let mut signals = prepare()?;
    // The lowest number that is free, so 3.
    let Some(connection) = connect(WORDS, &server, &mut signals)? else { return Ok(()) };
    let on_terminal = io::stdout().is_terminal();
    let server = connection.peer_addr().context(WORDS.broken())?;
    let prompt = if on_terminal { format!("{pseudo}> ") } else { String::new() };
    let opening = format!("Connecté à {server} sous le nom {pseudo} (Ctrl+D pour partir)\n{prompt}");
    let screen = Screen::start(&signals, &connection, |connection, parent| {
        show(connection, parent, &opening, pseudo, on_terminal)
    })
    .context("fork")?;
    let outcome = Keyboard::new(&connection, signals, pseudo).run(screen);
    // From here on a signal ends the program at once: a terminal that is held could hold the last line for ever.
    ENDING.into_iter().for_each(sys::default_signal);
    if on_terminal && sys::is_writable_now(io::stdout()) {
        // The prompt stands there; what is said now gets a line of its own.
        let _ = io::stdout().write_all(b"\n");
    }
    PROGRAM.complain(outcome?);
    Ok(())
}
