//! The terminal: its modes, whose it is, its signals. termios(3), tcgetpgrp(3).

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, raise, sigaction};
use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, getsid, tcgetpgrp};

/// How a terminal treats what is typed and what is shown.
#[derive(Clone, Debug)]
pub struct TerminalModes(Termios);

impl TerminalModes {
    /// The modes of the terminal `fd`.
    ///
    /// # Errors
    /// ENOTTY, EIO: tcgetattr(3).
    pub fn of(fd: impl AsFd) -> io::Result<TerminalModes> {
        Ok(TerminalModes(tcgetattr(fd)?))
    }

    /// The same, but for a program that shows itself what is typed: every key comes at once and as it is. Those that are signals
    /// elsewhere (Ctrl+C, Ctrl+Z, Ctrl+\) too: the system does not know a key from the same byte in what is pasted.
    pub fn key_by_key(&self) -> TerminalModes {
        let mut modes = self.0.clone();
        modes.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::IEXTEN | LocalFlags::ISIG);
        // Ctrl+S and Ctrl+Q are keys, Enter is a carriage return, and bytes have 8 bits.
        let changed = InputFlags::IXON | InputFlags::ICRNL | InputFlags::INLCR | InputFlags::IGNCR;
        modes.input_flags &= !(changed | InputFlags::ISTRIP);
        modes.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        modes.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        TerminalModes(modes)
    }

    /// True when the terminal `fd` works so now.
    pub fn are_those_of(&self, fd: impl AsFd) -> bool {
        let flags = |modes: &Termios| {
            (
                modes.input_flags,
                modes.output_flags,
                modes.control_flags,
                modes.local_flags,
                modes.control_chars,
            )
        };
        tcgetattr(fd).is_ok_and(|now| flags(&now) == flags(&self.0))
    }

    /// Has the terminal `fd` work so, from now on. It waits for nothing: a terminal that is held takes its modes all the same.
    ///
    /// # Errors
    /// EIO when the terminal is gone, or another group's and we have nobody to stop us: tcsetattr(3).
    pub fn apply(&self, fd: impl AsFd) -> io::Result<()> {
        loop {
            match tcsetattr(&fd, SetArg::TCSANOW, &self.0) {
                Err(Errno::EINTR) => {}
                done => return Ok(done?),
            }
        }
    }
}

/// True when the terminal `fd` is our process group's: no shell or other program has taken it.
pub fn is_in_foreground(fd: impl AsFd) -> bool {
    tcgetpgrp(fd).is_ok_and(|group| group == getpgrp())
}

/// The same, or when it is that of the session's leader, which is the shell, as a rule.
pub fn is_foreground_or_shells(fd: impl AsFd) -> bool {
    tcgetpgrp(fd).is_ok_and(|group| group == getpgrp() || Ok(group) == getsid(None))
}

/// Sends `signal` to our process group, as the terminal does when a key is one.
pub fn raise_in_group(signal: Signal) {
    // It fails only where there is nobody, and here we are.
    let _ = killpg(getpgrp(), signal);
}

/// Stops this process as SIGTSTP does by default, although we catch it; comes back when it is continued, of which no handler of
/// SIGCONT is told. In a group that nobody could continue, the system does not stop anybody: setpgid(2), "orphaned process group".
///
/// # Errors
/// What sigaction(2) says.
pub fn stop_as_asked() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action is no function of ours, so no handler's rules can be broken.
    let set_default = |signal| unsafe { sigaction(signal, &default) };
    let ours =
        [(Signal::SIGTSTP, set_default(Signal::SIGTSTP)?), (Signal::SIGCONT, set_default(Signal::SIGCONT)?)];
    // It fails only for numbers that are no signal.
    let _ = raise(Signal::SIGTSTP);
    for (signal, action) in ours {
        // SAFETY: this is the handler that stood there before.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// Ends this process by `signal`, one that ends by default, as if it had never been caught: whoever started us learns how.
pub fn die_by(signal: Signal) {
    crate::sys::default_signal(signal);
    // It fails only for numbers that are no signal.
    let _ = raise(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_as_they_are_and_none_is_a_signal() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let before = TerminalModes::of(&pty.slave).unwrap();
        let ours = before.key_by_key();
        ours.apply(&pty.slave).unwrap();
        assert!(ours.are_those_of(&pty.slave) && !before.are_those_of(&pty.slave));
        let keys = "\x04é\r\x13\x03\x1a\x1c".as_bytes();
        nix::unistd::write(&pty.master, keys).unwrap();
        let mut typed = [0; 20];
        assert_eq!(nix::unistd::read(&pty.slave, &mut typed), Ok(keys.len()));
        assert_eq!(&typed[..keys.len()], keys);
        before.apply(&pty.slave).unwrap();
        assert!(before.are_those_of(&pty.slave) && !ours.are_those_of(&pty.slave));
    }
}
