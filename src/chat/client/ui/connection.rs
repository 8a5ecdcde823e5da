//! The connection, and the second process: there is always one, as the terminal's watchdog.

use std::io;
use std::net::TcpStream;

use super::receiver::{receive_for, watch_over};
use crate::client::PeerProcess;
use crate::sys::{Signals, TerminalModes};

#[derive(Debug)]
pub struct ServerConnection {
    /// Descriptor 3 in both processes; `None` while connecting.
    pub socket: Option<TcpStream>,
    pub receiver: PeerProcess,
}

impl ServerConnection {
    pub fn connected(
        socket: TcpStream,
        signals: &Signals,
        modes: &TerminalModes,
    ) -> io::Result<ServerConnection> {
        let receiver =
            PeerProcess::start(signals, &socket, |socket, parent| receive_for(parent, socket, modes))?;
        Ok(ServerConnection { socket: Some(socket), receiver })
    }

    pub fn connecting(signals: &Signals, modes: &TerminalModes) -> io::Result<ServerConnection> {
        let receiver = PeerProcess::start(signals, &io::stdin(), |_, parent| watch_over(parent, modes))?;
        Ok(ServerConnection { socket: None, receiver })
    }

    /// Closes the connection.
    pub fn into_receiver(self) -> PeerProcess {
        self.receiver
    }
}
