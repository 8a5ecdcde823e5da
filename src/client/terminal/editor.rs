//! Line editor: applies a key's [`Action`] to the line. Pure.

use rustyline::Movement;
use rustyline::line_buffer::{ChangeListener, DeleteListener, Direction, LineBuffer};
use terminput::{KeyCode, KeyEvent, KeyModifiers};

use super::bindings::{Action, action_for};
use super::completion::Completion;
use super::history::History;
use super::paste::at_most;
use crate::sys::Signal;

/// In bytes.
const MAX_LINE: usize = 16 * 1024;

/// Effect of a key beyond the line.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Edited,
    Line(String),
    /// End of input.
    End,
    ClearScreen,
    Signal(Signal),
}

#[derive(Debug)]
pub struct Editor {
    line: LineBuffer,
    killed: KillBuffer,
    pub history: History,
    pub completion: Completion,
    search: Option<Search>,
}

/// Incremental search in the history.
#[derive(Debug, Default)]
struct Search {
    part: String,
    /// Index of the match.
    found_at: Option<usize>,
    /// The line before the search.
    draft: String,
}

/// Text killed last. Characters deleted one by one do not count.
#[derive(Debug, Default)]
struct KillBuffer {
    text: String,
    is_killing: bool,
}

impl DeleteListener for KillBuffer {
    fn start_killing(&mut self) {
        self.is_killing = true;
    }
    fn delete(&mut self, _at: usize, text: &str, _direction: Direction) {
        if self.is_killing {
            self.text = text.to_string();
        }
    }
    fn stop_killing(&mut self) {
        self.is_killing = false;
    }
}

impl ChangeListener for KillBuffer {
    fn insert_char(&mut self, _at: usize, _c: char) {}
    fn insert_str(&mut self, _at: usize, _text: &str) {}
    fn replace(&mut self, _at: usize, _old: &str, _new: &str) {}
}

impl Default for Editor {
    fn default() -> Editor {
        Editor {
            line: LineBuffer::with_capacity(MAX_LINE),
            killed: KillBuffer::default(),
            history: History::default(),
            completion: Completion::default(),
            search: None,
        }
    }
}

impl Editor {
    pub fn text(&self) -> &str {
        self.line.as_str()
    }

    /// In bytes.
    pub fn cursor(&self) -> usize {
        self.line.pos()
    }

    /// Text searched for, during a search, and whether it was found.
    pub fn search(&self) -> Option<(&str, bool)> {
        let search = self.search.as_ref()?;
        Some((&search.part, search.part.is_empty() || search.found_at.is_some()))
    }

    /// Puts an entered line back, before what was typed since.
    pub fn give_back(&mut self, line: &str) {
        let (since, cursor) = (self.line.as_str().to_string(), line.len() + self.line.pos());
        self.put(line);
        // Dropped if it does not fit.
        if self.line.yank(&since, 1, &mut self.killed).is_some() {
            self.line.set_pos(cursor);
        }
    }

    /// Inserts printable `text` at the cursor. False when only its beginning fits.
    pub fn paste(&mut self, text: &str) -> bool {
        self.completion.reset();
        self.search = None;
        let taken = at_most(text, MAX_LINE.saturating_sub(self.line.len()));
        let _ = self.line.yank(taken, 1, &mut self.killed);
        taken.len() == text.len()
    }

    pub fn press(&mut self, key: KeyEvent) -> Outcome {
        if self.search.is_some() && self.continue_search(key) {
            return Outcome::Edited;
        }
        let action = action_for(key);
        if !matches!(action, Action::Complete) {
            self.completion.reset();
        }
        match action {
            Action::Enter => return Outcome::Line(self.finish()),
            Action::EndOrDelete if self.line.is_empty() => return Outcome::End,
            Action::ClearScreen => return Outcome::ClearScreen,
            Action::Signal(signal) => return Outcome::Signal(signal),
            action => self.edit(action),
        }
        Outcome::Edited
    }

    fn edit(&mut self, action: Action) {
        match action {
            Action::Move(movement) => self.move_cursor(&movement),
            Action::Kill(movement) => drop(self.line.kill(&movement, &mut self.killed)),
            Action::EndOrDelete => drop(self.line.kill(&Movement::ForwardChar(1), &mut self.killed)),
            Action::Insert(c) => drop(self.line.insert(c, 1, &mut self.killed)),
            Action::Yank => {
                let text = self.killed.text.clone();
                let _ = self.line.yank(&text, 1, &mut self.killed);
            }
            Action::Transpose => drop(self.line.transpose_chars(&mut self.killed)),
            Action::HistoryBack => {
                let line = self.history.back(self.line.as_str());
                line.into_iter().for_each(|line| self.put(&line));
            }
            Action::HistoryForward => self.history.forward().into_iter().for_each(|line| self.put(&line)),
            Action::Complete => {
                if let Some((place, word)) = self.completion.next(self.line.as_str(), self.line.pos()) {
                    let end = place.start + word.len();
                    self.line.replace(place, &word, &mut self.killed);
                    self.line.set_pos(end.min(self.line.len()));
                }
            }
            Action::Search => {
                self.search = Some(Search { draft: self.line.as_str().to_string(), ..Search::default() });
            }
            Action::Enter | Action::ClearScreen | Action::Signal(_) | Action::None => {}
        }
    }

    fn move_cursor(&mut self, movement: &Movement) {
        let line = &mut self.line;
        match movement {
            Movement::BackwardChar(n) => line.move_backward(*n),
            Movement::ForwardChar(n) => line.move_forward(*n),
            Movement::BackwardWord(n, word) => line.move_to_prev_word(*word, *n),
            Movement::ForwardWord(n, at, word) => line.move_to_next_word(*at, *word, *n),
            Movement::BeginningOfLine => line.move_home(),
            _ => line.move_end(),
        };
    }

    /// Replaces the line. A line of the history may be longer than a typed one: it was pasted.
    fn put(&mut self, text: &str) {
        let text = at_most(text, MAX_LINE);
        self.line.update(text, text.len(), &mut self.killed);
    }

    fn finish(&mut self) -> String {
        let line = self.line.as_str().to_string();
        self.put("");
        self.history.push(&line);
        line
    }

    /// False when `key` ends the search, and acts on the line that was found.
    fn continue_search(&mut self, key: KeyEvent) -> bool {
        let Some(mut search) = self.search.take() else { return false };
        let mut before = usize::MAX;
        match action_for(key) {
            Action::Insert(c) => search.part.push(c),
            Action::Kill(Movement::BackwardChar(_)) => drop(search.part.pop()),
            Action::Search => before = search.found_at.unwrap_or(usize::MAX),
            _ => {
                let is_cancelled = key.code == KeyCode::Esc
                    || key == KeyEvent::new(KeyCode::Char('g')).modifiers(KeyModifiers::CTRL);
                if is_cancelled {
                    self.put(&search.draft);
                }
                return is_cancelled;
            }
        }
        let found = self.history.find(&search.part, before).filter(|_| !search.part.is_empty());
        let found = found.map(|(at, line)| (at, line.to_string()));
        // Without an older match, the last one stays.
        if let Some((at, line)) = found {
            search.found_at = Some(at);
            self.put(&line);
        } else if before == usize::MAX {
            search.found_at = None;
        }
        self.search = Some(search);
        true
    }
}

#[cfg(test)]
mod tests;
