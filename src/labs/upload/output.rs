//! Lines for the user: a stopped terminal, or a pipe that is not read, never delays a signal.

use std::io;
use std::os::fd::AsFd;

use anyhow::{Context, ensure};

use super::INTERRUPTED;
use super::client::MESSAGES;
use crate::sys::{self, Interest, PIPE_BUF, Signals};

pub struct Output(Box<dyn AsFd>);

impl Output {
    /// A terminal is opened once more, non-blocking: poll reports it writable when it accepts a
    /// single byte, and its user may stop it in the middle of a line.
    pub fn stdout() -> Output {
        match sys::reopen_terminal(io::stdout()) {
            Some(terminal) => Output(Box::new(terminal)),
            None => Output(Box::new(io::stdout())),
        }
    }

    /// Writes `line` and a newline, without a deadline; one of `signals` ends it with an error.
    pub fn line(&self, line: &str, signals: &mut Signals) -> anyhow::Result<()> {
        let line = format!("{line}\n");
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            let out = sys::watch(self.0.as_fd(), Interest::Write);
            let watched = [Some(sys::watch(signals.as_fd(), Interest::Read)), Some(out)];
            let [signalled, writable] = sys::wait_for_some(watched, None).context(MESSAGES.stuck())?;
            ensure!(!(signalled || signals.is_raised()) || signals.take().is_empty(), INTERRUPTED);
            if !writable {
                continue;
            }
            // A pipe that poll reports writable accepts PIPE_BUF bytes without blocking.
            let written = sys::write_some(self.0.as_fd(), &rest[..rest.len().min(PIPE_BUF)]);
            let written = written.map_err(io::Error::from).context("cannot write to standard output")?;
            rest = &rest[written..];
        }
        Ok(())
    }
}
