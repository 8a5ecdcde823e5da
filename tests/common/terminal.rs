//! A program on a pseudoterminal.

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{Output, eventually};

/// A program on a pty of its own; the test holds the master side.
pub struct Terminal {
    pub child: Child,
    master: std::fs::File,
    pub screen: Output,
}

impl Terminal {
    /// Starts a program with the pty as its controlling terminal, so that Ctrl+C is a signal.
    #[track_caller]
    pub fn start(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Terminal {
        Terminal::start_sized(None, program, arguments)
    }

    /// Like [`Terminal::start`], on a terminal of this size.
    #[track_caller]
    pub fn start_sized(
        size: Option<(u16, u16)>,
        program: impl AsRef<std::ffi::OsStr>,
        arguments: &[&str],
    ) -> Terminal {
        let nix::pty::OpenptyResult { master, slave } = nix::pty::openpty(None, None).expect("openpty");
        if let Some((columns, rows)) = size {
            set_size(&master, columns, rows);
        }
        // Without NOFLSH (termios(3)), Ctrl+C discards output that the program has just printed.
        let mut modes = tcgetattr(&slave).expect("tcgetattr");
        modes.local_flags |= LocalFlags::NOFLSH;
        tcsetattr(&slave, SetArg::TCSANOW, &modes).expect("tcsetattr");
        let copy = || Stdio::from(slave.try_clone().expect("dup"));
        // env(1), then setsid(1), exec the program: one process. Test runners in the background may
        // ignore SIGINT, which a child would inherit; `--default-signal` resets it.
        let mut command = Command::new("env");
        command
            .args(["--default-signal=INT,QUIT", "setsid", "--ctty"])
            .arg(program)
            .args(arguments)
            .stdin(copy())
            .stdout(copy())
            .stderr(copy());
        let child = command
            .spawn()
            .expect("env of coreutils and setsid of util-linux are needed for the tests on a terminal");
        let master = std::fs::File::from(master);
        let screen = Output::gather(master.try_clone().expect("dup"));
        Terminal { child, master, screen }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Keys: `\r` is Enter, `\x03` Ctrl+C, `\x04` Ctrl+D.
    #[track_caller]
    pub fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("type");
    }

    /// Resizes the terminal; the kernel sends SIGWINCH to the program. One ioctl, so one signal and
    /// one drawing: `stty cols C rows R` is two of each, the second perhaps after the next resize.
    #[track_caller]
    pub fn resizes_to(&self, columns: u16, rows: u16) {
        set_size(&self.master, columns, rows);
    }

    /// The master side of the pty.
    pub fn master(&self) -> &std::fs::File {
        &self.master
    }

    /// Waits until the output contains `text`.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.screen.wait_for(&format!("{text:?} on the terminal"), |bytes| {
            String::from_utf8_lossy(bytes).contains(text).then_some(())
        });
    }

    #[track_caller]
    pub fn ends(&mut self) -> ExitStatus {
        let pid = self.pid();
        eventually(&format!("the end of process {pid}"), || self.child.try_wait().expect("wait"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn set_size(master: impl AsFd, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("tcsetwinsize");
}
