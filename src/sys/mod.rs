//! System calls: the only module with `unsafe`. Linux and the other Unixes differ here.
//!
//! Its functions take plain Rust values (borrowed descriptors, slices, durations) and return
//! `io::Result`s. It uses nothing else of this crate.
#![allow(unsafe_code)]

mod backoff;
mod capabilities;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod clone_files;
mod descriptors;
mod errno;
mod fd_passing;
mod files;
mod memory;
mod oom_score;
mod poll;
mod privdrop;
mod process;
mod proctitle;
mod sandbox;
mod scoped_address;
mod secrets;
mod shared_numbers;
mod signals;
mod socket;
mod spawn;
mod terminal;

pub use backoff::Backoff;
pub use files::open_directory;
pub use memory::dontfork_vec;
pub use poll::{Interest, wait};
pub use process::{Ended, IO_ERROR, reap_this};
pub use sandbox::{Filter, Layer, Profile, Ruleset, Sandbox};
pub use scoped_address::ScopedAddress;
pub use shared_numbers::SharedNumbers;
pub use signals::{Signals, ignore_signal};
pub use spawn::spawn;

pub(crate) use backoff::{is_idle, is_temporary};
pub(crate) use capabilities::Capabilities;
pub(crate) use descriptors::{
    duplicate, enable_packet_mode, has_terminal, is_regular_file, keep_only, make_nonblocking, move_high,
    pipe_capacity, raise_descriptor_limit, read_some, reopen_pipe, reopen_terminal, write_all, write_some,
    write_until_asked_to_end,
};
pub(crate) use errno::{lacks_descriptors, plain_reason, retry, system_reason};
pub(crate) use fd_passing::{Passed, pass, take_passed};
pub(crate) use files::{
    create_named, create_unnamed, leads_to, link_named, link_unnamed, open_file, sync, sync_data,
    sync_directory, truncate, unlink,
};
pub(crate) use memory::{discard_in_child, keep_large_blocks_apart};
pub(crate) use poll::{
    has_ended, is_readable_now, is_ready, is_ready_within, is_writable_now, wait_for_events, wait_for_some,
    watch,
};
pub(crate) use privdrop::{LookupError, User};
pub(crate) use process::{ENDS_WITH_PARENT, kill, kill_and_reap, reap_ended, reap_one};
pub(crate) use proctitle::Title;
pub(crate) use secrets::{DontforkBytes, fill_random, wipe};
pub(crate) use signals::{
    continue_parent_at_hangup, default_signal, end_by, end_process_1_by, is_asked_to_end, is_ignored,
    is_stopped_by_sigterm, note_asked_to_end, stop_by_sigterm,
};
#[cfg(not(target_os = "linux"))]
pub(crate) use socket::enable_keepalive;
pub(crate) use socket::{
    accept, acknowledge, awaits_acknowledgement, begin_connecting, finish_connecting, listen, round_trip,
    try_peek, try_read, try_send, unacknowledged, wait_and_read,
};
pub(crate) use terminal::{
    TerminalModes, die_by, is_foreground_or_shells, is_in_foreground, raise_in_group, stop_as_asked,
    stop_group,
};

pub use nix::poll::PollFd;
pub use nix::sys::signal::Signal;
pub use nix::unistd::Pid;

/// The most bytes that one `write` to a pipe keeps together, however many processes write: pipe(7).
/// 4096 on Linux, 512 on the BSDs and macOS.
pub const PIPE_BUF: usize = libc::PIPE_BUF;

/// gethostname(2); empty where that is not UTF-8.
pub(crate) fn machine_name() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}
