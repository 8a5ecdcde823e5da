//! The bytes of one client, and which of them are speech: neither commands of telnet, nor
//! leftovers. Pure.

use super::Framing;
use super::blocks::{Blocks, Step};
use crate::server::telnet::Telnet;

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
    framing: Framing,
    /// The last byte of speech; a newline before the first one. A carriage return: those at the end
    /// of the speech are part of the line end before them if a newline follows, else one each.
    last: u8,
    rest: RestOfEnd,
}

/// Bytes that still belong to the end of the last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RestOfEnd {
    None,
    /// Behind a newline: a carriage return.
    Return,
    /// Behind a carriage return: a newline, with NULs or carriage returns before it.
    Newline,
    /// Behind a NUL that ended a line or a text, and behind a text that a pause ended: any line
    /// end.
    LineEnd,
}

impl Filters {
    pub fn new(framing: Framing) -> Filters {
        Filters {
            telnet: Telnet::default(),
            blocks: Blocks::default(),
            framing,
            last: b'\n',
            rest: RestOfEnd::None,
        }
    }

    /// Makes the carriage returns at the end of `speech` newlines; or, with a newline behind them,
    /// part of the line end before them. Returns how many are left out.
    fn end_returns(&mut self, speech: &mut [u8], is_rest: bool) -> usize {
        let returns = speech.iter().rev().take_while(|&&byte| byte == b'\r').count();
        let text = speech.len() - returns;
        speech[text..].fill(b'\n');
        self.last = b'\n';
        if is_rest { returns } else { 0 }
    }

    /// The byte of a line for this one: a newline for a carriage return; none for the rest of an
    /// end. NULs in lines are padding, of which one is enough, and none before a line.
    fn line_byte(&mut self, byte: u8) -> Option<u8> {
        let ends_text = byte == 0 && self.framing != Framing::Lines && !matches!(self.last, 0 | b'\n');
        let rest = self.rest;
        self.rest = match (byte, rest) {
            (b'\r', RestOfEnd::Return) => RestOfEnd::None,
            (b'\r', _) => RestOfEnd::Newline,
            (b'\n', RestOfEnd::Newline) => RestOfEnd::None,
            (b'\n', _) => RestOfEnd::Return,
            (0, _) if ends_text => RestOfEnd::LineEnd,
            (0, _) => rest,
            _ => RestOfEnd::None,
        };
        let byte = match (byte, rest) {
            (b'\n', RestOfEnd::Newline | RestOfEnd::LineEnd) => return None,
            (b'\r', RestOfEnd::Return | RestOfEnd::LineEnd) => return None,
            (b'\r', RestOfEnd::Newline) => b'\r',
            (b'\r', RestOfEnd::None) => b'\n',
            (0, _) if self.framing == Framing::Lines && matches!(self.last, 0 | b'\n') => return None,
            _ => byte,
        };
        self.last = byte;
        Some(byte)
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

    /// See [`Telnet::take_timing_mark`].
    pub fn take_timing_mark(&mut self) -> bool {
        self.filters.as_mut().is_some_and(|filters| filters.telnet.take_timing_mark())
    }

    pub fn blocks(&self) -> Option<&Blocks> {
        self.filters.as_ref().map(|filters| &filters.blocks)
    }

    /// See [`Blocks::take`].
    pub fn take_block(&mut self, block: &[u8]) {
        self.filters.iter_mut().for_each(|filters| filters.blocks.take(block));
    }

    pub fn has_filters(&self) -> bool {
        self.filters.is_some()
    }

    /// Takes `n` bytes that were read into [`Intake::spare`]. `is_all`: nothing more could be read.
    /// Returns whether they hold more than NULs and commands, and whether it is decided what the
    /// bytes held before are.
    pub fn filled(&mut self, n: usize, is_all: bool) -> (bool, bool) {
        let from = self.len + self.held;
        let new = &mut self.buffer[from..from + self.undecided + n];
        let (kept, undecided) = match &mut self.filters {
            Some(filters) => filters.telnet.strip(new),
            None => (new.len(), 0),
        };
        let has_text = new[..kept].iter().any(|&byte| byte != 0);
        self.undecided = 0;
        let are_decided = self.sort(from, from + kept, is_all && undecided == 0);
        let to = self.used();
        self.buffer.copy_within(from + kept..from + kept + undecided, to);
        self.undecided = undecided;
        (has_text, are_decided)
    }

    /// Sorts the bytes from `at` to `end`, which follow all others. True if it is decided what the
    /// bytes held before are.
    fn sort(&mut self, mut at: usize, end: usize, is_all: bool) -> bool {
        let mut are_decided = false;
        while at < end {
            let (n, step) = match &mut self.filters {
                Some(filters) => filters.blocks.step(&self.buffer[at..end], is_all),
                None => (end - at, Step::Speech),
            };
            are_decided |= matches!(step, Step::Leftovers | Step::Released);
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
        are_decided
    }

    /// Adds `n` bytes from `at` on to the speech.
    fn keep(&mut self, at: usize, n: usize) {
        match &mut self.filters {
            Some(filters) if filters.framing.has_lines() => {
                for from in at..at + n {
                    let byte = self.buffer[from];
                    if filters.last == b'\r' && byte != b'\r' {
                        self.len -= filters.end_returns(&mut self.buffer[..self.len], byte == b'\n');
                    }
                    if let Some(byte) = filters.line_byte(byte) {
                        self.buffer[self.len] = byte;
                        self.len += 1;
                    }
                }
            }
            _ => {
                if at != self.len {
                    self.buffer.copy_within(at..at + n, self.len);
                }
                self.len += n;
            }
        }
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
        if let Some(filters) = self.filters.as_mut().filter(|filters| filters.last == b'\r') {
            filters.end_returns(&mut self.buffer[..self.len], false);
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

    /// Makes NULs newlines in the speech from `from` on, where all bytes are speech. After a pause
    /// (`is_late`), the bytes behind them are a line too.
    pub fn end_lines_at_nuls(&mut self, from: usize, is_late: bool) {
        let Some(filters) = &mut self.filters else { return };
        self.buffer[from..self.len].iter_mut().filter(|byte| **byte == 0).for_each(|nul| *nul = b'\n');
        if filters.last == 0 {
            (filters.last, filters.rest) = (b'\n', RestOfEnd::LineEnd);
        } else if is_late && filters.last != b'\n' && self.len < self.buffer.len() {
            self.buffer[self.len] = b'\n';
            self.len += 1;
            (filters.last, filters.rest) = (b'\n', RestOfEnd::LineEnd);
        }
    }

    /// The last text was ended by a pause: a line end that comes now is its own.
    pub fn end_by_pause(&mut self) {
        if let Some(filters) = &mut self.filters {
            filters.rest = RestOfEnd::LineEnd;
        }
    }

    /// Drops `n` bytes of speech.
    pub fn drop_front(&mut self, n: usize) {
        let used = self.used();
        self.buffer.copy_within(n..used, 0);
        self.len -= n;
    }
}
