//! Where a server listens, and for how many.

use std::net::SocketAddr;

/// The options that every server has, checked.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where to listen; port 0: any.
    pub address: SocketAddr,
    /// The queue of connections not yet accepted.
    pub backlog: i32,
    /// How many clients at once.
    pub max_clients: usize,
    /// How many of them from one address; `None`: as many as there are.
    pub max_per_address: Option<usize>,
}
