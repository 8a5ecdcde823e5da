//! Host, port and resolved addresses of a server.

use std::io::{self, PipeReader};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::messages::Messages;
use crate::cli::{Program, look_up};
use crate::sys;

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

    /// A further lookup. `None` for an address, which does not change, and for want of resources.
    pub fn start_lookup(&self) -> Option<Lookup> {
        let (program, host, port) = (self.program, self.host.to_string(), self.port);
        if host.parse::<IpAddr>().is_ok() {
            return None;
        }
        Lookup::start(move || look_up(program, &host, port).ok())
    }

    #[cfg(test)]
    pub fn of(address: SocketAddr, wait: Option<Duration>) -> Target<'static> {
        let program = crate::chat::client::PROGRAM;
        Target { program, host: "127.0.0.1", port: address.port(), wait, addresses: vec![address] }
    }
}

/// A lookup in a thread, since it may block. To be over before a process is forked, or a descriptor
/// opened that is to get the lowest number.
#[derive(Debug)]
pub struct Lookup {
    thread: JoinHandle<Option<Vec<SocketAddr>>>,
    /// Of a pipe whose other end the thread holds.
    end: PipeReader,
}

impl Lookup {
    pub fn start(look_up: impl FnOnce() -> Option<Vec<SocketAddr>> + Send + 'static) -> Option<Lookup> {
        let (end, held) = io::pipe().ok()?;
        let run = move || {
            let found = look_up();
            drop(held);
            found
        };
        Some(Lookup { thread: Builder::new().spawn(run).ok()?, end })
    }

    /// Readable once the lookup is over.
    pub fn end(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }

    pub fn is_over(&self) -> bool {
        sys::is_readable_now(&self.end)
    }

    /// Waits for the thread's end. `addresses` become its result, if it has one.
    pub fn finish(self, addresses: &mut Vec<SocketAddr>) {
        if let Ok(Some(found)) = self.thread.join() {
            *addresses = found;
        }
    }
}
