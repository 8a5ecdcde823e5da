//! The system calls: the one room with `unsafe`, and the one place where Linux and the other Unixes differ.
//!
//! In come plain Rust values (borrowed descriptors, slices, durations), out go `io::Result`s. Nothing here knows
//! what a chat is.
#![allow(unsafe_code)]

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod clone_files;
mod descriptors;
mod fd_passing;
mod files;
mod memory;
mod poll;
mod privdrop;
mod process;
mod proctitle;
mod sandbox;
mod signals;
mod socket;
mod spawn;
mod terminal;

pub use descriptors::{
    enable_packet_mode, has_terminal, keep_only, make_nonblocking, move_high, pipe_capacity,
    raise_descriptor_limit, reopen_pipe, reopen_terminal,
};
pub use fd_passing::{Passed, pass, take_passed};
pub use files::{create_named, create_unnamed, link_named, link_unnamed, open_directory, unlink};
pub use memory::{discard_in_child, dontfork_vec, keep_large_blocks_apart};
pub use poll::{Interest, has_ended, is_ready, is_writable_now, wait, wait_for_some, watch};
pub use privdrop::User;
pub use process::{Ended, kill, reap_ended, reap_one, reap_this};
use process::{Fork, fork, leave};
pub use proctitle::Title;
pub use sandbox::{Filter, Layer, Profile, Ruleset, Sandbox};
pub use signals::{Signals, default_signal, ignore_signal, is_ignored};
pub use socket::{
    begin_connecting, discard_input, enable_keepalive, finish_connecting, listen, try_peek, try_read,
    try_send,
};
pub use spawn::spawn;
pub use terminal::{
    TerminalModes, die_by, is_foreground_or_shells, is_in_foreground, raise_in_group, stop_as_asked,
};

pub use nix::poll::PollFd;
pub use nix::sys::signal::Signal;
pub use nix::unistd::Pid;

/// The most bytes that one `write` to a pipe carries whole, whatever the number of writers: pipe(7), `PIPE_BUF`.
/// 4096 on Linux, 512 on the BSDs and macOS.
pub const PIPE_BUF: usize = libc::PIPE_BUF;

/// What this machine calls itself, gethostname(2); empty where that is no text.
pub fn machine_name() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}

/// The number of the user that this process acts as, geteuid(2).
pub fn effective_user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// strerror(3), without Rust's " (os error N)".
pub fn system_reason(errno: i32) -> &'static str {
    nix::errno::Errno::from_raw(errno).desc()
}
