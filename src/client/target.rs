//! Host, port and resolved addresses of a server.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::bail;

use super::messages::Messages;

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
        let addresses: Vec<SocketAddr> = match (host.as_str(), *port).to_socket_addrs() {
            Ok(addresses) => addresses.collect(),
            Err(reason) => bail!(messages.unknown_host(host, &reason)),
        };
        if !addresses.is_empty() && addresses.iter().all(lacks_interface) {
            bail!(messages.lacks_interface(host));
        }
        Ok(Target { host, port: *port, wait: *wait, addresses })
    }

    #[cfg(test)]
    pub fn of(address: SocketAddr, wait: Option<Duration>) -> Target<'static> {
        Target { host: "", port: address.port(), wait, addresses: vec![address] }
    }
}

/// True for a link-local address without its interface: each link has addresses of that form.
fn lacks_interface(address: &SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}
