//! Shared by servers: listen, accept, fork per client, print without blocking, lingering close.
//!
//! [`Supervisor`] is the first process, as every lab's event loop uses it. `fork_per_client` is the
//! whole server of the labs without shared state ([`ClientHandler`], `Session`).

mod children;
mod client_handler;
pub mod first_bytes;
mod fork_per_client;
mod lingering_close;
mod listener;
mod messages;
mod options;
mod output;
mod penalties;
mod places;
mod privileges;
mod session;
mod source;
mod startup;
mod supervisor;
pub mod telnet;
mod turns;
mod waiting;

pub use client_handler::{ClientHandler, ServeMode};
pub use options::{MAX_BACKLOG, Options};
pub use supervisor::Supervisor;

pub(crate) use fork_per_client::run;
pub(crate) use lingering_close::{Grace, LingeringCloses};
pub(crate) use listener::Listener;
pub(crate) use messages::Messages;
pub(crate) use output::Output;
pub(crate) use places::{Occupant, Silence, gives_way};
pub(crate) use privileges::Privileges;
pub(crate) use session::{Disconnect, GREETING_DELAY, Session};
pub(crate) use source::{oldest_of_heavier, oldest_of_heaviest, source};
pub(crate) use startup::{fitting_sockets, lowest_own_descriptor, startup};
pub(crate) use supervisor::{ACCEPTED_AT_ONCE, Event};
pub(crate) use waiting::PendingConnection;
