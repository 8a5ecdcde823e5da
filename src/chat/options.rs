//! Options of the chat server, as checked by the command line.

use std::net::SocketAddr;
use std::time::Duration;

use super::transcript;
use super::web::proxies::Proxies;
use super::web::site::Origin;
use crate::server;

#[derive(Clone, Debug)]
pub struct Options {
    pub listening: server::Options,
    /// Address of the line listener.
    pub lines: Option<SocketAddr>,
    /// Address of the web listener.
    pub web: Option<SocketAddr>,
    /// Sites whose pages may enter by the web listener, beside its own.
    pub origins: Vec<Origin>,
    /// Proxies in front of the web listener whose `X-Forwarded-For` counts.
    pub proxies: Proxies,
    /// Shortest time between two messages to a client of C strings; zero: no limit.
    pub pace: Duration,
    pub idle_timeout: Option<Duration>,
    /// Bytes released to a client and not yet taken by its socket, above which it is disconnected.
    pub lag_limit: u64,
    pub distinct_names: bool,
    /// Disconnect a client whose first bytes are another protocol's, or no text.
    pub checks_first_bytes: bool,
    pub transcript: Option<transcript::Options>,
    /// Show the client of each child in `ps -f`.
    pub titles: bool,
    pub verbosity: Verbosity,
}

/// Lines printed beside the first one and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    Quiet,
    /// Joins, messages, departures.
    Chat,
    /// Also the way of each message: processes, descriptors, bytes.
    Hops,
}
