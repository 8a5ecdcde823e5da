//! The rest of a text whose end was guessed.
//!
//! A newline and silence end the text of a client that does not close, and it is told `[SUCCESS]`.
//! If it was not at its end, that would be the success of a part. So the file stays open until the
//! client closes: what still comes is appended to it and answered anew; if that fails, or its end
//! does not come, the file is removed.

use std::net::Shutdown;
use std::time::Duration;

use super::receive::{CHUNK, Failure, too_large};
use super::store::Stored;
use crate::server::{Disconnect, Session};

/// Silence after a complete line that ends a text.
pub const SILENCE: Duration = Duration::from_millis(300);

/// Time before the server closes its side after a text without the course's end. Some programs
/// (socat, ncat) stop at the server's end, in the middle of what they would still send.
const CLOSE_DELAY: Duration = Duration::from_secs(2);

/// The last two bytes of a text, without NULs and carriage returns: those are part of an end.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextEnd([u8; 2]);

impl TextEnd {
    pub fn push(&mut self, bytes: &[u8]) {
        let mut text = bytes.iter().rev().filter(|byte| !matches!(byte, 0 | b'\r'));
        if let Some(&last) = text.next() {
            self.0 = [*text.next().unwrap_or(&self.0[1]), last];
        }
    }

    pub fn is_newline(self) -> bool {
        self.0[1] == b'\n'
    }

    /// True for the space and the newline that the course's client sends last, and then waits for
    /// the server's close.
    fn is_marked(self) -> bool {
        self.0 == *b" \n"
    }
}

#[derive(Debug)]
pub struct LateText<'a> {
    stored: Stored<'a>,
    size: u64,
    most: u64,
    end: TextEnd,
    /// The server's sending side is not shut down.
    is_open: bool,
    /// Bytes have come since the last answer.
    has_grown: bool,
}

impl<'a> LateText<'a> {
    /// `stored` has `size` of at most `most` bytes and ends with `end`.
    pub fn new(stored: Stored<'a>, size: u64, most: u64, end: TextEnd) -> LateText<'a> {
        LateText { stored, size, most, end, is_open: true, has_grown: false }
    }

    /// Waits for the client to close. Returns the next answer if more came before; `None` when the
    /// last answer holds. After an error nothing of the text is left.
    pub fn next(&mut self, session: &mut Session) -> Result<Option<String>, Failure> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let is_line = self.end.is_newline();
            if self.is_open && !self.has_grown && self.end.is_marked() {
                self.close(session);
            }
            if !self.has_grown {
                session.may_give_way();
            }
            let next = match (self.has_grown, self.is_open) {
                (true, _) if is_line => session.read_within(Some(SILENCE), &mut chunk),
                (false, true) => session.read_within(Some(CLOSE_DELAY), &mut chunk),
                _ => session.read(&mut chunk).map(Some),
            };
            match next {
                Ok(Some(n)) => self.append(&chunk[..n])?,
                Ok(None) if !self.has_grown => self.close(session),
                Ok(None) | Err(Disconnect::Closed) if self.has_grown => return self.confirm().map(Some),
                Err(end) if self.has_grown => return Err(Failure::Disconnected(end, self.size)),
                // The server's end may come before bytes that wait are read.
                Err(end) if session.has_unread() => return Err(Failure::Disconnected(end, self.size)),
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }

    /// After an error of [`LateText::next`].
    pub fn remove(self) -> anyhow::Result<()> {
        self.stored.remove()
    }

    fn close(&mut self, session: &Session) {
        // Fails only when the connection is gone, which the next read shows.
        let _ = session.socket.shutdown(Shutdown::Write);
        self.is_open = false;
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.has_grown = true;
        self.size += bytes.len() as u64;
        if self.size > self.most {
            return Err(too_large(self.most));
        }
        self.end.push(bytes);
        Ok(self.stored.write(bytes)?)
    }

    fn confirm(&mut self) -> Result<String, Failure> {
        self.has_grown = false;
        self.stored.sync()?;
        Ok(format!("received {} bytes as {}", self.size, self.stored.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_does_not_depend_on_its_segments() {
        for (pieces, is_newline, is_marked) in [
            (&[][..], false, false),
            (&["\n"][..], true, false),
            (&["a \n"], true, true),
            (&["a", " ", "\n"], true, true),
            (&["a ", "\n"], true, true),
            (&["a", " \n", ""], true, true),
            (&["a \n", "b"], false, false),
            (&["a \n", "b\n"], true, false),
            (&["a \n", "\n"], true, false),
            (&["a \n\0"], true, true),
            (&["a \n", "\0\0", "\0"], true, true),
            (&["a", " \r", "\n\r"], true, true),
            (&["a\n\r"], true, false),
            (&["a\0", "\0\r"], false, false),
        ] {
            let mut end = TextEnd::default();
            pieces.iter().for_each(|piece| end.push(piece.as_bytes()));
            assert_eq!((end.is_newline(), end.is_marked()), (is_newline, is_marked), "{pieces:?}");
        }
    }
}
