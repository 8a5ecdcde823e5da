//! The client's scan of incoming lines: the sender's name, and whether the server refused us. Pure.

use super::messages;
use super::name::{MAX_LEN, Name};

/// Bytes kept of a line: a name, a colon, a space, or the start of a refusal.
const HEAD: usize = MAX_LEN + 2;

#[derive(Debug, Default)]
pub struct LastLine {
    head: Vec<u8>,
    has_ended: bool,
}

impl LastLine {
    /// Calls `found` with the sender's name of each line that `bytes` complete. True if one of
    /// these lines is an error.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(Name)) -> bool {
        let mut has_error = false;
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if std::mem::replace(&mut self.has_ended, part.ends_with(b"\n")) {
                self.head.clear();
            }
            let lacking = HEAD - self.head.len();
            self.head.extend_from_slice(&part[..part.len().min(lacking)]);
            if self.has_ended {
                has_error |= self.head.starts_with(messages::ERROR.as_bytes());
                sender(&self.head).into_iter().for_each(&mut found);
            }
        }
        has_error
    }

    /// True if the newest line is the server's before it closes.
    pub fn is_refusal(&self) -> bool {
        self.head.starts_with(messages::last_error("").trim_end_matches('\n').as_bytes())
    }
}

/// Our client puts its name before each message; the server's own lines begin with
/// [`messages::ERROR`].
fn sender(head: &[u8]) -> Option<Name> {
    let end = head.windows(2).position(|two| two == b": ")?;
    let name = (!head.starts_with(messages::ERROR.as_bytes())).then_some(&head[..end])?;
    Name::new(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_distinct_from_a_routing_error() {
        let refused = |pieces: &[&str]| {
            let mut last = LastLine::default();
            for piece in pieces {
                last.feed(piece.as_bytes(), drop);
            }
            last.is_refusal()
        };
        let refusal = messages::last_error("the name \"bob\" is taken");
        assert!(refused(&[&refusal]));
        assert!(refused(&["alice: hi\n[ERR", "OR] direct_ser", "veur: no name"]));
        assert!(!refused(&[&refusal, "alice: hi\n"]) && !refused(&[]));
        assert!(!refused(&["[ERROR] no client is called \"x\"\n"]));
        assert!(!refused(&["alice: [ERROR] direct_serveur: \n"]));
    }

    #[test]
    fn senders_are_found_in_any_segmentation() {
        let (mut last, mut names) = (LastLine::default(), Vec::new());
        let long = format!("{}: x\n", "x".repeat(MAX_LEN + 1));
        let longest = format!("{}: x\n", "y".repeat(MAX_LEN));
        let lines =
            ["alice: h", "i: x\nb", "ob", ": \n", "no name\n", "%a%: x\n", "\x1b[m: x\n", &long, &longest];
        for piece in lines {
            assert!(!last.feed(piece.as_bytes(), |name| names.push(name.to_string())));
        }
        assert!(last.feed(messages::last_error("full").as_bytes(), |name| names.push(name.to_string())));
        assert_eq!(names, ["alice", "bob", &"y".repeat(MAX_LEN)]);
    }
}
