//! The terminal itself: its modes, taken and given back, and bytes for it that never make us wait.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::viewport::Size;
use crate::client::OWN_DESCRIPTORS_FROM;
use crate::sys::{self, Interest, PIPE_BUF, TerminalModes};

/// Pastes are marked as such, from here to there: xterm's "bracketed paste mode".
const MARK_PASTES: &str = "\x1b[?2004h";
const LEAVE_PASTES: &str = "\x1b[?2004l";

/// What a program that was killed may have left open: a half-drawn screen, marked pastes, colours.
const AFTER_A_DEATH: &str = "\x1b[?2026l\x1b[?2004l\x1b[m";
/// And a cursor behind what was being typed. That is not erased: a shell's prompt may have come to stand there.
const FRESH_ROW: &str = "\r\n";

/// At the end, a terminal may take nothing for so long before it is given up.
const GRACE: Duration = Duration::from_millis(500);

/// What a terminal is where nobody says it.
const COMMON: Size = Size { columns: 80, rows: 24 };

/// True when standard input and output are a terminal that can move its cursor.
pub fn is_there() -> bool {
    let moves = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    moves && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The modes of the terminal, to be [`put_back`].
///
/// # Errors
/// What tcgetattr(3) says.
pub fn saved_modes() -> io::Result<TerminalModes> {
    TerminalModes::of(io::stdin())
}

/// Puts the terminal back in `modes`, for a process that has died without doing so: if it still works as we had it. Else somebody has
/// put it in order meanwhile, for himself. A shell may have taken it first, and some leave its modes as they are; but not where another
/// program has it, which may want those modes too.
pub fn put_back(modes: &TerminalModes) {
    if !sys::is_foreground_or_shells(io::stdin()) || !modes.key_by_key().are_those_of(io::stdin()) {
        return;
    }
    // It fails only when there is no terminal any more.
    let _ = modes.apply(io::stdin());
    // A shell that is writing at this moment is waited for; a terminal that takes nothing is not waited for long.
    let out = io::stdout();
    let mut watched = [sys::watch(out.as_fd(), Interest::Write)];
    if sys::wait(&mut watched, Some(GRACE)).is_ok() && sys::is_ready(&watched[0]) {
        let row = if sys::is_in_foreground(io::stdin()) { FRESH_ROW } else { "" };
        let _ = nix::unistd::write(&out, [AFTER_A_DEATH, row].concat().as_bytes());
    }
}

/// The terminal, taken.
pub(super) struct Output {
    keyboard: Box<dyn AsFd>,
    screen: Box<dyn AsFd>,
    /// The terminal opened once more, without blocking: its user may hold it in the middle of a write.
    own: Option<File>,
    before: TerminalModes,
    ours: TerminalModes,
    is_taken: bool,
    waiting: Vec<u8>,
}

impl Output {
    /// Takes the terminal of standard input and output.
    pub fn open() -> io::Result<Output> {
        Output::of(io::stdin(), io::stdout())
    }

    fn of(keyboard: impl AsFd + 'static, screen: impl AsFd + 'static) -> io::Result<Output> {
        let before = TerminalModes::of(&keyboard)?;
        let own = sys::reopen_terminal(&screen);
        // Number 3 is the connection's.
        let own =
            own.map(|own| sys::move_high(own.into(), OWN_DESCRIPTORS_FROM)).transpose()?.map(File::from);
        let (ours, waiting) = (before.key_by_key(), Vec::new());
        let (keyboard, screen) = (Box::new(keyboard), Box::new(screen));
        let mut out = Output { keyboard, screen, own, before, ours, is_taken: false, waiting };
        out.take_again()?;
        Ok(out)
    }

    /// Takes it, after it was given back. In the background, this stops us until we are in the foreground.
    pub fn take_again(&mut self) -> io::Result<()> {
        self.ours.apply(self.keyboard())?;
        self.is_taken = true;
        self.put(MARK_PASTES);
        Ok(())
    }

    /// False once it was given back, until it is taken again: it is the shell's meanwhile.
    pub fn is_taken(&self) -> bool {
        self.is_taken
    }

    /// Gives it back, as it was.
    pub fn restore(&mut self) {
        if !std::mem::take(&mut self.is_taken) {
            return;
        }
        self.put(LEAVE_PASTES);
        self.write_the_rest();
        // It fails only when the terminal is gone.
        let _ = self.before.apply(self.keyboard());
    }

    pub fn keyboard(&self) -> BorrowedFd<'_> {
        self.keyboard.as_fd()
    }

    /// What was typed, in one read: nothing, when it was interrupted; an error, when the terminal is gone.
    pub fn read<'a>(&self, bytes: &'a mut [u8]) -> io::Result<&'a [u8]> {
        match nix::unistd::read(self.keyboard(), bytes) {
            Ok(0) => Err(Errno::EIO.into()),
            Ok(n) => Ok(&bytes[..n]),
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(&[]),
            Err(error) => Err(error.into()),
        }
    }

    /// The same, where it comes within this time; else, or when the terminal is gone, nothing.
    pub fn read_within<'a>(&self, time: Duration, bytes: &'a mut [u8]) -> &'a [u8] {
        let mut watched = [sys::watch(self.keyboard(), Interest::Read)];
        let has_come = sys::wait(&mut watched, Some(time)).is_ok() && sys::is_ready(&watched[0]);
        if has_come { self.read(bytes).unwrap_or_default() } else { &[] }
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.own.as_ref().map_or(self.screen.as_fd(), AsFd::as_fd)
    }

    pub fn size(&self) -> Size {
        let known = terminal_size::terminal_size_of(self.as_fd());
        let size = known.map(|(columns, rows)| Size { columns: columns.0.into(), rows: rows.0.into() });
        size.filter(|size| size.columns > 0 && size.rows > 0).unwrap_or(COMMON)
    }

    /// True while the terminal has not taken all that was put.
    pub fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn put(&mut self, bytes: &str) {
        self.waiting.extend_from_slice(bytes.as_bytes());
    }

    /// An empty screen, and the cursor at its top.
    pub fn clear(&mut self) {
        self.put("\x1b[H\x1b[2J");
    }

    /// Writes what the terminal takes now.
    pub fn write(&mut self) -> io::Result<()> {
        while self.is_behind() && (self.own.is_some() || sys::is_writable_now(self.as_fd())) {
            // All at once, unless the write could block: then no more than what poll has said there is room for.
            let most = if self.own.is_some() { self.waiting.len() } else { PIPE_BUF.min(self.waiting.len()) };
            match nix::unistd::write(self.as_fd(), &self.waiting[..most]) {
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes all that waits, unless the terminal takes nothing for [`GRACE`].
    pub fn write_the_rest(&mut self) {
        while self.write().is_ok() && self.is_behind() {
            let mut watched = [sys::watch(self.as_fd(), Interest::Write)];
            let waited = sys::wait(&mut watched, Some(GRACE));
            if waited.is_err() || !sys::is_ready(&watched[0]) {
                break;
            }
        }
        self.waiting.clear();
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What the panic has printed stands behind the line that was being typed.
            self.put("\r\n");
        }
        self.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let modes = || nix::sys::termios::tcgetattr(&pty.slave).unwrap();
        let before = modes();
        let slave = || pty.slave.try_clone().unwrap();
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _out = Output::of(slave(), slave()).unwrap();
            assert!(modes() != before);
            std::panic::resume_unwind(Box::new("as a panic does, without a word"));
        }));
        assert!(modes() == before);
        let mut shown = [0; 64];
        let n = File::from(pty.master).read(&mut shown).unwrap();
        assert!(String::from_utf8_lossy(&shown[..n]).ends_with("\r\n\x1b[?2004l"));
    }
}
