//! The client: connects, takes the terminal or leaves it as it is, and says how it ended.

use std::io::{self, IsTerminal, Write};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, bail};

use super::face::{End, Face, words};
use super::keyboard::{Keyboard, Over};
use super::screen::show;
use crate::cli::Program;
use crate::client::{
    Dial, ENDING, Screen, Server, Words, find, look_for, prepare, prepare_with_terminal, terminal,
};
use crate::sys;

/// The client's name.
pub const PROGRAM: Program = Program::french("chat_client");

/// What it says to its user.
pub const WORDS: Words = Words { program: PROGRAM };

/// What its user may want of it.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The look of the course's client, also on a terminal.
    pub is_plain: bool,
    /// To look for the server again when it is gone, and for as long as it takes at first.
    pub reconnects: bool,
}

/// Connects to `host` and talks under the name `pseudo` until the keyboard, the user or the server ends it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16, pseudo: &str, manner: Manner) -> anyhow::Result<()> {
    let server = find(WORDS, host, port)?;
    if manner.is_plain || !terminal::is_there() {
        talk_plainly(&server, pseudo, manner.reconnects)
    } else {
        talk_face_to_face(&server, pseudo, manner.reconnects)
    }
}

fn talk_face_to_face(server: &Server, pseudo: &str, reconnects: bool) -> anyhow::Result<()> {
    let signals = prepare_with_terminal()?;
    let end = Face::new(server, signals, pseudo, reconnects)?.run();
    ENDING.into_iter().for_each(sys::default_signal);
    match end? {
        End::Wanted(farewell) => PROGRAM.complain(&farewell),
        End::Signal(signal) => sys::end_by(signal),
    }
    Ok(())
}

fn talk_plainly(server: &Server, pseudo: &str, reconnects: bool) -> anyhow::Result<()> {
    let mut signals = prepare()?;
    let mut dial = Dial::in_brief(server);
    // The lowest number that is free, so 3.
    let connection = match look_for(WORDS, &mut dial, &mut signals) {
        Err(reason) if reconnects => {
            PROGRAM.complain(&words::lost(&reason.to_string()));
            dial.lost(Instant::now());
            look_for(WORDS, &mut dial, &mut signals)?
        }
        connection => connection?,
    };
    let outcome = match connection {
        Some(connection) => talk_on(connection, dial, Keyboard::new(signals, pseudo), pseudo, reconnects),
        None => Ok(WORDS.interrupted().to_string()),
    };
    // From here on a signal ends the program at once: a terminal that is held could hold the last line for ever.
    ENDING.into_iter().for_each(sys::default_signal);
    PROGRAM.complain(&outcome?);
    Ok(())
}

/// Returns the farewell.
fn talk_on(
    mut connection: TcpStream,
    mut dial: Dial,
    mut keyboard: Keyboard,
    pseudo: &str,
    reconnects: bool,
) -> anyhow::Result<String> {
    let on_terminal = io::stdout().is_terminal();
    let prompt = if on_terminal { format!("{pseudo}> ") } else { String::new() };
    let mut opening = format!("{}\n{prompt}", words::connected(&dial.address(), pseudo));
    loop {
        let screen = Screen::start(keyboard.signals(), &connection, |connection, parent| {
            show(connection, parent, &opening, pseudo, on_terminal)
        })
        .context("fork")?;
        let over = keyboard.run(&connection, screen);
        if on_terminal && sys::is_writable_now(io::stdout()) {
            // The prompt stands there; what is said now gets a line of its own.
            let _ = io::stdout().write_all(b"\n");
        }
        let reason = match over? {
            Over::Wanted(farewell) => return Ok(words::with_unsent(farewell, keyboard.unsent())),
            Over::Lost(reason) if reconnects => reason,
            Over::Lost(reason) => bail!(words::with_unsent(reason, keyboard.unsent())),
        };
        dial.lost(Instant::now());
        if !dial.is_repeating() {
            PROGRAM.complain(&words::lost(reason));
        }
        // So that the next gets its number.
        drop(connection);
        match look_for(WORDS, &mut dial, keyboard.signals())? {
            Some(another) => connection = another,
            None => return Ok(words::with_unsent(WORDS.interrupted(), keyboard.unsent())),
        }
        if !dial.is_repeating() {
            PROGRAM.complain(words::BACK);
        }
        opening.clone_from(&prompt);
    }
}
