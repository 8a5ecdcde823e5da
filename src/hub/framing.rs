//! Message boundaries in a stream that TCP cuts anywhere. Pure.
//!
//! The server's worker decodes what its client sends, and our own client decodes what a server
//! sends, by the same rules (docs/PROTOCOLS.md, "Framing, ours"). A client's bytes are filtered
//! first: `intake` removes commands of telnet ([`crate::server::telnet`]) and leftovers (`blocks`).

pub mod blocks;
mod ends;
mod intake;
mod sender;
mod split;

use std::time::{Duration, Instant};

use self::blocks::is_buffer_size;
pub use self::ends::Framing;
use self::intake::{Filters, Intake};
use self::sender::Sender;
pub use self::split::{is_line_text, line_text, lines, messages};
use crate::text::{BOM, incomplete_suffix_len};

/// Hold times without a byte that end the skipping of an over-long text. More than one: its
/// rest may be several lost segments late, and would pass for a text of its own.
const SKIP_HOLDS: u32 = 4;

/// A wait longer than this is a pause of the sender: what comes then belongs to no earlier stream
/// or block. Bytes that may be leftovers, and lines that may lack their newline, are held as long.
const PAUSE: Duration = Duration::from_millis(20);

/// Gathers bytes and gives them back in whole messages.
#[derive(Debug)]
pub struct FrameDecoder<'a> {
    intake: Intake<'a>,
    framing: Framing,
    /// The rest of an over-long text is being skipped.
    skips: bool,
    /// When the incomplete message at the front is no longer held.
    deadline: Option<Instant>,
    /// When bytes that may be leftovers are no longer held.
    leftovers_until: Option<Instant>,
    sender: Sender,
    left_room: bool,
    burst: Burst,
    /// Lines: the bytes behind the last NUL came in a later read.
    rest_is_new: bool,
    /// Nothing was given yet.
    is_first: bool,
    /// The last chunk ended within a line: see [`FrameDecoder::is_cut`].
    is_cut: bool,
}

/// Bytes that came between two moments at which nothing more could be read.
#[derive(Debug, Default)]
struct Burst {
    size: usize,
    has_nul: bool,
    /// Bytes of an earlier burst were held.
    is_rest: bool,
}

impl<'a> FrameDecoder<'a> {
    /// `buffer` holds incomplete messages: no message is longer.
    pub fn new(buffer: &'a mut [u8], framing: Framing) -> FrameDecoder<'a> {
        FrameDecoder::of(Intake::new(buffer, None), framing)
    }

    /// As [`FrameDecoder::new`], for the bytes of one client: telnet and leftovers are no speech.
    pub fn of_client(buffer: &'a mut [u8], framing: Framing) -> FrameDecoder<'a> {
        FrameDecoder::of(Intake::new(buffer, Some(Filters::new(framing))), framing)
    }

    fn of(intake: Intake<'a>, framing: Framing) -> FrameDecoder<'a> {
        FrameDecoder {
            intake,
            framing,
            skips: false,
            deadline: None,
            leftovers_until: None,
            sender: Sender::default(),
            left_room: false,
            burst: Burst::default(),
            rest_is_new: false,
            is_first: true,
            is_cut: false,
        }
    }

    /// For the messages that follow the last one given.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
    }

    /// Time between bytes and their acknowledgement, as far as the system has measured it.
    pub fn note_round_trip(&mut self, time: Option<Duration>) {
        self.sender.note_round_trip(time);
    }

    /// Space for the next `read`. Never empty: [`FrameDecoder::take`] always leaves room.
    pub fn spare(&mut self) -> &mut [u8] {
        self.intake.spare()
    }

    /// Reports that `read` put `n` bytes into [`FrameDecoder::spare`]. True if the sender has said
    /// something: more than NULs and commands of telnet.
    pub fn filled(&mut self, n: usize) -> bool {
        if self.left_room {
            self.burst = Burst { is_rest: !self.intake.is_empty(), ..Burst::default() };
            self.intake.end_read();
        }
        self.left_room = n < self.spare().len();
        self.burst.size += n;
        if self.framing == Framing::Lines {
            let read = &self.spare()[..n];
            let (has_nul, has_rest) = (read.contains(&0), !read.ends_with(&[0]));
            self.burst.has_nul |= has_nul;
            self.rest_is_new = (self.rest_is_new || self.intake.speech().ends_with(&[0])) && !has_nul;
            // The hold of an older line is not that of a text that has just begun.
            self.deadline = self.deadline.filter(|_| !(has_nul && has_rest));
        }
        // Without room, more bytes have come as a rule: the reader may be late, not the sender.
        let is_held = self.left_room && !self.intake.speech().is_empty();
        self.deadline = self.deadline.filter(|_| is_held || self.skips);
        self.sender.note_received(n);
        let held_returns = self.intake.speech().starts_with(b"\r");
        let (has_text, are_decided) = self.intake.filled(n, self.left_room);
        self.leftovers_until = self.leftovers_until.filter(|_| self.left_room && !are_decided);
        // Behind the newline that carriage returns were held for, a text has just begun as well.
        let still_holds = self.intake.speech().starts_with(b"\r");
        self.deadline = self.deadline.filter(|_| !held_returns || still_holds);
        has_text
    }

    /// See [`crate::server::telnet::Telnet::take_timing_mark`].
    pub fn take_timing_mark(&mut self) -> bool {
        self.intake.take_timing_mark()
    }

    /// True if `bytes`, which are all that can be read, are a block with leftovers of what the
    /// client has `received`: see [`blocks::Blocks::has_received`].
    pub fn is_block(&self, bytes: &[u8], received: &[u8]) -> bool {
        self.intake.blocks().is_some_and(|blocks| blocks.has_received(bytes, received))
    }

    /// Reports that the bytes filled last are the text of this block.
    pub fn filled_of(&mut self, block: &[u8]) {
        self.intake.take_block(block);
    }

    /// Reports that the reader waited this long for bytes. Only a wait is a pause of the sender,
    /// not the time that the reader was busy.
    pub fn waited(&mut self, time: Duration) {
        if time > PAUSE {
            self.sender.note_pause();
            if !self.intake.holds_leftovers() {
                self.intake.end_block();
            }
        }
    }

    /// True if a line was given without its end, since it filled the buffer: a newline at the front
    /// of the next chunk is that end, and no empty line.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// When to call [`FrameDecoder::take`] again although nothing has come.
    pub fn deadline(&self) -> Option<Instant> {
        self.leftovers_until.or(self.deadline)
    }

    /// Begins the hold of an incomplete message that the caller does not take yet.
    pub fn begin_hold(&mut self, now: Instant) {
        if self.deadline.is_none() && !self.intake.is_empty() {
            self.deadline = self.hold().map(|hold| now + hold);
        }
    }

    /// Passes to `give` all complete messages as one chunk, to be split by [`messages`] or
    /// [`lines`], and keeps the rest. An incomplete message is given only when it was held long
    /// enough, fills the buffer, or the stream has `ended`.
    pub fn take<E>(
        &mut self,
        now: Instant,
        ended: bool,
        give: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.skip(now);
        let (ready, is_full, has_end) = self.ready(now, ended);
        let chunk = &self.intake.speech()[..ready];
        let may_be_marked = self.is_first && self.intake.has_filters() && self.framing.has_lines();
        let chunk = chunk.strip_prefix(BOM).filter(|_| may_be_marked).unwrap_or(chunk);
        self.is_cut = if chunk.is_empty() { self.is_cut } else { !chunk.ends_with(b"\n") };
        let given = if chunk.is_empty() { Ok(()) } else { give(chunk) };
        self.is_first &= ready == 0;
        if ready > 0 {
            self.sender.note_chunk(has_end, is_full);
        }
        self.intake.drop_front(ready);
        if is_full && matches!(self.framing, Framing::Texts(_)) {
            self.skips = true;
            self.deadline = self.framing.hold().map(|hold| now + SKIP_HOLDS * hold);
        } else if self.intake.is_empty() && !self.skips {
            self.deadline = None;
        } else if ready > 0 || self.deadline.is_none() {
            self.deadline = self.hold().map(|hold| now + hold);
        }
        let until = self.leftovers_until.unwrap_or(now + PAUSE);
        self.leftovers_until = self.intake.holds_leftovers().then_some(until);
        given
    }

    /// Number of bytes to give, and whether they fill the buffer without an end, or have one.
    fn ready(&mut self, now: Instant, ended: bool) -> (usize, bool, bool) {
        let is_over = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let complete = self.framing.complete(self.intake.speech());
        // A held message is complete once its rest has come, however late this call: the bytes
        // behind it begin a hold of their own. So do leftovers.
        let is_late = complete == 0 && !self.intake.holds_leftovers() && is_over(self.deadline);
        let mut lacks_room = complete == 0 && self.intake.is_full();
        if lacks_room && self.framing == Framing::Lines {
            // The text of a block goes before its leftovers are whole.
            self.intake.end_lines_at_nuls(0, false);
            lacks_room = self.framing.complete(self.intake.speech()) == 0;
        }
        if ended || is_late || lacks_room || is_over(self.leftovers_until) {
            self.intake.release();
        }
        let complete = self.framing.complete(self.intake.speech());
        if self.framing == Framing::Lines && (ended || ((is_late || lacks_room) && complete == 0)) {
            self.intake.end_lines_at_nuls(complete, is_late && !self.rest_is_new);
        }
        let held = self.intake.speech();
        let mut ready = self.framing.complete(held);
        let (has_end, is_full) = (ready > 0, ready == 0 && self.intake.is_full());
        let is_paused = ready == 0 && !is_full && is_late && self.framing.hold().is_some();
        if ended || is_full || is_paused {
            ready = held.len();
        }
        if is_full && !ended && self.framing == Framing::Lines {
            // Lines are text: no character is cut.
            ready -= incomplete_suffix_len(held);
        }
        if is_paused {
            self.intake.end_by_pause();
        }
        (ready, is_full, has_end)
    }

    /// Time that the incomplete message is held.
    fn hold(&self) -> Option<Duration> {
        let speech = self.intake.speech();
        let may_end = self.intake.has_filters()
            && (speech.contains(&0) || speech.ends_with(b"\r") || self.holds_memory());
        self.sender.hold(self.framing).or(may_end.then_some(PAUSE))
    }

    /// True for the end of a block of memory that was never cleared, behind `12\n\0`: it came
    /// alone, a line cut by TCP has no size of buffers, and is text.
    fn holds_memory(&self) -> bool {
        let is_no_text = |speech| std::str::from_utf8(speech).is_err_and(|error| error.error_len().is_some());
        let is_block = self.burst.has_nul && !self.burst.is_rest && is_buffer_size(self.burst.size);
        is_block && !self.rest_is_new && is_no_text(self.intake.speech())
    }

    /// Drops the rest of an over-long text.
    fn skip(&mut self, now: Instant) {
        if !self.skips {
            return;
        }
        let held = self.intake.speech();
        match held.iter().position(|byte| matches!(byte, 0 | b'\n')) {
            Some(end) => {
                (self.skips, self.deadline) = (false, None);
                self.intake.drop_front(end + 1);
            }
            None if !held.is_empty() => {
                self.intake.drop_front(held.len());
                self.deadline = self.framing.hold().map(|hold| now + SKIP_HOLDS * hold);
            }
            None if self.deadline.is_none_or(|deadline| deadline <= now) => {
                self.skips = false;
                self.intake.end_by_pause();
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
