//! Typed lines that wait until they can be said: so many, and no more. Pure.

use std::collections::VecDeque;

/// As many lines as one paste may have.
const MAX_LINES: usize = 10_000;
const MAX_BYTES: usize = 1 << 20;

/// The lines, the first one first.
#[derive(Debug, Default)]
pub struct InputQueue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl InputQueue {
    /// True when `more` would not be too much.
    pub fn has_room_for(&self, more: &[&str]) -> bool {
        let bytes: usize = more.iter().map(|line| line.len()).sum();
        self.lines.len() + more.len() <= MAX_LINES && self.bytes + bytes <= MAX_BYTES
    }

    pub fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    pub fn pop(&mut self) -> Option<Vec<u8>> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }

    pub fn first(&self) -> Option<&[u8]> {
        self.lines.front().map(Vec::as_slice)
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bytes_are_bounded_and_what_has_gone_makes_room() {
        let mut waiting = InputQueue::default();
        (0..MAX_LINES).for_each(|_| waiting.push(b"x".to_vec()));
        assert!(!waiting.has_room_for(&["y"]));
        waiting.pop();
        assert!(waiting.has_room_for(&["y"]) && !waiting.has_room_for(&["y", "z"]));
        let long = "x".repeat(MAX_BYTES - waiting.len());
        assert!(waiting.has_room_for(&[&long]) && !waiting.has_room_for(&[&(long + "x")]));
    }
}
