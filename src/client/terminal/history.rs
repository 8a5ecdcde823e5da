//! History of entered lines. Pure.

use std::collections::VecDeque;

const MAX: usize = 500;

#[derive(Debug, Default)]
pub struct History {
    lines: VecDeque<String>,
    /// Index of the recalled line, while the user looks through the history.
    at: Option<usize>,
    /// The line that was being typed before.
    draft: String,
}

impl History {
    /// Adds a line, unless it is blank or a repetition of the last.
    pub fn push(&mut self, line: &str) {
        self.at = None;
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_string());
    }

    /// The line before, if any; `current` is kept as the draft on the first step.
    pub fn back(&mut self, current: &str) -> Option<String> {
        let at = self.at.unwrap_or(self.lines.len()).checked_sub(1)?;
        if self.at.is_none() {
            self.draft = current.to_string();
        }
        self.at = Some(at);
        Some(self.lines[at].clone())
    }

    /// The line after; after the last, the draft.
    pub fn forward(&mut self) -> Option<String> {
        let at = self.at? + 1;
        self.at = (at < self.lines.len()).then_some(at);
        Some(self.lines.get(at).unwrap_or(&self.draft).clone())
    }

    /// The latest line before index `before` that contains `part`, and its index.
    pub fn find(&self, part: &str, before: usize) -> Option<(usize, &str)> {
        let older = self.lines.iter().enumerate().take(before);
        older.rev().find(|(_, line)| line.contains(part)).map(|(at, line)| (at, line.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forward_end_at_the_draft() {
        let mut history = History::default();
        assert_eq!((history.back("x"), history.forward()), (None, None));
        ["un", "deux", "deux", " "].iter().for_each(|line| history.push(line));
        assert_eq!(history.back("brouillon").as_deref(), Some("deux"));
        assert_eq!(history.back("deux").as_deref(), Some("un"));
        assert_eq!(history.back("un"), None);
        assert_eq!(history.forward().as_deref(), Some("deux"));
        assert_eq!(history.forward().as_deref(), Some("brouillon"));
        assert_eq!(history.forward(), None);
    }

    #[test]
    fn it_is_bounded() {
        let mut history = History::default();
        (0..3 * MAX).for_each(|i| history.push(&i.to_string()));
        assert_eq!(history.lines.len(), MAX);
        assert_eq!(history.back(""), Some((3 * MAX - 1).to_string()));
    }

    #[test]
    fn the_latest_match_is_found_first() {
        let mut history = History::default();
        ["salut", "bonjour", "salut bob"].iter().for_each(|line| history.push(line));
        assert_eq!(history.find("salut", usize::MAX), Some((2, "salut bob")));
        assert_eq!(history.find("salut", 2), Some((0, "salut")));
        assert_eq!(history.find("salut", 0), None);
    }
}
