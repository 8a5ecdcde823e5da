//! The signals of the first process: the end of the server, requests, children that have ended.

use super::Supervisor;
use crate::sys::{self, Ended, Signal};

impl Supervisor {
    /// Handles pending signals; sets [`Supervisor::stop`]. True when a child may have ended.
    pub fn take_signals(&mut self) -> bool {
        let signals = self.signals.take();
        let hung_up = signals.contains(&Signal::SIGHUP) && self.signals.has_hung_up();
        for &signal in &signals {
            self.turns.progress();
            match signal {
                Signal::SIGCHLD => {}
                Signal::SIGINT | Signal::SIGTERM => self.stop = self.stop.or(Some(signal)),
                // A request, unless the terminal was closed.
                Signal::SIGHUP
                    if !self.hangup_is_request || hung_up && self.has_terminal && !sys::has_terminal() =>
                {
                    self.stop = self.stop.or(Some(signal));
                }
                _ => self.user_signals.push(signal),
            }
        }
        signals.contains(&Signal::SIGCHLD)
    }

    /// True for a child that was killed by the signal that also ends the server, as sent to a
    /// process group or by systemd: no child was lost. Callers reap until no child is left to reap,
    /// since this may take the SIGCHLD of another one.
    pub fn ends_with_server(&mut self, ended: Ended) -> bool {
        let Ended::Signal(signal @ (Signal::SIGINT | Signal::SIGTERM)) = ended else { return false };
        // kill(2) has signalled the whole group before one of it can be reaped.
        self.take_signals();
        self.stop == Some(signal)
    }
}
