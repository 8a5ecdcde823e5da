//! What every client shares: a connection that is tried for a while, two processes that end together, or one that listens to
//! keyboard and server by turns; a terminal on which what arrives does not tear what one types.

mod connector;
mod event_loop;
mod input_queue;
mod line_buffer;
mod messages;
mod process_pair;
mod protocol;
mod steps;
mod target;
pub mod terminal;
#[cfg(test)]
mod test_support;
mod ui;

use std::os::fd::RawFd;

use anyhow::Context;

use crate::sys::{self, Signal, Signals};

pub use connector::Connector;
pub use line_buffer::LineBuffer;
pub use messages::Messages;
pub use process_pair::{PeerProcess, PeerStatus};
pub use protocol::{ClientProtocol, converse};
pub use target::{Target, connect, connect_at_once, find, look_for, try_connect};
#[cfg(test)]
pub use test_support::{Event, screen_after};
pub use ui::{Ui, UiMode};

/// The signals by which a user ends a client.
pub const ENDING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// From this number on, descriptors that nobody is to look at.
const OWN_DESCRIPTORS_FROM: RawFd = 10;

/// Gets a process ready to be a client: nothing inherited open beyond 0, 1 and 2, so that its connection is 3; SIGPIPE
/// ignored; the signals of [`ENDING`] caught.
///
/// # Errors
/// What the system says.
pub fn prepare() -> anyhow::Result<Signals> {
    prepare_for(&ENDING)
}

/// The same for one that takes the terminal: also caught is what stops it, sizes it anew, or would leave it as it is.
///
/// # Errors
/// What the system says.
pub fn prepare_with_terminal() -> anyhow::Result<Signals> {
    prepare_for(&[&ENDING[..], &terminal::FATAL, &terminal::SIGNALS].concat())
}

fn prepare_for(caught: &[Signal]) -> anyhow::Result<Signals> {
    sys::keep_only(&[]).context("close_range")?;
    sys::ignore_signal(Signal::SIGPIPE);
    sys::default_signal(Signal::SIGCHLD);
    Signals::catch(caught, OWN_DESCRIPTORS_FROM).context("sigaction")
}
