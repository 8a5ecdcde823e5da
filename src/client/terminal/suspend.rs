//! The terminal changes hands: it is given back when we are stopped and at the end, and had again when we are continued.

use std::io;
use std::time::Instant;

use super::{Terminal, reflow};
use crate::sys::{self, Signal};

impl Terminal {
    /// Does what a signal of [`crate::client::terminal::SIGNALS`] asks for. Ctrl+Z: comes back when we are continued.
    ///
    /// # Errors
    /// What the system says when the terminal cannot be had again.
    pub fn heed(&mut self, signal: Signal) -> io::Result<()> {
        match signal {
            Signal::SIGWINCH if reflow::is_certain() => self.viewport.rewrapped(self.out.size().columns),
            // The drawing will see to it.
            Signal::SIGWINCH => {}
            Signal::SIGTSTP => {
                self.leave_screen();
                self.out.restore();
                // It is taken again where something is shown again: a signal that has come meanwhile may end us before.
                sys::stop_as_asked()?;
            }
            // Stopped by another signal, of which we heard nothing: the shell has taken the terminal meanwhile.
            _ if self.out.is_taken() => {
                self.viewport.forget();
                self.out.take_again()?;
            }
            _ => {}
        }
        self.is_dirty = true;
        Ok(())
    }

    /// Gives the terminal back, with all that was said on it, and the cursor in a line of its own. A terminal that takes nothing is
    /// not waited for long.
    pub fn close(mut self) {
        self.leave_screen();
    }

    fn leave_screen(&mut self) {
        if !self.out.is_taken() {
            return;
        }
        let said = std::mem::take(&mut self.said);
        let last = self.viewport.erase() + &said;
        self.out.put(&last);
        self.out.write_the_rest();
        self.swallow_the_rest();
    }

    /// What is not for whoever has the terminal next.
    fn swallow_the_rest(&mut self) {
        let mut bytes = [0; 4096];
        // Not for ever, while somebody leans on a key.
        let began = Instant::now();
        while let Some(time) = self.typing.swallows_within().filter(|&time| began.elapsed() < 20 * time) {
            match self.out.read_within(time, &mut bytes) {
                [] => break,
                rest => self.typing.swallow(rest),
            }
        }
        self.typing.forget_what_has_begun();
    }
}
