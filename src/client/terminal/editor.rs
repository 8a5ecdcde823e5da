//! The line that is being typed: what each key does to it. Pure.

use rustyline::Movement;
use rustyline::line_buffer::{ChangeListener, DeleteListener, Direction, LineBuffer};
use terminput::{KeyCode, KeyEvent, KeyModifiers};

use super::bindings::{Action, wish_of};
use super::completion::Completion;
use super::history::History;
use super::paste::at_most;
use crate::sys::Signal;

/// The most bytes of a line.
const LONGEST_LINE: usize = 16 * 1024;

/// What a key comes to, beyond the line.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Edited,
    /// The line is done.
    Line(String),
    /// The user has no more to say.
    End,
    /// The whole screen is to be drawn anew.
    Clear,
    /// What this signal does.
    Signal(Signal),
}

/// The line, and what was typed before.
#[derive(Debug)]
pub struct Editor {
    line: LineBuffer,
    killed: KillBuffer,
    history: History,
    completion: Completion,
    search: Option<Search>,
}

/// A search in what was typed before.
#[derive(Debug, Default)]
struct Search {
    part: String,
    /// Where it was found.
    at: Option<usize>,
    /// The line that stood there before.
    draft: String,
}

/// What was cut last, to be put elsewhere.
#[derive(Debug, Default)]
struct KillBuffer {
    text: String,
    is_kept: bool,
}

impl DeleteListener for KillBuffer {
    fn start_killing(&mut self) {
        self.is_kept = true;
    }
    fn delete(&mut self, _at: usize, text: &str, _direction: Direction) {
        if self.is_kept {
            self.text = text.to_string();
        }
    }
    fn stop_killing(&mut self) {
        self.is_kept = false;
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
            line: LineBuffer::with_capacity(LONGEST_LINE),
            killed: KillBuffer::default(),
            history: History::default(),
            completion: Completion::default(),
            search: None,
        }
    }
}

impl Editor {
    /// The line as it stands.
    pub fn text(&self) -> &str {
        self.line.as_str()
    }

    /// The cursor's place in it, in bytes.
    pub fn cursor(&self) -> usize {
        self.line.pos()
    }

    /// What is searched for, during a search; and whether it was found.
    pub fn search(&self) -> Option<(&str, bool)> {
        let search = self.search.as_ref()?;
        Some((&search.part, search.part.is_empty() || search.at.is_some()))
    }

    /// Offers `word` to Tab.
    pub fn offer(&mut self, word: &str) {
        self.completion.offer(word);
    }

    /// Offers `text` to Tab where a line begins: [`Completion::offer_beginning`].
    pub fn offer_beginning(&mut self, name: &str, text: &str) {
        self.completion.offer_beginning(name, text);
    }

    /// Puts a line back that was done too early, before what was typed since.
    pub fn give_back(&mut self, line: &str) {
        let (since, cursor) = (self.line.as_str().to_string(), line.len() + self.line.pos());
        self.put(line);
        // What does not fit behind it is not taken.
        if self.line.yank(&since, 1, &mut self.killed).is_some() {
            self.line.set_pos(cursor);
        }
    }

    /// Puts pasted `text` where the cursor is; what no line may hold was taken out. False when the line has no room for all of it, and
    /// holds the beginning.
    pub fn paste(&mut self, text: &str) -> bool {
        self.completion.forget();
        self.search = None;
        let taken = at_most(text, LONGEST_LINE.saturating_sub(self.line.len()));
        let _ = self.line.yank(taken, 1, &mut self.killed);
        taken.len() == text.len()
    }

    /// Keeps a line that was not typed here among those before.
    pub fn remember(&mut self, line: &str) {
        self.history.push(line);
    }

    /// Does what `key` asks for.
    pub fn press(&mut self, key: KeyEvent) -> Outcome {
        if self.search.is_some() && self.goes_on_searching(key) {
            return Outcome::Edited;
        }
        let wish = wish_of(key);
        if !matches!(wish, Action::Complete) {
            self.completion.forget();
        }
        match wish {
            Action::Enter => return Outcome::Line(self.finish()),
            Action::EndOrDelete if self.line.is_empty() => return Outcome::End,
            Action::Clear => return Outcome::Clear,
            Action::Signal(signal) => return Outcome::Signal(signal),
            wish => self.edit(wish),
        }
        Outcome::Edited
    }

    fn edit(&mut self, wish: Action) {
        match wish {
            Action::Move(movement) => self.go(&movement),
            Action::Kill(movement) => drop(self.line.kill(&movement, &mut self.killed)),
            Action::EndOrDelete => drop(self.line.kill(&Movement::ForwardChar(1), &mut self.killed)),
            Action::Insert(c) => drop(self.line.insert(c, 1, &mut self.killed)),
            Action::Yank => {
                let text = self.killed.text.clone();
                let _ = self.line.yank(&text, 1, &mut self.killed);
            }
            Action::Transpose => drop(self.line.transpose_chars(&mut self.killed)),
            Action::Older => {
                let older = self.history.older(self.line.as_str());
                older.into_iter().for_each(|line| self.put(&line));
            }
            Action::Newer => self.history.newer().into_iter().for_each(|line| self.put(&line)),
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
            Action::Enter | Action::Clear | Action::Signal(_) | Action::Nothing => {}
        }
    }

    fn go(&mut self, movement: &Movement) {
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

    /// One of many lines that were pasted may have been longer than one that is typed.
    fn put(&mut self, text: &str) {
        let text = at_most(text, LONGEST_LINE);
        self.line.update(text, text.len(), &mut self.killed);
    }

    fn finish(&mut self) -> String {
        let line = self.line.as_str().to_string();
        self.put("");
        self.history.push(&line);
        line
    }

    /// One key more of a search. False when it ends the search, and means something for the line that was found.
    fn goes_on_searching(&mut self, key: KeyEvent) -> bool {
        let Some(mut search) = self.search.take() else { return false };
        let mut before = usize::MAX;
        match wish_of(key) {
            Action::Insert(c) => search.part.push(c),
            Action::Kill(Movement::BackwardChar(_)) => drop(search.part.pop()),
            Action::Search => before = search.at.unwrap_or(usize::MAX),
            _ => {
                let is_given_up = key.code == KeyCode::Esc
                    || key == KeyEvent::new(KeyCode::Char('g')).modifiers(KeyModifiers::CTRL);
                if is_given_up {
                    self.put(&search.draft);
                }
                return is_given_up;
            }
        }
        let found = self.history.find(&search.part, before).filter(|_| !search.part.is_empty());
        let found = found.map(|(at, line)| (at, line.to_string()));
        // The last that was found stays, where there is no older one.
        if let Some((at, line)) = found {
            search.at = Some(at);
            self.put(&line);
        } else if before == usize::MAX {
            search.at = None;
        }
        self.search = Some(search);
        true
    }
}

#[cfg(test)]
mod tests;
