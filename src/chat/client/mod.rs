//! The chat client: two processes on one connection, descriptor 3.
//!
//! With plain output, the first (`sender`) reads the keyboard and sends; the second (`receiver`)
//! reads the server and writes the output. On a terminal (`ui`), the first draws everything as
//! well; the second (`ui::receiver`) reads the server for it, and is the terminal's watchdog.

mod messages;
pub mod outgoing;
mod pending_echoes;
mod receiver;
mod send_queue;
mod sender;
mod ui;

use std::io::{self, IsTerminal};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::client::{
    Connector, Exit, PeerProcess, ServerAddress, Target, connect_with, end_at_once, prepare,
    prepare_with_terminal, terminal,
};
use crate::sys;
use crate::text::visible;
use messages::MESSAGES;
use receiver::{ConnectionEnd, show};
use sender::Sender;
use ui::ChatUi;

pub use messages::PROGRAM;

#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// Plain output on a terminal too, as the course's client.
    pub is_plain: bool,
    /// Tries for ever after the connection is lost.
    pub reconnects: bool,
}

/// Connects to `server` and talks as `pseudo` until the keyboard, the user or the server ends it.
pub fn talk(server: &ServerAddress, pseudo: &str, options: ClientOptions) -> anyhow::Result<()> {
    let server = Target::resolve(MESSAGES, server)?;
    if options.is_plain || !terminal::is_usable() {
        talk_plain(&server, pseudo, options.reconnects)
    } else {
        talk_on_terminal(&server, pseudo, options.reconnects)
    }
}

fn talk_on_terminal(server: &Target, pseudo: &str, reconnects: bool) -> anyhow::Result<()> {
    let signals = prepare_with_terminal()?;
    let exit = ChatUi::new(server, signals, pseudo, reconnects)?.run();
    end_at_once();
    match exit? {
        Exit::Normal(message) => PROGRAM.complain(&message),
        Exit::Signal(signal) => sys::die_by(signal),
    }
    Ok(())
}

fn talk_plain(server: &Target, pseudo: &str, reconnects: bool) -> anyhow::Result<()> {
    let mut signals = prepare()?;
    let mut connector = Connector::new(server);
    // Gets the lowest number that is free, 3.
    let connection = connect_with(MESSAGES, &mut connector, &mut signals)?;
    let sender = Sender::new(signals, pseudo);
    let outcome = talk_through(connection, connector, sender, pseudo, reconnects);
    end_at_once();
    PROGRAM.complain(&outcome?);
    Ok(())
}

/// Runs one pair of processes per connection; `None`: interrupted, or the input has ended while
/// there was none. Returns the closing message.
fn talk_through(
    mut connection: Option<TcpStream>,
    mut connector: Connector,
    mut sender: Sender,
    pseudo: &str,
    reconnects: bool,
) -> anyhow::Result<String> {
    let on_terminal = io::stdout().is_terminal();
    let prompt = if on_terminal { format!("{pseudo}> ") } else { String::new() };
    let mut opening = format!("{}\n{prompt}", messages::connected(&connector.address(), pseudo));
    let mut may_have_lost = false;
    while let Some(socket) = connection {
        let (end, has_lost) = talk_on(&socket, &mut sender, &opening, pseudo, on_terminal)?;
        may_have_lost |= has_lost;
        let unsent = sender.queue.messages.len();
        let reason = match end {
            ConnectionEnd::ByUser(message) if may_have_lost && message != MESSAGES.interrupted() => {
                bail!(messages::NOT_ALL_BACK)
            }
            ConnectionEnd::ByUser(message) => return Ok(messages::with_unsent(message, unsent)),
            // Nothing is left to be said on another connection.
            ConnectionEnd::Lost(reason) if reconnects && !sender.has_sent_all() => reason,
            ConnectionEnd::Lost(reason) => bail!(messages::with_unsent(reason, unsent)),
        };
        connector.reconnect(Instant::now());
        if !connector.is_flapping() {
            PROGRAM.complain(&messages::lost(reason));
        }
        // Frees descriptor 3 for the next connection.
        drop(socket);
        connection = sender.reconnect(&mut connector)?;
        if connection.is_some() && !connector.is_flapping() {
            PROGRAM.complain(messages::BACK);
        }
        opening.clone_from(&prompt);
    }
    match sender.has_sent_all() {
        true if may_have_lost => bail!(messages::NOT_ALL_BACK),
        true => Ok(MESSAGES.end_of_input().to_string()),
        false => Ok(messages::with_unsent(MESSAGES.interrupted(), sender.queue.messages.len())),
    }
}

/// Runs a pair of processes to the `connection`'s end, and reports messages that may be lost.
/// Returns that end, and whether there were any.
fn talk_on(
    connection: &TcpStream,
    sender: &mut Sender,
    opening: &str,
    pseudo: &str,
    on_terminal: bool,
) -> anyhow::Result<(ConnectionEnd, bool)> {
    let receiver = PeerProcess::start(&sender.events.signals, connection, |connection, parent| {
        show(connection, parent, opening, pseudo, on_terminal)
    });
    let end = sender.run(connection, receiver.context("fork")?);
    if on_terminal && sys::is_writable_now(io::stdout()) {
        // Leaves the prompt's line.
        let _ = sys::write_some(io::stdout(), b"\n");
    }
    let unheard = sender.unheard(&end);
    unheard.iter().for_each(|message| PROGRAM.complain(&messages::not_heard(&visible(message))));
    Ok((end?, !unheard.is_empty()))
}
