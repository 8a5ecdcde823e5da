//! Host, port and resolved addresses of a server.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::bail;

use super::messages::Messages;

#[derive(Debug)]
pub struct Target<'a> {
    pub host: &'a str,
    pub port: u16,
    /// In the order of the attempts.
    pub addresses: Vec<SocketAddr>,
}

impl Target<'_> {
    /// Looks up `host`, an address or a name. To be called before [`crate::client::prepare`]: a
    /// lookup blocks outside the poll loop, so Ctrl+C must still end the process by itself.
    pub fn resolve(messages: Messages, host: &str, port: u16) -> anyhow::Result<Target<'_>> {
        match (host, port).to_socket_addrs() {
            Ok(addresses) => Ok(Target { host, port, addresses: addresses.collect() }),
            Err(reason) => bail!(messages.unknown_host(host, &reason)),
        }
    }

    #[cfg(test)]
    pub fn of(address: SocketAddr) -> Target<'static> {
        Target { host: "", port: address.port(), addresses: vec![address] }
    }
}
