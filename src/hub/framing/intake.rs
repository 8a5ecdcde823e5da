//! The bytes of one client, and which of them are speech: neither commands of telnet nor leftovers.
//! Pure.

use super::blocks::{Blocks, Step};
use super::telnet::Telnet;

/// A buffer of three parts: speech; bytes that may be leftovers; bytes that may begin a command.
#[derive(Debug)]
pub struct Intake<'a> {
    buffer: &'a mut [u8],
    /// Bytes of speech.
    len: usize,
    held: usize,
    undecided: usize,
    filters: Option<Filters>,
}

#[derive(Debug)]
pub struct Filters {
    telnet: Telnet,
    blocks: Blocks,
    /// NULs before a line are padding of the line before.
    drops_padding: bool,
    /// The last byte of speech was a newline, or there was none.
    ends_line: bool,
    /// That newline was a carriage return.
    was_return: bool,
}

impl Filters {
    pub fn new(drops_padding: bool) -> Filters {
        let (telnet, blocks) = (Telnet::default(), Blocks::default());
        Filters { telnet, blocks, drops_padding, ends_line: true, was_return: false }
    }
}

impl<'a> Intake<'a> {
    /// Without filters, all bytes are speech.
    pub fn new(buffer: &'a mut [u8], filters: Option<Filters>) -> Intake<'a> {
        Intake { buffer, len: 0, held: 0, undecided: 0, filters }
    }

    pub fn speech(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    pub fn spare(&mut self) -> &mut [u8] {
        let used = self.used();
        &mut self.buffer[used..]
    }

    fn used(&self) -> usize {
        self.len + self.held + self.undecided
    }

    pub fn is_empty(&self) -> bool {
        self.used() == 0
    }

    pub fn is_full(&self) -> bool {
        self.used() == self.buffer.len()
    }

    pub fn holds_leftovers(&self) -> bool {
        self.held > 0
    }

    pub fn has_filters(&self) -> bool {
        self.filters.is_some()
    }

    /// Takes `n` bytes that were read into [`Intake::spare`]. `is_all`: nothing more could be read.
    /// True if they hold more than NULs and commands.
    pub fn filled(&mut self, n: usize, is_all: bool) -> bool {
        let from = self.len + self.held;
        let new = &mut self.buffer[from..from + self.undecided + n];
        let (kept, undecided) = match &mut self.filters {
            Some(filters) => filters.telnet.strip(new),
            None => (new.len(), 0),
        };
        let has_text = new[..kept].iter().any(|&byte| byte != 0);
        self.undecided = 0;
        self.sort(from, from + kept, is_all && undecided == 0);
        let to = self.used();
        self.buffer.copy_within(from + kept..from + kept + undecided, to);
        self.undecided = undecided;
        has_text
    }

    /// Sorts the bytes from `at` to `end`, which follow all others.
    fn sort(&mut self, mut at: usize, end: usize, is_all: bool) {
        while at < end {
            let (n, step) = match &mut self.filters {
                Some(filters) => filters.blocks.step(&self.buffer[at..end], is_all),
                None => (end - at, Step::Speech),
            };
            match step {
                Step::Speech => self.keep(at, n),
                Step::Held => {
                    self.buffer.copy_within(at..at + n, self.len + self.held);
                    self.held += n;
                }
                Step::Padding => {}
                Step::Leftovers => self.held = 0,
                Step::Released => self.keep_held(),
            }
            at += n;
        }
    }

    /// Adds `n` bytes from `at` on to the speech: NULs alone, or none, where there are filters.
    fn keep(&mut self, mut at: usize, mut n: usize) {
        if let (Some(filters), Some(&first)) = (&mut self.filters, self.buffer[at..at + n].first()) {
            let is_rest_of_end = match first {
                0 => filters.drops_padding && filters.ends_line,
                b'\n' => filters.was_return,
                _ => false,
            };
            if is_rest_of_end {
                let dropped = if first == 0 { n } else { 1 };
                (at, n) = (at + dropped, n - dropped);
            }
            filters.was_return &= is_rest_of_end && first == 0;
            if n > 0 {
                filters.ends_line = self.buffer[at + n - 1] == b'\n';
            }
        }
        self.buffer.copy_within(at..at + n, self.len);
        self.len += n;
    }

    fn keep_held(&mut self) {
        let n = std::mem::take(&mut self.held);
        self.keep(self.len, n);
    }

    /// Takes all bytes for speech: those that would make them something else have not come.
    pub fn release(&mut self) {
        let undecided = std::mem::take(&mut self.undecided);
        let from = self.len + self.held;
        if self.held > 0 {
            self.keep_held();
            self.end_block();
        }
        self.buffer.copy_within(from..from + undecided, self.len);
        self.sort(self.len, self.len + undecided, false);
        if self.held > 0 {
            self.keep_held();
        }
    }

    /// Nothing more could be read behind the bytes so far.
    pub fn end_read(&mut self) {
        self.filters.iter_mut().for_each(|filters| filters.blocks.end_read());
    }

    /// The client has paused.
    pub fn end_block(&mut self) {
        self.filters.iter_mut().for_each(|filters| filters.blocks.end_block());
    }

    /// Makes carriage returns newlines in the speech from `from` on, where all bytes are speech.
    pub fn end_lines_at_returns(&mut self, from: usize) {
        let Some(filters) = &mut self.filters else { return };
        let tail = from..self.len;
        if !self.buffer[tail.clone()].contains(&b'\r') {
            return;
        }
        filters.was_return = self.buffer[..self.len].ends_with(b"\r");
        self.len = from;
        for at in tail {
            let byte = if self.buffer[at] == b'\r' { b'\n' } else { self.buffer[at] };
            // A carriage return is sent as CR NUL where no newline follows: RFC 854.
            let is_rest_of_end = byte == 0 && filters.drops_padding && filters.ends_line;
            if !is_rest_of_end {
                self.buffer[self.len] = byte;
                self.len += 1;
                filters.ends_line = byte == b'\n';
            }
        }
    }

    /// Drops `n` bytes of speech.
    pub fn drop_front(&mut self, n: usize) {
        let used = self.used();
        self.buffer.copy_within(n..used, 0);
        self.len -= n;
    }
}
