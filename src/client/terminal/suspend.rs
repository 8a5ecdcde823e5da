//! Hands the terminal over to the shell: on Ctrl+Z and SIGTSTP, until SIGCONT, and on exit.

use std::io;
use std::time::Instant;

use super::Terminal;
use super::keys::KeyDecoder;
use crate::client::signals::TERMINAL;
use crate::sys::{self, Interest, Signal, Signals};

impl Terminal {
    /// Handles SIGWINCH, SIGTSTP and SIGCONT. On SIGTSTP it returns when the process is continued.
    pub fn handle_signal(&mut self, signal: Signal) -> io::Result<()> {
        match signal {
            // The next drawing asks for the size.
            Signal::SIGWINCH => {}
            // The shell has the terminal: another process of the job has stopped first. Here it is
            // the restoring that stops (SIGTTOU), until the job is in the foreground again.
            Signal::SIGTSTP if self.out.is_raw && !sys::is_in_foreground(self.out.keyboard()) => {
                self.viewport.forget();
                self.out.restore();
            }
            Signal::SIGTSTP => self.suspend(sys::stop_as_asked)?,
            // Stopped by SIGSTOP, which cannot be caught: the shell has used the terminal
            // meanwhile.
            _ if self.out.is_raw => {
                self.viewport.forget();
                self.out.enter_raw_mode()?;
            }
            _ => {}
        }
        self.is_dirty = true;
        Ok(())
    }

    /// Returns when the process is continued. Raw mode comes back with the next drawing: a signal
    /// that came meanwhile may end the process before.
    pub(super) fn suspend(&mut self, stop: fn() -> io::Result<()>) -> io::Result<()> {
        self.leave_screen();
        self.out.restore();
        stop()
    }

    /// Draws until the terminal has taken everything, for as long as it takes nothing (a slow path,
    /// flow control). Ctrl+D or a hang-up ends that, and so does a signal, as for Ctrl+C:
    /// `Err(Some(signal))`. Adds the lines that were `typed` meanwhile.
    pub fn finish(&mut self, signals: &mut Signals, typed: &mut Vec<String>) -> Result<(), Option<Signal>> {
        while self.is_behind() {
            let screen = sys::watch(self.output(), Interest::Write);
            let [signal, keyboard] =
                [signals.as_fd(), self.out.keyboard()].map(|fd| sys::watch(fd, Interest::Read));
            let ready = sys::wait_for_some([Some(signal), Some(keyboard), Some(screen)], None);
            let [_, has_key, _] = ready.map_err(|_| None)?;
            for signal in signals.take() {
                match TERMINAL.contains(&signal) {
                    true => self.handle_signal(signal).map_err(|_| None)?,
                    false => return Err(Some(signal)),
                }
            }
            let input = self.read_keyboard(has_key).map_err(|_| None)?;
            typed.extend(input.lines.into_iter().filter(|line| !line.trim().is_empty()));
            if input.has_ended {
                return Err(None);
            }
        }
        self.out.expect_slow();
        Ok(())
    }

    /// True if the terminal does not take now all that is to be drawn, and more. False too when it
    /// is gone.
    pub fn is_behind(&mut self) -> bool {
        let is_drawn = !self.has_hung_up && self.draw().is_ok();
        is_drawn && (self.sources().screen.is_some() || !sys::is_writable_now(self.output()))
    }

    /// Prints what is left, and restores the terminal, with the cursor at the beginning of a row.
    pub fn close(mut self) {
        self.leave_screen();
    }

    fn leave_screen(&mut self) {
        if !self.out.is_raw {
            return;
        }
        let printed = std::mem::take(&mut self.printed);
        let last = self.viewport.erase(self.out.size().columns) + &printed;
        self.out.put(&last);
        self.out.drain();
        self.discard_input();
    }

    /// Reads what the shell must not get: [`super::line_input::LineInput::discard_time`].
    fn discard_input(&mut self) {
        let mut bytes = [0; 4096];
        let began = Instant::now();
        // Bounded in all, or a key held down would keep the process.
        while let Some(time) = self.input.discard_time().filter(|&time| began.elapsed() < 20 * time) {
            match self.out.read_within(time, &mut bytes) {
                [] => break,
                rest => drop(self.input.keys.feed(rest)),
            }
        }
        // Forgets a partial key or paste.
        self.input.keys = KeyDecoder::default();
    }
}
