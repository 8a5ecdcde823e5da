//! The client: connects, opens the screen, starts its second process, and says how it ended.

use std::io::{self, IsTerminal, Write};
use std::os::fd::RawFd;

use anyhow::{Context, bail};

use super::keyboard::Keyboard;
use super::screen::show;
use crate::cli::complain;
use crate::client::{DialError, PATIENCE, Screen, dial};
use crate::sys::{self, Signal, Signals};

/// The program's name in front of what it says on standard error.
pub const PROGRAM: &str = "chat_client";

/// What the user is told who ends it by a signal.
pub const INTERRUPTED: &str = "interrompu, au revoir";

/// The signals by which a user ends it.
const ENDING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// From this number on, descriptors that nobody is to look at.
const OUT_OF_THE_WAY: RawFd = 10;

/// Connects to `host` and talks under the name `pseudo` until the keyboard, the user or the server ends it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16, pseudo: &str) -> anyhow::Result<()> {
    sys::keep_only(&[]).context("impossible de fermer les descripteurs hérités")?;
    sys::ignore_signal(Signal::SIGPIPE);
    sys::default_signal(Signal::SIGCHLD);
    let mut signals = Signals::catch(&ENDING, OUT_OF_THE_WAY).context("signaux")?;
    // The lowest number that is free, so 3.
    let connection = match dial(host, port, &mut signals) {
        Ok(connection) => connection,
        Err(DialError::Interrupted) => {
            complain(PROGRAM, INTERRUPTED);
            return Ok(());
        }
        Err(DialError::Unknown(reason)) => bail!("le nom « {host} » ne mène à aucune adresse : {reason}"),
        Err(DialError::Unreachable(reason)) => {
            bail!("aucun serveur ne répond à {host} port {port} (essayé {} s) : {reason}", PATIENCE.as_secs())
        }
    };
    // A message must not wait for the acknowledgment of the one before. It fails only on a broken connection.
    let _ = connection.set_nodelay(true);
    let on_terminal = io::stdout().is_terminal();
    let server = connection.peer_addr().context("la connexion est rompue")?;
    let prompt = if on_terminal { format!("{pseudo}> ") } else { String::new() };
    let opening = format!("Connecté à {server} sous le nom {pseudo} (Ctrl+D pour partir)\n{prompt}");
    let screen = Screen::start(&signals, &connection, |connection, parent| {
        show(connection, parent, &opening, pseudo, on_terminal)
    })
    .context("impossible de créer le second processus")?;
    let outcome = Keyboard::new(&connection, signals, pseudo).run(screen);
    // From here on a signal ends the program at once: a terminal that is held could hold the last line for ever.
    ENDING.into_iter().for_each(sys::default_signal);
    if on_terminal && sys::is_writable_now(io::stdout()) {
        // The prompt stands there; what is said now gets a line of its own.
        let _ = io::stdout().write_all(b"\n");
    }
    complain(PROGRAM, outcome?);
    Ok(())
}
