//! What a server prints. No line of it ever makes the server wait: not on a full disk, not on a reader that stopped.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::messages::Messages;
use crate::sys::{self, Interest, PIPE_BUF, PollFd};

/// Bytes of lines that may wait for a slow reader; lines on top of that are dropped and counted.
const MAX_WAITING: usize = 64 * 1024;

/// Standard output or standard error, as a server uses it: lines are gathered during a turn of the poll loop and
/// written at its end, as far as the descriptor takes them at once.
pub struct Output {
    file: Box<dyn AsFd>,
    /// A terminal that cannot be opened once more: after the first lines, nothing is written there.
    is_foreign: bool,
    has_begun: bool,
    waiting: Vec<u8>,
    dropped: u64,
    /// The number in the confession at the front of `waiting`, and the bytes of it that wait.
    confessed: u64,
    confession_left: usize,
    /// For the line that tells how many were dropped.
    messages: Messages,
}

impl Output {
    /// Standard output. A descriptor that it may need gets a number from `lowest` on.
    pub fn stdout(lowest: RawFd, messages: Messages) -> Output {
        Output::on(io::stdout(), lowest, messages)
    }

    /// Standard error, likewise.
    pub fn stderr(lowest: RawFd, messages: Messages) -> Output {
        Output::on(io::stderr(), lowest, messages)
    }

    fn on(file: impl AsFd + 'static, lowest: RawFd, messages: Messages) -> Output {
        // A file takes PIPE_BUF bytes without blocking when poll says so, and so does a pipe, if nobody else is quicker. A
        // terminal does not promise that (its user may hold it with Ctrl+S in the middle, and poll says yes for a single byte).
        // So terminal and pipe are opened once more, without blocking.
        let is_terminal = nix::unistd::isatty(&file).unwrap_or(false);
        let own = sys::reopen_terminal(&file)
            .or_else(|| sys::reopen_pipe(&file))
            .and_then(|terminal| sys::move_high(terminal.into(), lowest).ok());
        let is_foreign = is_terminal && own.is_none();
        let file: Box<dyn AsFd> = match own {
            Some(own) => Box::new(own),
            None => Box::new(file),
        };
        Output {
            file,
            is_foreign,
            has_begun: false,
            waiting: sys::dontfork_vec(),
            dropped: 0,
            confessed: 0,
            confession_left: 0,
            messages,
        }
    }

    /// Gives its memory back, in a child, whose lines begin anew.
    pub fn forget(&mut self) {
        sys::discard_in_child(&mut self.waiting);
        (self.dropped, self.confessed, self.confession_left) = (0, 0, 0);
    }

    /// Its number, for a child that goes on to print.
    pub fn number(&self) -> RawFd {
        self.file.as_fd().as_raw_fd()
    }

    /// Standard error: if it is a terminal that was opened once more, then number 2 is that from now on, for children too, who
    /// could read the keyboard from the shell's.
    pub fn replace_stderr(&self) {
        if self.number() != io::stderr().as_raw_fd() && nix::unistd::isatty(&self.file).unwrap_or(false) {
            // It cannot fail: both are open.
            let _ = nix::unistd::dup2_stderr(&self.file);
        }
    }

    /// True for a terminal that is another user's and does not control us: it could hold a write, and with it the server, for
    /// ever. The first lines, written before anybody is served, are all that it gets.
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// True while another line would be kept: what nobody can read need not be put into words.
    pub fn has_room(&mut self) -> bool {
        let room = self.waiting.len() < MAX_WAITING && !(self.is_foreign && self.has_begun);
        self.dropped += u64::from(!room);
        room
    }

    /// True while so little waits that much more may follow: for a list that goes on once there is room.
    pub fn is_nearly_empty(&self) -> bool {
        self.waiting.len() < MAX_WAITING / 2
    }

    /// Adds a line, without its newline.
    pub fn line(&mut self, line: impl Display) {
        if self.has_room() {
            // Writing to a Vec cannot fail.
            let _ = writeln!(self.waiting, "{line}");
        }
    }

    /// What to wait for while lines are left; `None` when none is.
    pub fn watch(&self) -> Option<PollFd<'_>> {
        (!self.waiting.is_empty()).then(|| sys::watch(self.file.as_fd(), Interest::Write))
    }

    /// Writes what can be written now.
    pub fn flush(&mut self) {
        self.has_begun = true;
        self.write_what_can_be_written();
        if self.is_foreign {
            // Whatever it has not taken at once could hold the next write.
            self.waiting.clear();
        }
    }

    /// Writes what is left, for as long as `time` if the descriptor takes nothing at first.
    pub fn finish(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        loop {
            self.flush();
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(watched) = self.watch().filter(|_| !left.is_zero()) else { return };
            if sys::wait(&mut [watched], Some(left)).is_err() {
                return;
            }
        }
    }

    fn write_what_can_be_written(&mut self) {
        while self.has_something_to_say() && sys::is_writable_now(&self.file) {
            let most = whole_lines(&self.waiting, PIPE_BUF);
            match nix::unistd::write(self.file.as_fd(), &self.waiting[..most]) {
                Ok(written) => {
                    self.waiting.drain(..written);
                    self.confession_left = self.confession_left.saturating_sub(written);
                    if self.confession_left == 0 {
                        self.confessed = 0;
                    }
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => {
                    let lines = self.waiting.iter().filter(|&&byte| byte == b'\n').count() as u64;
                    // A confession that failed is no lost line, but what it said is still to be said.
                    self.dropped += lines.saturating_sub(u64::from(self.confessed > 0)) + self.confessed;
                    (self.confessed, self.confession_left) = (0, 0);
                    self.waiting.clear();
                    return;
                }
            }
        }
    }

    /// Once all that waited is written, and only then, the number of dropped lines is worth a line of its own.
    fn has_something_to_say(&mut self) -> bool {
        if self.waiting.is_empty() && !self.is_foreign {
            self.confessed = std::mem::take(&mut self.dropped);
            if self.confessed > 0 {
                self.line(self.messages.lines_dropped(self.confessed));
                self.confession_left = self.waiting.len();
            }
        }
        !self.waiting.is_empty()
    }
}

/// How many bytes to write at once, at most `most`: whole lines where one fits, so that the lines of several processes on
/// one pipe do not mix.
fn whole_lines(bytes: &[u8], most: usize) -> usize {
    let most = most.min(bytes.len());
    bytes[..most].iter().rposition(|&byte| byte == b'\n').map_or(most, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Language;
    use std::io::Read;

    #[test]
    fn lines_that_were_lost_are_counted_and_the_rest_of_a_partial_write_is_written() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output::on(writer, 100, Messages(Language::French));
        let line = "x".repeat(99);
        for _ in 0..2000 {
            output.line(&line);
            output.flush();
        }
        let mut text = Vec::new();
        while !output.waiting.is_empty() {
            let mut part = [0; 4096];
            let n = reader.read(&mut part).unwrap();
            text.extend_from_slice(&part[..n]);
            output.flush();
        }
        drop(output);
        reader.read_to_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let (lines, confession) = text.trim_end().rsplit_once('\n').unwrap();
        assert!(lines.lines().all(|written| written == line));
        let lost: usize = confession.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(lines.lines().count() + lost, 2000);
    }

    #[test]
    fn the_last_lines_wait_for_a_slow_reader() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output::on(writer, 100, Messages(Language::English));
        let lines: Vec<String> = (0..1000).map(|i| format!("{i} {}", "x".repeat(100))).collect();
        lines[..500].iter().for_each(|line| output.line(line));
        output.flush();
        lines[500..].iter().for_each(|line| output.line(line));
        // Nobody reads: they wait, and not for ever.
        output.finish(Duration::from_millis(1));
        assert!(!output.waiting.is_empty());
        let said = std::thread::spawn(move || {
            let mut said = String::new();
            reader.read_to_string(&mut said).map(|_| said)
        });
        output.finish(Duration::from_secs(60));
        drop(output);
        assert!(said.join().unwrap().unwrap().lines().eq(lines));
    }

    #[test]
    fn a_confession_that_fails_is_made_again() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut output = Output::on(full, 100, Messages(Language::French));
        for _ in 0..3 {
            (0..100).for_each(|_| output.line("perdue"));
            output.flush();
        }
        let lost = output.dropped + output.confessed;
        assert_eq!(lost, 300);
    }
}
