//! From keys to lines: what is typed, cut at its newlines, in pieces of a bounded size. Pure.

use crate::text::character_boundary;

/// Gathers typed bytes and gives lines.
#[derive(Debug)]
pub struct LineBuffer {
    /// The most bytes of a piece.
    most: usize,
    /// The fewest bytes of the last piece of a longer line.
    least: usize,
    held: Vec<u8>,
}

impl LineBuffer {
    /// Lines, or pieces of longer ones, of at most `most` bytes.
    pub fn new(most: usize) -> LineBuffer {
        LineBuffer::keeping(most, 1)
    }

    /// The same; and of a longer line, the last piece has `least` bytes or more, which is at least 1 and less than `most`.
    pub fn keeping(most: usize, least: usize) -> LineBuffer {
        LineBuffer { most, least, held: Vec::new() }
    }

    /// Takes `typed` and gives `give` each line that it completes, without its newline. A line too long goes in pieces,
    /// as soon as there is enough for one: memory is bounded whatever is typed. NULs, which would end a message early, are
    /// left out.
    pub fn feed(&mut self, typed: &[u8], mut give: impl FnMut(Vec<u8>)) {
        for &byte in typed {
            match byte {
                b'\n' => give(std::mem::take(&mut self.held)),
                0 => {}
                _ => {
                    self.held.push(byte);
                    if self.held.len() > self.most {
                        let piece = character_boundary(&self.held, self.most + 1 - self.least);
                        give(self.held.drain(..piece).collect());
                    }
                }
            }
        }
    }

    /// The last line, if it lacks its newline. Nothing typed is no line.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.held.is_empty()).then(|| std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(most: usize, text: &[u8]) -> Vec<Vec<u8>> {
        let (mut lines, mut given) = (LineBuffer::new(most), Vec::new());
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
