//! Shared test helpers: real programs, started on port 0, awaited by their output, killed and
//! reaped when dropped.
//!
//! No helper proves anything by the time that passes: a wait ends with its event. [`PATIENCE`] only
//! turns an endless wait into a failure that names the missing event.
#![allow(dead_code, unused_imports)] // Each test program uses some of them.

mod clients;
mod conversation;
mod emulator;
mod labs;
mod peer;
mod process;
mod program;
mod row;
mod senders;
mod server;
pub mod skip;
mod terminal;

pub use clients::{c_client, c_client_from, c_compat, our_client};
pub use conversation::{Heard, contains_all_messages, hear_in_one_order, send_numbered};
pub use emulator::{Emulator, rows_of};
pub use labs::{Outcome, french_help_contains, help_contains, is_refused_in_english, outcome_of};
pub use peer::Peer;
pub use process::{
    attach, can_trace, catches_sigterm, child_with_connection, children_of, cpu_time_of, descriptors_of,
    descriptors_of_child, is_alive, name_of, private_kb, raise_own_descriptor_limit, send, stop, traced,
    wait_for_death,
};
pub use program::{Output, Program};
pub use row::{Row, for_each_at_once};
pub use senders::{INTERRUPT, NO_TIMING_MARK, PUTTY, SUSPEND, blocks};
pub use server::{Server, for_nobody, server_for_nobody};
pub use skip::{is_root, skip};
pub use terminal::Terminal;

use std::time::{Duration, Instant};

/// Timeout of a wait for one event. Generous, for busy machines.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const SERVER: &str = env!("CARGO_BIN_EXE_chat_serveur");
pub const CLIENT: &str = env!("CARGO_BIN_EXE_chat_client");

/// Polls until `look` finds something. For facts without an event to wait for, such as those in
/// /proc.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, look)
}

/// Like [`eventually`], with a timeout for an event that is slow by design.
#[track_caller]
pub fn eventually_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
