//! The connection, and the second process: there is always one, as the terminal's watchdog.

use std::io;
use std::net::TcpStream;

use anyhow::Context;

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
    /// Forks the second process.
    pub fn start(
        socket: Option<TcpStream>,
        signals: &Signals,
        modes: &TerminalModes,
    ) -> anyhow::Result<ServerConnection> {
        let receiver = match &socket {
            Some(socket) => {
                PeerProcess::start(signals, socket, |_, parent| receive_for(parent, socket, modes))
            }
            None => PeerProcess::start(signals, &io::stdin(), |_, parent| watch_over(parent, modes)),
        };
        Ok(ServerConnection { receiver: receiver.context("fork")?, socket })
    }

    /// Closes the connection.
    pub fn into_receiver(self) -> PeerProcess {
        self.receiver
    }
}
