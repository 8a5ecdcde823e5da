//! One message in what a client has sent: a C string, or what clients send that end theirs otherwise. Pure.

use super::MAX_LEN;

/// Bytes to look at: a message of the greatest length, and padding of up to three times as much.
pub const WINDOW: usize = 4096;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It leaves.
    Fin,
    /// A text like any other, but for the one who would take it for the server's.
    Exit,
    /// A text for its partner, of at most [`MAX_LEN`] bytes, none of which is a NUL.
    Text(Vec<u8>),
}

/// What stands at the front of a client's bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    /// `None` when the bytes belong to the message before.
    pub said: Option<Said>,
    /// How many bytes that is.
    pub length: usize,
}

/// Cuts messages, one at a time.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    before: Before,
}

/// How the message before ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Before {
    #[default]
    Ended,
    /// Its NUL, if it has one, was not waited for any longer: it belongs to it when it comes after all, and is no empty message.
    Unended,
    /// It was too long for one: what follows is more of its text, and no command.
    Longer,
}

impl FrameDecoder {
    /// The message at the front of `bytes`; `None` when its rest may still come. `late`: that was waited for long enough.
    ///
    /// A NUL ends a message, and a run of NULs is the padding of the message before it (a NUL alone is an empty one: without
    /// it, the turn would not pass). Where none comes, a line end does, so that lines typed ahead in `nc` are one message
    /// each.
    pub fn cut(&mut self, bytes: &[u8], late: bool) -> Option<Cut> {
        let padding = nuls(bytes);
        if self.before == Before::Unended && padding > 0 {
            self.before = Before::Ended;
            return Some(Cut { said: None, length: padding });
        }
        if bytes.is_empty() {
            return None;
        }
        let front = &bytes[..bytes.len().min(MAX_LEN + 1)];
        if let Some(end) = front.iter().position(|&byte| byte == 0) {
            return Some(self.message(&bytes[..end], end + nuls(&bytes[end..]), Before::Ended));
        }
        let newline = front.iter().position(|&byte| byte == b'\n').filter(|_| !bytes.contains(&0));
        match newline {
            Some(_) if !late => None,
            Some(at) => Some(self.message(without_line_end(&bytes[..=at]), at + 1, Before::Unended)),
            None if bytes.len() > MAX_LEN => Some(self.message(&bytes[..MAX_LEN], MAX_LEN, Before::Longer)),
            None => late.then(|| self.message(bytes, bytes.len(), Before::Unended)),
        }
    }

    fn message(&mut self, text: &[u8], length: usize, end: Before) -> Cut {
        let before = std::mem::replace(&mut self.before, end);
        let said = match without_line_end(text) {
            b"fin" if before != Before::Longer => Said::Fin,
            b"exit" => Said::Exit,
            _ => Said::Text(text.to_vec()),
        };
        Cut { said: Some(said), length }
    }
}

/// How many NULs `bytes` begin with.
fn nuls(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte == 0).count()
}

/// `text` without the line end that it may have.
pub fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is said in `bytes`, of which no more will come.
    fn all(bytes: &[u8]) -> Vec<Said> {
        let (mut cutter, mut rest, mut said) = (FrameDecoder::default(), bytes, Vec::new());
        while !rest.is_empty() {
            let window = &rest[..rest.len().min(WINDOW)];
            let cut = cutter.cut(window, false).or_else(|| cutter.cut(window, true)).unwrap();
            assert!(cut.length > 0 && cut.length <= window.len());
            said.extend(cut.said);
            rest = &rest[cut.length..];
        }
        said
    }

    fn text(text: impl AsRef<[u8]>) -> Said {
        Said::Text(text.as_ref().to_vec())
    }

    fn now(bytes: &[u8]) -> Option<Cut> {
        FrameDecoder::default().cut(bytes, false)
    }

    #[test]
    fn a_string_goes_at_once_with_its_padding() {
        assert_eq!(now(b"salut\0"), Some(Cut { said: Some(text("salut")), length: 6 }));
        assert_eq!(now(b"salut\0\0\0un\0"), Some(Cut { said: Some(text("salut")), length: 8 }));
        assert_eq!(now(b"deux\nlignes\n\0"), Some(Cut { said: Some(text("deux\nlignes\n")), length: 13 }));
    }

    #[test]
    fn a_nul_alone_is_an_empty_message() {
        assert_eq!(all(b"\0"), [text("")]);
        assert_eq!(all(b"\0\0\0"), [text("")]);
    }

    #[test]
    fn what_has_no_nul_waits_for_its_rest_and_then_goes_line_by_line() {
        for begun in [&b"salut"[..], b"salut\n", b"un\ndeux\n", b""] {
            assert_eq!(now(begun), None);
        }
        assert_eq!(all(b"un\r\ndeux\n\ntrois"), [text("un"), text("deux"), text(""), text("trois")]);
    }

    #[test]
    fn a_nul_that_comes_too_late_is_no_empty_message() {
        let mut cutter = FrameDecoder::default();
        assert_eq!(cutter.cut(b"salut", true).unwrap().said, Some(text("salut")));
        assert_eq!(cutter.cut(b"\0suite\0", false), Some(Cut { said: None, length: 1 }));
        assert_eq!(cutter.cut(b"suite\0", false).unwrap().said, Some(text("suite")));
        assert_eq!(cutter.cut(b"\0", false).unwrap().said, Some(text("")));
    }

    #[test]
    fn fin_and_exit_count_however_they_end_and_only_alone() {
        for end in ["\0", "\n", "\r\n", "\n\0", "\0\0\0", ""] {
            assert_eq!(all(format!("fin{end}").as_bytes()), [Said::Fin], "{end:?}");
            assert_eq!(all(format!("exit{end}").as_bytes()), [Said::Exit], "{end:?}");
        }
        for other in ["fin ", " fin", "Fin", "finir", "exit ", "exit\n\n"] {
            assert_eq!(all(format!("{other}\0").as_bytes()), [text(other)]);
        }
    }

    #[test]
    fn a_text_of_1023_bytes_is_one_message_and_one_byte_more_makes_two() {
        let long = "x".repeat(MAX_LEN);
        assert_eq!(all(format!("{long}\0").as_bytes()), [text(&long)]);
        assert_eq!(all(format!("{long}\n").as_bytes()), [text(&long)]);
        assert_eq!(now(format!("{long}\0").as_bytes()).unwrap().length, MAX_LEN + 1);
        assert_eq!(all(format!("{long}y\0").as_bytes()), [text(&long), text("y")]);
        assert_eq!(all(long.repeat(2).as_bytes()), [text(&long), text(&long)]);
    }

    #[test]
    fn the_rest_of_a_long_text_is_no_command_but_never_ends_the_partner() {
        let long = "x".repeat(MAX_LEN);
        assert_eq!(all(format!("{long}fin\0fin\0").as_bytes()), [text(&long), text("fin"), Said::Fin]);
        assert_eq!(all(format!("{long}exit\0").as_bytes()), [text(&long), Said::Exit]);
    }

    #[test]
    fn a_long_text_whose_nul_is_in_sight_is_not_cut_at_its_lines() {
        let long = format!("{}\n{}\0", "x".repeat(1000), "y".repeat(1000));
        let said = all(long.as_bytes());
        let Said::Text(first) = &said[0] else { panic!("{said:?}") };
        assert_eq!((said.len(), &first[..]), (2, &long.as_bytes()[..MAX_LEN]));
    }
}
