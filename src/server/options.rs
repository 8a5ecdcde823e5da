//! Where a server listens, for how many, and what guards it.

use std::net::SocketAddr;

/// The options that every server has, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0: any.
    pub address: SocketAddr,
    /// The queue of connections not yet accepted.
    pub backlog: i32,
    /// How many clients at once.
    pub max_clients: usize,
    /// How many of them from one address; `None`: as many as there are.
    pub max_per_address: Option<usize>,
    /// Whom to run as, once it listens.
    pub user: Option<String>,
    /// Children are confined by limits.
    pub limits: bool,
    /// Children are confined by a list of system calls.
    pub seccomp: bool,
    /// What was done of this is told.
    pub verbose: bool,
}
