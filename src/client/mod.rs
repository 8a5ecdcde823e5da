//! What every client shares: a connection that is tried for a while, two processes that end together, or one that listens to
//! keyboard and server by turns; a terminal on which what arrives does not tear what one types.

mod dial;
mod dialogue;
mod lines;
mod pair;
mod search;
pub mod terminal;
mod words;

use std::os::fd::RawFd;

use anyhow::Context;

use crate::sys::{self, Signal, Signals};

pub use dial::{Server, connect, connect_at_once, find, look_for, try_connect};
pub use dialogue::{Dialogue, Face, Look, converse};
#[cfg(test)]
pub use dialogue::{Event, screen_after};
pub use lines::Lines;
pub use pair::{Pulse, Screen};
pub use search::Dial;
pub use words::Words;

/// The signals by which a user ends a client.
pub const ENDING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// From this number on, descriptors that nobody is to look at.
const OUT_OF_THE_WAY: RawFd = 10;

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
    Signals::catch(caught, OUT_OF_THE_WAY).context("sigaction")
}
