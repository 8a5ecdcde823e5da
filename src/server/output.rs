//! A server's standard output and error, which never block it: full disk, stopped reader.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use super::messages::Messages;
use crate::sys::{self, Interest, PIPE_BUF, PollFd};

/// Bytes of lines that wait. With that many, the next line is added once the descriptor has taken
/// some; while it takes none (a slow reader), lines are dropped and counted.
const MAX_WAITING: usize = 64 * 1024;

/// Gathers lines during a turn of the poll loop; [`Output::flush`], or a full buffer, writes them
/// without blocking.
pub struct Output {
    file: Box<dyn AsFd>,
    /// A write could block unless poll has found it writable: neither reopened nor a regular file.
    may_block: bool,
    /// Another user's terminal that does not control this process, so that it cannot be reopened:
    /// it could block a write for ever. Only the first lines, before the first client, are written.
    pub(super) is_foreign: bool,
    has_begun: bool,
    waiting: Vec<u8>,
    dropped: u64,
    /// The last write failed; why, until that is taken.
    is_failing: bool,
    failure: Option<io::Error>,
    /// The number in the dropped-lines notice at the front of `waiting`, and its unwritten bytes.
    notice_count: u64,
    notice_left: usize,
    messages: Messages,
}

impl Output {
    /// A descriptor that it opens gets a number from `lowest` on.
    pub fn on(file: impl AsFd + 'static, lowest: RawFd, messages: Messages) -> Output {
        // After poll, a descriptor takes PIPE_BUF bytes without blocking. A pipe does unless
        // another process writes first, a terminal may not: poll reports room for a single byte,
        // and Ctrl+S may hold it. So both are reopened, nonblocking.
        let is_terminal = nix::unistd::isatty(&file).unwrap_or(false);
        let reopened = sys::reopen_terminal(&file)
            .or_else(|| sys::reopen_pipe(&file))
            .and_then(|terminal| sys::move_high(terminal.into(), lowest).ok());
        let is_foreign = is_terminal && reopened.is_none();
        let may_block = reopened.is_none() && !sys::is_regular_file(&file);
        let file: Box<dyn AsFd> = match reopened {
            Some(reopened) => Box::new(reopened),
            None => Box::new(file),
        };
        Output {
            file,
            may_block,
            is_foreign,
            has_begun: false,
            waiting: sys::dontfork_vec(),
            dropped: 0,
            is_failing: false,
            failure: None,
            notice_count: 0,
            notice_left: 0,
            messages,
        }
    }

    /// In a child: discards the parent's lines.
    pub fn forget(&mut self) {
        sys::discard_in_child(&mut self.waiting);
        (self.dropped, self.notice_count, self.notice_left) = (0, 0, 0);
    }

    /// The descriptor, for a child that prints.
    pub fn number(&self) -> RawFd {
        self.file.as_fd().as_raw_fd()
    }

    /// Makes descriptor 2 the reopened terminal, if it is one, for children too: the shell's
    /// descriptor would let them read the keyboard.
    pub fn replace_stderr(&self) {
        if self.number() != io::stderr().as_raw_fd() && nix::unistd::isatty(&self.file).unwrap_or(false) {
            // Cannot fail: both are open.
            let _ = nix::unistd::dup2_stderr(&self.file);
        }
    }

    /// True while another line would be kept, and worth formatting; otherwise counts it as dropped.
    pub fn has_room(&mut self) -> bool {
        let is_shut = self.is_foreign && self.has_begun;
        if self.waiting.len() >= MAX_WAITING && !is_shut {
            self.write_without_blocking();
        }
        let room = self.waiting.len() < MAX_WAITING && !is_shut;
        self.dropped += u64::from(!room);
        room
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True while less than half waits: for a list that is continued once there is room.
    pub fn is_nearly_empty(&self) -> bool {
        self.waiting.len() < MAX_WAITING / 2
    }

    /// Adds a line, without its newline.
    pub fn line(&mut self, line: impl Display) {
        if self.has_room() {
            // Cannot fail on a Vec.
            let _ = writeln!(self.waiting, "{line}");
        }
    }

    /// `None` while nothing waits.
    pub fn watch(&self) -> Option<PollFd<'_>> {
        (!self.waiting.is_empty()).then(|| sys::watch(self.file.as_fd(), Interest::Write))
    }

    pub fn flush(&mut self) {
        self.has_begun = true;
        self.write_without_blocking();
        if self.is_foreign {
            // The rest could block the next write.
            self.waiting.clear();
        }
    }

    /// Why lines are lost, once for each row of writes that fail.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Writes what is left, for at most `time`.
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

    fn write_without_blocking(&mut self) {
        // Without poll where it is not needed: the log then has its lines also while poll fails.
        while self.has_lines() && (!self.may_block || sys::is_writable_now(&self.file)) {
            let most = whole_lines(&self.waiting, PIPE_BUF);
            match sys::write_some(self.file.as_fd(), &self.waiting[..most]) {
                Ok(0) => return,
                Ok(written) => {
                    self.is_failing = false;
                    self.waiting.drain(..written);
                    self.notice_left = self.notice_left.saturating_sub(written);
                    if self.notice_left == 0 {
                        self.notice_count = 0;
                    }
                }
                Err(reason) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        self.failure = Some(reason.into());
                    }
                    // A lost notice is no lost line; its number is still to be reported.
                    let lines = self.waiting[self.notice_left..].iter().filter(|&&byte| byte == b'\n');
                    self.dropped += self.notice_count + lines.count() as u64;
                    (self.notice_count, self.notice_left) = (0, 0);
                    self.waiting.clear();
                    return;
                }
            }
        }
    }

    /// Adds the dropped-lines notice, once all that waited is written.
    fn has_lines(&mut self) -> bool {
        if self.waiting.is_empty() && !self.is_foreign {
            self.notice_count = std::mem::take(&mut self.dropped);
            if self.notice_count > 0 {
                self.line(self.messages.lines_dropped(self.notice_count));
                self.notice_left = self.waiting.len();
            }
        }
        !self.waiting.is_empty()
    }
}

/// The length of the next write, at most `most`: whole lines where one fits, so that lines of
/// several processes on one pipe do not mix.
fn whole_lines(bytes: &[u8], most: usize) -> usize {
    let most = most.min(bytes.len());
    bytes[..most].iter().rposition(|&byte| byte == b'\n').map_or(most, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Language;
    use std::io::{Read, Seek};

    #[test]
    fn lost_lines_are_counted_and_partial_writes_are_completed() {
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
        let (lines, notice) = text.trim_end().rsplit_once('\n').unwrap();
        assert!(lines.lines().all(|written| written == line));
        let lost: usize = notice.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(lines.lines().count() + lost, 2000);
    }

    #[test]
    fn no_line_is_lost_where_the_descriptor_takes_more_than_the_buffer_holds() {
        let mut file = tempfile::tempfile().unwrap();
        let mut output = Output::on(file.try_clone().unwrap(), 100, Messages(Language::English));
        let lines: Vec<String> = (0..5000).map(|i| format!("{i} {}", "x".repeat(100))).collect();
        lines.iter().for_each(|line| output.line(line));
        let held = output.waiting.len();
        output.flush();
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert!(text.lines().eq(lines) && held < MAX_WAITING + 200, "{held}");
    }

    #[test]
    fn the_last_lines_wait_for_a_slow_reader() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output::on(writer, 100, Messages(Language::English));
        let lines: Vec<String> = (0..1000).map(|i| format!("{i} {}", "x".repeat(100))).collect();
        lines[..500].iter().for_each(|line| output.line(line));
        output.flush();
        lines[500..].iter().for_each(|line| output.line(line));
        // Without a reader: they wait, and not for ever.
        output.finish(Duration::from_millis(1));
        assert!(!output.waiting.is_empty());
        let read = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        output.finish(Duration::from_secs(60));
        drop(output);
        assert!(read.join().unwrap().unwrap().lines().eq(lines));
    }

    #[test]
    fn a_notice_that_fails_is_counted_again() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut output = Output::on(full, 100, Messages(Language::French));
        for _ in 0..3 {
            (0..100).for_each(|_| output.line("perdue"));
            output.flush();
        }
        assert_eq!(output.dropped + output.notice_count, 300);
    }
}
