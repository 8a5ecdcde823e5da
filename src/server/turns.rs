//! The turns of a first process's event loop: it goes on when system calls fail, and never spins.
//!
//! A turn that was woken and achieved nothing would be woken again at once: accept(2) fails,
//! poll(2) reports bytes and read(2) gives none, poll(2) returns before its time. From the 16th
//! such turn in a row on, each ends with a pause of 20 ms ([`Backoff`]). When poll itself fails,
//! every descriptor is taken to be ready: nothing blocks, so the server goes on, and notices the
//! signal that is to end it.

use std::io;
use std::time::{Duration, Instant};

use super::Supervisor;
use crate::sys::{self, Backoff, Ended, Interest, Pid};

/// Time until the next attempt after waitpid(2) has failed.
const REAP_AGAIN_AFTER: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub struct Turns {
    is_idle: bool,
    poll_failed: bool,
    backoff: Backoff,
    failed_polls: u64,
    /// Rows of idle turns that came to a pause.
    rows: u64,
    reap_again_at: Option<Instant>,
}

impl Turns {
    /// Something was done in this turn that will not be found again by the next.
    pub fn progress(&mut self) {
        self.is_idle = false;
    }

    /// The time to try again after [`Supervisor::reap_one`] has failed.
    pub fn due(&self) -> Option<Instant> {
        self.reap_again_at
    }

    /// Pauses after an idle turn. Returns a number for the log when a row of pauses begins.
    fn end(&mut self) -> Option<u64> {
        if !self.is_idle && !self.poll_failed {
            self.backoff.succeeded();
            return None;
        }
        // For ever: the server ends by a signal alone.
        let _ = self.backoff.failed();
        if !self.backoff.begins_to_pause() {
            return None;
        }
        self.rows += 1;
        // Rate limit: the 1st, 2nd, 4th, 8th, ... is logged.
        Some(self.rows).filter(|rows| rows.is_power_of_two())
    }
}

impl Supervisor {
    /// Begins a turn of the event loop. Give it the outcome of [`sys::wait_for_events`].
    pub fn begin_turn(&mut self, has_timed_out: &io::Result<bool>) {
        // Woken by an event, or before its time without one.
        self.turns.is_idle = matches!(has_timed_out, Ok(false));
        self.turns.poll_failed = has_timed_out.is_err();
        let Err(reason) = has_timed_out else { return };
        self.turns.failed_polls += 1;
        // Rate limit: the 1st, 2nd, 4th, 8th, ... is logged.
        if self.turns.failed_polls.is_power_of_two() {
            self.err.line(self.messages.poll_failed(reason, self.turns.failed_polls));
        }
    }

    /// Ends a turn of the event loop.
    pub fn end_turn(&mut self, now: Instant) {
        self.privileges.sandbox.raise_scores(now);
        let freed = self.lingering.advance(now);
        self.listeners.iter_mut().for_each(|listener| listener.resume(now, freed));
        let waiting = self.out.len() + self.err.len();
        self.flush();
        if self.out.len() + self.err.len() < waiting {
            self.turns.progress();
        }
        if let Some(count) = self.turns.end() {
            self.err.line(self.messages.turns_are_idle(count));
        }
        // A signal during this turn whose byte could not be written wakes no poll.
        if self.signals.is_raised() {
            self.take_signals();
            // The next turn begins at once.
            self.turns.reap_again_at = Some(now);
        }
    }

    /// Reaps one child that has ended. After an error, [`Supervisor::reaps_again`] is true a little
    /// later.
    pub fn reap_one(&mut self, now: Instant) -> Option<(Pid, Ended)> {
        let reaped = sys::reap_one().unwrap_or_else(|_| {
            self.turns.reap_again_at = Some(now + REAP_AGAIN_AFTER);
            None
        });
        reaped.inspect(|&(child, _)| self.privileges.sandbox.reaped(child))
    }

    /// True once after a failed [`Supervisor::reap_one`], when it is to be tried again.
    pub fn reaps_again(&mut self, now: Instant) -> bool {
        self.turns.reap_again_at.take_if(|at| *at <= now).is_some()
    }

    /// Waits for signals until `deadline`, and handles them.
    pub fn wait_for_signal(&mut self, deadline: Instant) {
        let mut watched = [sys::watch(self.signals.as_fd(), Interest::Read)];
        let left = deadline.saturating_duration_since(Instant::now());
        if sys::wait(&mut watched, Some(left)).is_err() {
            // The caller repeats this until the deadline.
            let _ = self.turns.backoff.failed();
        }
        self.take_signals();
    }
}
