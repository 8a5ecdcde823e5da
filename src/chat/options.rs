//! How a room is to be run.

use std::net::SocketAddr;
use std::time::Duration;

use super::transcript;
use crate::server;

/// How the room is to be run; the command line's options, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen, and for how many.
    pub listening: server::Options,
    /// Where to listen for clients that read lines, if anywhere.
    pub lines: Option<SocketAddr>,
    /// Where to listen for browsers, if anywhere.
    pub web: Option<SocketAddr>,
    /// The least time between two messages; zero: none.
    pub pace: Duration,
    /// How long a client may say nothing; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How many released bytes a client may be behind.
    pub lag_limit: u64,
    /// Each client's name is its own.
    pub distinct_names: bool,
    /// Whoever begins with a header of the web or of mail is sent away.
    pub refuses_headers: bool,
    /// Where what is said is written down, if anywhere.
    pub transcript: Option<transcript::Options>,
    /// `ps -f` shows whom each child serves.
    pub titles: bool,
    /// What to print.
    pub verbosity: Verbosity,
}

/// What the server prints beside its first line and what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Nothing.
    Quiet,
    /// Who comes, what is said, who leaves.
    Chat,
    /// And each message's hops.
    Hops,
}
