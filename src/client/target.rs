//! Host, port and resolved addresses of a server.

use std::net::{IpAddr, SocketAddr};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::messages::Messages;
use crate::cli::{Program, look_up};

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
    program: Program,
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
        Ok(Target { program: messages.program, host, port: *port, wait: *wait, addresses })
    }

    /// A lookup in a thread, since it may block. `None` for an address, which does not change.
    fn start_lookup(&self) -> Option<Thread> {
        let (program, host, port) = (self.program, self.host.to_string(), self.port);
        if host.parse::<IpAddr>().is_ok() {
            return None;
        }
        Builder::new().spawn(move || look_up(program, &host, port).ok()).ok()
    }

    #[cfg(test)]
    pub fn of(address: SocketAddr, wait: Option<Duration>) -> Target<'static> {
        let program = crate::chat::client::PROGRAM;
        Target { program, host: "127.0.0.1", port: address.port(), wait, addresses: vec![address] }
    }
}

type Thread = JoinHandle<Option<Vec<SocketAddr>>>;

/// Further lookups, each between a pause and the attempts behind it: no thread runs while a process
/// is forked, or a descriptor opened.
#[derive(Debug, Default)]
pub struct Lookup {
    pub is_due: bool,
    thread: Option<Thread>,
}

impl Lookup {
    /// Starts a lookup that is due. True while it runs; then `addresses` are its result, if it has
    /// one.
    pub fn is_running(&mut self, target: &Target, addresses: &mut Vec<SocketAddr>) -> bool {
        if std::mem::take(&mut self.is_due) {
            self.thread = target.start_lookup();
        }
        let Some(thread) = self.thread.take_if(|thread| thread.is_finished()) else {
            return self.thread.is_some();
        };
        if let Ok(Some(found)) = thread.join() {
            *addresses = found;
        }
        false
    }
}
