//! The parts that servers share: listen, accept, fork a child per client, print without blocking,
//! lingering close.
//!
//! [`Supervisor`] is the first process, as every lab's event loop uses it. `fork_per_client` is the
//! whole server of the labs whose clients share nothing ([`ClientHandler`], [`Session`]).

mod client_handler;
mod fork_per_client;
mod lingering_close;
mod listener;
mod messages;
mod options;
mod output;
mod privileges;
mod session;
mod startup;
mod supervisor;

pub use client_handler::{ClientHandler, ServeMode};
pub use fork_per_client::run;
pub use lingering_close::LingeringCloses;
pub use listener::{AcceptOutcome, Listener};
pub use messages::Messages;
pub use options::Options;
pub use output::Output;
pub use privileges::Privileges;
pub use session::{Disconnect, Session};
pub use startup::{lowest_own_descriptor, startup};
pub use supervisor::{ACCEPTED_AT_ONCE, Event, PendingConnection, Supervisor};
