//! Host, port and resolved addresses of a server.

use std::net::SocketAddr;
use std::time::Duration;

use super::messages::Messages;
use crate::cli::look_up;

/// Where the server is, as typed.
#[derive(Clone, Debug)]
pub struct ServerAddress {
    pub host: String,
    pub port: u16,
    /// Time to look for a server that is not up yet; `None`: until it is.
    pub wait: Option<Duration>,
}

#[derive(Debug)]
pub struct Target<'a> {
    pub host: &'a str,
    pub port: u16,
    pub wait: Option<Duration>,
    /// In the order of the attempts.
    pub addresses: Vec<SocketAddr>,
}

impl Target<'_> {
    /// Looks up the host, an address or a name. To be called before [`crate::client::prepare`]: a
    /// lookup blocks outside the poll loop, so Ctrl+C must still end the process by itself.
    pub fn resolve(messages: Messages, server: &ServerAddress) -> anyhow::Result<Target<'_>> {
        let ServerAddress { host, port, wait } = server;
        let addresses = look_up(messages.program, host, *port)?;
        Ok(Target { host, port: *port, wait: *wait, addresses })
    }

    #[cfg(test)]
    pub fn of(address: SocketAddr, wait: Option<Duration>) -> Target<'static> {
        Target { host: "", port: address.port(), wait, addresses: vec![address] }
    }
}
