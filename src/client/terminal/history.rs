//! The lines that were typed before. Pure.

use std::collections::VecDeque;

/// So many are kept.
const MAX: usize = 500;

/// Older lines, and how far one has gone back among them.
#[derive(Debug, Default)]
pub struct History {
    lines: VecDeque<String>,
    /// Which one is looked at.
    at: Option<usize>,
    /// What was typed before one went back.
    draft: String,
}

impl History {
    /// A line was typed. What is empty, or the same once more, is not kept twice.
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

    /// The line before, where there is one; `current` is what stands there now.
    pub fn older(&mut self, current: &str) -> Option<String> {
        let at = self.at.unwrap_or(self.lines.len()).checked_sub(1)?;
        if self.at.is_none() {
            self.draft = current.to_string();
        }
        self.at = Some(at);
        Some(self.lines[at].clone())
    }

    /// The line after, at last what was being typed.
    pub fn newer(&mut self) -> Option<String> {
        let at = self.at? + 1;
        self.at = (at < self.lines.len()).then_some(at);
        Some(self.lines.get(at).unwrap_or(&self.draft).clone())
    }

    /// The youngest line with `part` in it, of those older than `before`, and its place.
    pub fn find(&self, part: &str, before: usize) -> Option<(usize, &str)> {
        let older = self.lines.iter().enumerate().take(before);
        older.rev().find(|(_, line)| line.contains(part)).map(|(at, line)| (at, line.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_back_and_comes_forth_to_what_one_was_typing() {
        let mut history = History::default();
        assert_eq!((history.older("x"), history.newer()), (None, None));
        ["un", "deux", "deux", " "].iter().for_each(|line| history.push(line));
        assert_eq!(history.older("brouillon").as_deref(), Some("deux"));
        assert_eq!(history.older("deux").as_deref(), Some("un"));
        assert_eq!(history.older("un"), None);
        assert_eq!(history.newer().as_deref(), Some("deux"));
        assert_eq!(history.newer().as_deref(), Some("brouillon"));
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn it_is_bounded() {
        let mut history = History::default();
        (0..3 * MAX).for_each(|i| history.push(&i.to_string()));
        assert_eq!(history.lines.len(), MAX);
        assert_eq!(history.older(""), Some((3 * MAX - 1).to_string()));
    }

    #[test]
    fn the_youngest_that_fits_is_found_and_then_the_one_before() {
        let mut history = History::default();
        ["salut", "bonjour", "salut bob"].iter().for_each(|line| history.push(line));
        assert_eq!(history.find("salut", usize::MAX), Some((2, "salut bob")));
        assert_eq!(history.find("salut", 2), Some((0, "salut")));
        assert_eq!(history.find("salut", 0), None);
    }
}
