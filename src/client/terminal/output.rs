//! The terminal's modes, set and restored, and output to it that never blocks.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::viewport::Size;
use crate::client::signals::OWN_DESCRIPTORS_FROM;
use crate::sys::{self, Backoff, Interest, TerminalModes};

/// Erases the screen, and puts the cursor at its top.
pub const CLEAR_SCREEN: &str = "\x1b[H\x1b[2J";

/// xterm's "bracketed paste mode".
const BRACKET_PASTES: &str = "\x1b[?2004h";
const STOP_BRACKETING: &str = "\x1b[?2004l";

/// Ends what a killed process may have left: a synchronized update, no autowrap, bracketed pastes,
/// colours.
const RESET: &str = "\x1b[?2026l\x1b[?7h\x1b[?2004l\x1b[m";
/// Leaves the input line. It is not erased: a shell's prompt may have replaced it.
const FRESH_ROW: &str = "\r\n";

/// A terminal that takes no output for this long on exit is given up.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// So is one that was waited for: it takes bytes, now and then.
const SLOW_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

const DEFAULT_SIZE: Size = Size { columns: 80, rows: 24 };

/// True when standard input and output are a terminal that can move its cursor.
pub fn is_usable() -> bool {
    let moves = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    moves && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Restores `modes` for a process that was killed, by its watchdog process. Only while the terminal
/// still has our raw mode: otherwise it was restored already. And only while the foreground process
/// group is ours or the shell's, since some shells take the terminal first and leave its modes
/// alone: another program may have set the same modes.
pub fn restore_after_kill(modes: &TerminalModes) {
    if !sys::is_foreground_or_shells(io::stdin()) || !modes.key_by_key().are_those_of(io::stdin()) {
        return;
    }
    // Fails only when there is no terminal any more.
    let _ = modes.apply(io::stdin());
    let out = io::stdout();
    if sys::is_ready_within(&out, Interest::Write, DRAIN_TIMEOUT) {
        let row = if sys::is_in_foreground(io::stdin()) { FRESH_ROW } else { "" };
        let _ = sys::write_some(&out, [RESET, row].concat().as_bytes());
    }
}

/// A terminal in raw mode, or restored.
pub(super) struct Output {
    keyboard: Box<dyn AsFd>,
    screen: Box<dyn AsFd>,
    /// The terminal opened anew, non-blocking: Ctrl+S may stop it in the middle of a write.
    own: Option<OwnedFd>,
    saved: TerminalModes,
    raw: TerminalModes,
    /// False while restored: the terminal is the shell's.
    pub is_raw: bool,
    pending: Vec<u8>,
    drain_timeout: Duration,
}

impl Output {
    pub fn open(keyboard: impl AsFd + 'static, screen: impl AsFd + 'static) -> io::Result<Output> {
        let saved = TerminalModes::of(&keyboard)?;
        let own = sys::reopen_terminal(&screen);
        // Number 3 is for the connection.
        let own = own.map(|own| sys::move_high(own.into(), OWN_DESCRIPTORS_FROM)).transpose()?;
        let (raw, pending) = (saved.key_by_key(), Vec::new());
        let (keyboard, screen) = (Box::new(keyboard), Box::new(screen));
        let drain_timeout = DRAIN_TIMEOUT;
        let mut out = Output { keyboard, screen, own, saved, raw, is_raw: false, pending, drain_timeout };
        out.enter_raw_mode()?;
        Ok(out)
    }

    /// In a background process group this stops the process until it is in the foreground
    /// (SIGTTOU).
    pub fn enter_raw_mode(&mut self) -> io::Result<()> {
        self.raw.apply(self.keyboard())?;
        self.is_raw = true;
        self.put(BRACKET_PASTES);
        Ok(())
    }

    pub fn restore(&mut self) {
        if !std::mem::take(&mut self.is_raw) {
            return;
        }
        self.put(STOP_BRACKETING);
        self.drain();
        // Fails only when the terminal is gone.
        let _ = self.saved.apply(self.keyboard());
    }

    pub fn keyboard(&self) -> BorrowedFd<'_> {
        self.keyboard.as_fd()
    }

    /// One read: empty when interrupted, EIO when the terminal has hung up.
    pub fn read<'a>(&self, bytes: &'a mut [u8]) -> io::Result<&'a [u8]> {
        match sys::read_some(self.keyboard(), bytes)? {
            Some(0) => Err(Errno::EIO.into()),
            read => Ok(&bytes[..read.unwrap_or_default()]),
        }
    }

    /// One read within `time`: empty at its end, or when the terminal has hung up.
    pub fn read_within<'a>(&self, time: Duration, bytes: &'a mut [u8]) -> &'a [u8] {
        let has_come = sys::is_ready_within(self.keyboard(), Interest::Read, time);
        if has_come { self.read(bytes).unwrap_or_default() } else { &[] }
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.own.as_ref().map_or(self.screen.as_fd(), AsFd::as_fd)
    }

    pub fn size(&self) -> Size {
        let known = terminal_size::terminal_size_of(self.as_fd());
        let size = known.map(|(columns, rows)| Size { columns: columns.0.into(), rows: rows.0.into() });
        size.filter(|size| size.columns > 0 && size.rows > 0).unwrap_or(DEFAULT_SIZE)
    }

    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub fn put(&mut self, bytes: &str) {
        self.pending.extend_from_slice(bytes.as_bytes());
    }

    /// Writes what the terminal takes without blocking.
    pub fn write(&mut self) -> io::Result<()> {
        while self.has_pending() && (self.own.is_some() || sys::is_writable_now(self.as_fd())) {
            // For a descriptor that may block, poll(2) promises room for one byte, on a terminal.
            let max = if self.own.is_some() { self.pending.len() } else { 1 };
            match sys::write_some(self.as_fd(), &self.pending[..max])? {
                0 => break,
                n => drop(self.pending.drain(..n)),
            }
        }
        Ok(())
    }

    /// The terminal has taken all until now, and may be slow.
    pub fn expect_slow(&mut self) {
        self.drain_timeout = SLOW_DRAIN_TIMEOUT;
    }

    /// Writes everything, unless the terminal takes nothing for [`DRAIN_TIMEOUT`], or every write
    /// fails for a second. The rest stays pending.
    pub fn drain(&mut self) {
        let (mut backoff, mut before) = (Backoff::for_a_second(), usize::MAX);
        while self.write().is_ok() && self.has_pending() {
            if self.pending.len() < before {
                before = self.pending.len();
                backoff = Backoff::for_a_second();
            }
            let is_ready = sys::is_ready_within(self.as_fd(), Interest::Write, self.drain_timeout);
            if !is_ready || !backoff.failed() {
                break;
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The panic message ends behind the input line.
            self.put("\r\n");
        }
        self.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let modes = || nix::sys::termios::tcgetattr(&pty.slave).unwrap();
        let before = modes();
        let slave = || pty.slave.try_clone().unwrap();
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _out = Output::open(slave(), slave()).unwrap();
            assert!(modes() != before);
            std::panic::resume_unwind(Box::new("a panic without a message"));
        }));
        assert!(modes() == before);
        let mut shown = [0; 64];
        let n = File::from(pty.master).read(&mut shown).unwrap();
        assert!(String::from_utf8_lossy(&shown[..n]).ends_with("\r\n\x1b[?2004l"));
    }
}
