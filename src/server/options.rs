use std::net::SocketAddr;

/// Of `--backlog`.
pub const MAX_BACKLOG: u64 = 4096;

/// The options that every server has, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0: any free one.
    pub address: SocketAddr,
    /// Of listen(2).
    pub backlog: i32,
    pub max_clients: usize,
    /// `None`: no limit.
    pub max_per_address: Option<usize>,
    /// Refuse addresses whose clients crash their children.
    pub penalties: bool,
    /// The user to become once the server listens.
    pub user: Option<String>,
    /// Confine children by limits: [`crate::sys::Sandbox`].
    pub limits: bool,
    /// Confine children by seccomp, and by landlock where they write files.
    pub seccomp: bool,
    /// Print at the start what confines the children.
    pub verbose: bool,
}
