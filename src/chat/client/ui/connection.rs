//! The connection, while there is one, and the second process, of which there is always one: it listens to the server, or only watches
//! over the terminal.

use std::io;
use std::net::TcpStream;

use super::receiver::{guard, listen};
use crate::client::PeerProcess;
use crate::sys::{Signals, TerminalModes};

/// What the first process has to do with.
#[derive(Debug)]
pub struct ServerConnection {
    /// Descriptor 3 in both processes. None: it is looked for.
    pub connection: Option<TcpStream>,
    /// The other process.
    pub second: PeerProcess,
}

impl ServerConnection {
    /// Two processes on `connection`.
    ///
    /// # Errors
    /// What fork(2) says.
    pub fn up(
        connection: TcpStream,
        signals: &Signals,
        modes: &TerminalModes,
    ) -> io::Result<ServerConnection> {
        let second =
            PeerProcess::start(signals, &connection, |connection, parent| listen(connection, parent, modes))?;
        Ok(ServerConnection { connection: Some(connection), second })
    }

    /// Two processes without a connection.
    ///
    /// # Errors
    /// What fork(2) says.
    pub fn down(signals: &Signals, modes: &TerminalModes) -> io::Result<ServerConnection> {
        let second = PeerProcess::start(signals, &io::stdin(), |_, parent| guard(parent, modes))?;
        Ok(ServerConnection { connection: None, second })
    }

    /// The second process alone, for its end. The connection is closed.
    pub fn into_second(self) -> PeerProcess {
        self.second
    }
}
