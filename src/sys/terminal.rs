//! The terminal: its modes, its foreground group, its signals. termios(3), tcgetpgrp(3).

use std::io;
use std::os::fd::AsFd;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, raise, sigaction};
use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, getsid, tcgetpgrp};

use super::errno::retry;
use super::signals::end_by;

#[derive(Clone, Debug)]
pub struct TerminalModes(Termios);

impl TerminalModes {
    pub fn of(fd: impl AsFd) -> io::Result<TerminalModes> {
        Ok(TerminalModes(tcgetattr(fd)?))
    }

    /// Raw input, output unchanged: every key arrives at once, as typed, without echo. Ctrl+C,
    /// Ctrl+Z and Ctrl+\ too: the system cannot tell a key from the same byte in a paste.
    pub fn key_by_key(&self) -> TerminalModes {
        let mut modes = self.0.clone();
        modes.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::IEXTEN | LocalFlags::ISIG);
        // Ctrl+S and Ctrl+Q are keys, Enter is a carriage return, bytes have 8 bits.
        let changed = InputFlags::IXON | InputFlags::ICRNL | InputFlags::INLCR | InputFlags::IGNCR;
        modes.input_flags &= !(changed | InputFlags::ISTRIP);
        modes.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        modes.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        TerminalModes(modes)
    }

    /// True when the terminal `fd` has these modes now.
    pub fn are_those_of(&self, fd: impl AsFd) -> bool {
        let flags = |modes: &Termios| {
            let Termios { input_flags, output_flags, control_flags, local_flags, control_chars, .. } = modes;
            (*input_flags, *output_flags, *control_flags, *local_flags, *control_chars)
        };
        tcgetattr(fd).is_ok_and(|now| flags(&now) == flags(&self.0))
    }

    /// Sets these modes on the terminal `fd` at once, without waiting for output that Ctrl+S holds.
    /// EIO: the terminal is gone, or is another group's while this one is orphaned: tcsetattr(3).
    pub fn apply(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(retry(|| tcsetattr(&fd, SetArg::TCSANOW, &self.0))?)
    }
}

/// True when this process group is the foreground one of the terminal `fd`.
pub fn is_in_foreground(fd: impl AsFd) -> bool {
    tcgetpgrp(fd).is_ok_and(|group| group == getpgrp())
}

/// [`is_in_foreground`], or the session leader's group is: the shell's, as a rule.
pub fn is_foreground_or_shells(fd: impl AsFd) -> bool {
    tcgetpgrp(fd).is_ok_and(|group| group == getpgrp() || Ok(group) == getsid(None))
}

/// Sends `signal` to this process group, as the terminal does for a key.
pub fn raise_in_group(signal: Signal) {
    // Fails only for a group without processes.
    let _ = killpg(getpgrp(), signal);
}

/// Stops this process as SIGTSTP does by default, although it is caught. Returns once continued; no
/// handler of SIGCONT runs. No process of an orphaned group is stopped: setpgid(2).
pub fn stop_as_asked() -> io::Result<()> {
    stop_by(raise)
}

/// The same with the whole process group at once, as the terminal does for Ctrl+Z: else a process
/// that leads the job, such as a script's shell, would stop first, and the user could continue the
/// job before this process has stopped.
pub fn stop_group() -> io::Result<()> {
    stop_by(|signal| killpg(getpgrp(), signal))
}

fn stop_by(send: impl FnOnce(Signal) -> nix::Result<()>) -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no handler.
    let set_default = |signal| unsafe { sigaction(signal, &default) };
    let ours =
        [(Signal::SIGTSTP, set_default(Signal::SIGTSTP)?), (Signal::SIGCONT, set_default(Signal::SIGCONT)?)];
    // Fails only for numbers that are no signal, or a group without processes.
    let _ = send(Signal::SIGTSTP);
    for (signal, action) in ours {
        // SAFETY: the previous action is put back.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// Ends this process by `signal`, which the parent learns from waitpid(2).
pub fn die_by(signal: Signal) {
    end_by(signal);
    // Fails only for numbers that are no signal.
    let _ = raise(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_keys_arrive_as_typed_and_none_is_a_signal() {
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
