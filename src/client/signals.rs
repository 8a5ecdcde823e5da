//! Signals that a client catches, and its state before it connects.

use std::os::fd::{AsFd, AsRawFd, RawFd};

use anyhow::Context;

use crate::sys::{self, Signal, Signals};

/// End a client with a line on standard error and status 0.
pub const ENDING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// End a client by their default action, taken once the terminal is restored.
pub const FATAL: [Signal; 2] = [Signal::SIGHUP, Signal::SIGQUIT];

/// Job control and window size: handled by [`Terminal`](super::terminal::Terminal).
pub const TERMINAL: [Signal; 3] = [Signal::SIGWINCH, Signal::SIGTSTP, Signal::SIGCONT];

/// Lowest number of internal descriptors: the connection gets 3, the lowest that is free.
pub const OWN_DESCRIPTORS_FROM: RawFd = 10;

/// Closes every inherited descriptor beyond 2, ignores SIGPIPE, catches [`ENDING`].
pub fn prepare() -> anyhow::Result<Signals> {
    catch(&ENDING, &[])
}

/// As [`prepare`], but for the descriptor `kept`.
pub fn prepare_keeping(kept: impl AsFd) -> anyhow::Result<Signals> {
    catch(&ENDING, &[kept.as_fd().as_raw_fd()])
}

/// As [`prepare`], and catches what stops, resizes or kills a client in raw mode.
pub fn prepare_with_terminal() -> anyhow::Result<Signals> {
    catch(&[&ENDING[..], &FATAL, &TERMINAL].concat(), &[])
}

fn catch(signals: &[Signal], kept: &[RawFd]) -> anyhow::Result<Signals> {
    sys::keep_only(kept).context("close_range")?;
    sys::ignore_signal(Signal::SIGPIPE);
    sys::default_signal(Signal::SIGCHLD);
    FATAL.into_iter().filter(|fatal| !signals.contains(fatal)).for_each(sys::end_process_1_by);
    Signals::catch(signals, OWN_DESCRIPTORS_FROM).context("sigaction")
}

/// Lets [`ENDING`] end the process at once: the last line could block on a terminal stopped by
/// Ctrl+S.
pub fn end_at_once() {
    ENDING.into_iter().for_each(sys::end_by);
}
