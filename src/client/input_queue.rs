//! Bounded queue of typed lines that cannot be sent yet. Pure.

use std::collections::VecDeque;

/// Lines of the largest paste.
const MAX_LINES: usize = 10_000;
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
pub struct InputQueue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl InputQueue {
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
    fn lines_and_bytes_are_bounded() {
        let mut queue = InputQueue::default();
        (0..MAX_LINES).for_each(|_| queue.push(b"x".to_vec()));
        assert!(!queue.has_room_for(&["y"]));
        queue.pop();
        assert!(queue.has_room_for(&["y"]) && !queue.has_room_for(&["y", "z"]));
        let long = "x".repeat(MAX_BYTES - queue.len());
        assert!(queue.has_room_for(&[&long]) && !queue.has_room_for(&[&(long + "x")]));
    }
}
