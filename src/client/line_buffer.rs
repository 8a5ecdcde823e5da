//! Cuts typed bytes into lines, and longer lines into pieces of bounded size. Pure.

use crate::text::{BOM, character_boundary};

#[derive(Debug)]
pub struct LineBuffer {
    max: usize,
    min_last: usize,
    held: Vec<u8>,
    /// Fewer bytes than a byte order mark has have come.
    begins: bool,
    /// The last line ended at a carriage return: a newline behind it is part of its end.
    after_return: bool,
}

impl LineBuffer {
    /// Lines, or pieces of longer ones, of at most `max` bytes.
    pub fn new(max: usize) -> LineBuffer {
        LineBuffer::keeping(max, 1)
    }

    /// As [`LineBuffer::new`]; the last piece of a longer line has at least `min_last` bytes, from
    /// 1 to `max - 1`.
    pub fn keeping(max: usize, min_last: usize) -> LineBuffer {
        LineBuffer { max, min_last, held: Vec::new(), begins: true, after_return: false }
    }

    /// Passes each line that `typed` completes to `give`, without its end: a newline, a carriage
    /// return, or both, as files of other systems have them. A long line goes in pieces, cut
    /// between characters, as soon as there is enough for one, which bounds the memory. NULs are
    /// left out: they end messages. So is a byte order mark before the first line.
    pub fn feed(&mut self, typed: &[u8], mut give: impl FnMut(Vec<u8>)) {
        for &byte in typed {
            match byte {
                0 => {}
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    (self.begins, self.after_return) = (false, byte == b'\r');
                    give(std::mem::take(&mut self.held));
                }
                _ => {
                    self.after_return = false;
                    self.held.push(byte);
                    if self.begins && self.held == BOM {
                        self.held.clear();
                    }
                    self.begins &= !self.held.is_empty() && self.held.len() < BOM.len();
                    if self.held.len() > self.max {
                        let piece = character_boundary(&self.held, self.max + 1 - self.min_last);
                        give(self.held.drain(..piece).collect());
                    }
                }
            }
        }
    }

    /// The last line, if it lacks its newline and is not empty.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.held.is_empty()).then(|| std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(max: usize, text: &[u8]) -> Vec<Vec<u8>> {
        let (mut lines, mut given) = (LineBuffer::new(max), Vec::new());
        lines.feed(text, |line| given.push(line));
        given.extend(lines.finish());
        given
    }

    #[test]
    fn a_line_comes_without_its_newline() {
        assert_eq!(typed(9, b"un\n\ndeux\0\nsans fin"), [&b"un"[..], b"", b"deux", b"sans fin"]);
        assert!(typed(9, b"").is_empty());
    }

    #[test]
    fn lines_of_other_systems_end_at_their_carriage_returns() {
        let lines = [&b"un"[..], b"", b"fin"];
        for end in ["\n", "\r\n", "\r", "\r\0", "\r\0\n"] {
            assert_eq!(typed(9, format!("un{end}{end}fin{end}").as_bytes()), lines, "{end:?}");
        }
        assert_eq!(typed(9, b"un\n\rdeux\r\r\n"), [&b"un"[..], b"", b"deux", b""]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(typed(9, "\u{feff}un\n\u{feff}x\n".as_bytes()), ["un", "\u{feff}x"].map(str::as_bytes));
        assert_eq!(typed(9, "\nu\u{feff}\n".as_bytes()), ["", "u\u{feff}"].map(str::as_bytes));
        assert_eq!(typed(9, b"\xef\xbb"), [b"\xef\xbb"]);
    }

    #[test]
    fn the_last_piece_of_a_longer_line_is_not_too_short() {
        for length in 10..40 {
            let line = format!("{}fin", "é".repeat(length));
            let (mut lines, mut given) = (LineBuffer::keeping(20, 4), Vec::new());
            lines.feed(format!("{line}\nfin\n").as_bytes(), |piece| given.push(piece));
            assert_eq!(given.pop(), Some(b"fin".to_vec()));
            assert!(given.iter().all(|piece| (4..=20).contains(&piece.len())), "{given:?}");
            assert_eq!(given.concat(), line.as_bytes());
        }
    }

    #[test]
    fn a_line_that_just_fits_is_one_and_one_byte_more_makes_two() {
        assert_eq!(typed(4, b"quat\n"), [b"quat"]);
        assert_eq!(typed(4, b"quatr\n"), [&b"quat"[..], b"r"]);
        assert_eq!(typed(1, "é\n".as_bytes()).concat(), "é".as_bytes());
    }
}
