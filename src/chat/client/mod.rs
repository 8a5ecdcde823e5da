//! The client: connects, takes the terminal or leaves it as it is, and says how it ended.

pub mod outgoing;
pub mod receiver;
pub mod send_queue;
pub mod sender;
pub mod ui;

use std::io::{self, IsTerminal, Write};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, bail};

use super::client::receiver::show;
use super::client::sender::{Over, Sender};
use super::client::ui::{ChatUi, End, messages};
use crate::cli::Program;
use crate::client::{
    Connector, ENDING, Messages, PeerProcess, Target, find, look_for, prepare, prepare_with_terminal,
    terminal,
};
use crate::sys;

/// The client's name.
pub const PROGRAM: Program = Program::french("chat_client");

/// What it says to its user.
pub const MESSAGES: Messages = Messages { program: PROGRAM };

/// What its user may want of it.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// The look of the course's client, also on a terminal.
    pub is_plain: bool,
    /// To look for the server again when it is gone, and for as long as it takes at first.
    pub reconnects: bool,
}

/// Connects to `host` and talks under the name `pseudo` until the keyboard, the user or the server ends it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16, pseudo: &str, manner: ClientOptions) -> anyhow::Result<()> {
    let server = find(MESSAGES, host, port)?;
    if manner.is_plain || !terminal::is_there() {
        talk_plainly(&server, pseudo, manner.reconnects)
    } else {
        talk_face_to_face(&server, pseudo, manner.reconnects)
    }
}

fn talk_face_to_face(server: &Target, pseudo: &str, reconnects: bool) -> anyhow::Result<()> {
    let signals = prepare_with_terminal()?;
    let end = ChatUi::new(server, signals, pseudo, reconnects)?.run();
    ENDING.into_iter().for_each(sys::default_signal);
    match end? {
        End::Wanted(farewell) => PROGRAM.complain(&farewell),
        End::Signal(signal) => sys::die_by(signal),
    }
    Ok(())
}

fn talk_plainly(server: &Target, pseudo: &str, reconnects: bool) -> anyhow::Result<()> {
    let mut signals = prepare()?;
    let mut connector = Connector::in_brief(server);
    // The lowest number that is free, so 3.
    let connection = match look_for(MESSAGES, &mut connector, &mut signals) {
        Err(reason) if reconnects => {
            PROGRAM.complain(&messages::lost(&reason.to_string()));
            connector.lost(Instant::now());
            look_for(MESSAGES, &mut connector, &mut signals)?
        }
        connection => connection?,
    };
    let outcome = match connection {
        Some(connection) => talk_on(connection, connector, Sender::new(signals, pseudo), pseudo, reconnects),
        None => Ok(MESSAGES.interrupted().to_string()),
    };
    // From here on a signal ends the program at once: a terminal that is held could hold the last line for ever.
    ENDING.into_iter().for_each(sys::default_signal);
    PROGRAM.complain(&outcome?);
    Ok(())
}

/// Returns the farewell.
fn talk_on(
    mut connection: TcpStream,
    mut connector: Connector,
    mut keyboard: Sender,
    pseudo: &str,
    reconnects: bool,
) -> anyhow::Result<String> {
    let on_terminal = io::stdout().is_terminal();
    let prompt = if on_terminal { format!("{pseudo}> ") } else { String::new() };
    let mut opening = format!("{}\n{prompt}", messages::connected(&connector.address(), pseudo));
    loop {
        let screen = PeerProcess::start(keyboard.signals(), &connection, |connection, parent| {
            show(connection, parent, &opening, pseudo, on_terminal)
        })
        .context("fork")?;
        let over = keyboard.run(&connection, screen);
        if on_terminal && sys::is_writable_now(io::stdout()) {
            // The prompt stands there; what is said now gets a line of its own.
            let _ = io::stdout().write_all(b"\n");
        }
        let reason = match over? {
            Over::Wanted(farewell) => return Ok(messages::with_unsent(farewell, keyboard.unsent())),
            Over::Lost(reason) if reconnects => reason,
            Over::Lost(reason) => bail!(messages::with_unsent(reason, keyboard.unsent())),
        };
        connector.lost(Instant::now());
        if !connector.is_repeating() {
            PROGRAM.complain(&messages::lost(reason));
        }
        // So that the next gets its number.
        drop(connection);
        match look_for(MESSAGES, &mut connector, keyboard.signals())? {
            Some(another) => connection = another,
            None => return Ok(messages::with_unsent(MESSAGES.interrupted(), keyboard.unsent())),
        }
        if !connector.is_repeating() {
            PROGRAM.complain(messages::BACK);
        }
        opening.clone_from(&prompt);
    }
}
