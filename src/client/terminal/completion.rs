//! Completion by Tab: words, and beginnings of a line; the latest offered comes first. Pure.

use std::collections::VecDeque;
use std::ops::Range;

const MAX: usize = 200;

#[derive(Debug, Default)]
pub struct Completion {
    words: VecDeque<String>,
    /// Pairs of a name and the beginning of a line.
    beginnings: VecDeque<(String, String)>,
    cycle: Option<Cycle>,
}

/// Candidates that Tab goes round, while no other key is pressed.
#[derive(Debug)]
struct Cycle {
    /// The first is what was typed.
    choices: Vec<String>,
    which: usize,
    /// Bytes of the line that the current choice takes.
    place: Range<usize>,
}

impl Cycle {
    /// `None` when nothing was `found`.
    fn of(found: impl Iterator<Item = String>, typed: &str, place: Range<usize>) -> Option<Cycle> {
        let choices: Vec<String> = [typed.to_string()].into_iter().chain(found).collect();
        (choices.len() > 1).then_some(Cycle { choices, which: 0, place })
    }
}

impl Completion {
    pub fn offer(&mut self, word: &str) {
        self.words.retain(|known| known != word);
        self.words.truncate(MAX - 1);
        self.words.push_front(word.to_string());
    }

    /// Offers `text` for an empty line, or one that holds a part of `text` or of `name`.
    pub fn offer_beginning(&mut self, name: &str, text: &str) {
        self.beginnings.retain(|(_, known)| known != text);
        self.beginnings.truncate(MAX - 1);
        self.beginnings.push_front((name.to_string(), text.to_string()));
    }

    /// Another key than Tab was pressed.
    pub fn reset(&mut self) {
        self.cycle = None;
    }

    /// Tab, with the cursor at byte `cursor`: the range to replace, and the text.
    pub fn next(&mut self, line: &str, cursor: usize) -> Option<(Range<usize>, String)> {
        if self.cycle.is_none() {
            self.cycle = self.beginnings_for(line, cursor).or_else(|| self.words_for(line, cursor));
        }
        let cycle = self.cycle.as_mut()?;
        cycle.which = (cycle.which + 1) % cycle.choices.len();
        let choice = cycle.choices[cycle.which].clone();
        let before = cycle.place.clone();
        cycle.place.end = before.start + choice.len();
        Some((before, choice))
    }

    fn beginnings_for(&self, line: &str, cursor: usize) -> Option<Cycle> {
        let typed = line.get(..cursor)?;
        let folded = typed.to_lowercase();
        let matches = |text: &str| text.to_lowercase().starts_with(&folded);
        let matching = self.beginnings.iter().filter(|(name, text)| matches(name) || matches(text));
        Cycle::of(matching.map(|(_, text)| text.clone()), typed, 0..cursor)
    }

    fn words_for(&self, line: &str, cursor: usize) -> Option<Cycle> {
        let before = line.get(..cursor)?;
        let blank = before.char_indices().rfind(|(_, c)| c.is_whitespace());
        let start = blank.map_or(0, |(at, c)| at + c.len_utf8());
        let typed = Some(&before[start..]).filter(|typed| !typed.is_empty())?;
        let folded = typed.to_lowercase();
        let matches = |word: &&String| word.to_lowercase().starts_with(&folded);
        // A name at the beginning of a line addresses its bearer.
        let after = if start == 0 { ", " } else { " " };
        let found = self.words.iter().filter(matches).map(|word| format!("{word}{after}"));
        Cycle::of(found, typed, start..cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_cycles_through_matching_words_and_back_to_the_typed_one() {
        let mut completion = Completion::default();
        ["Alice", "bob", "albert", "Alice"].iter().for_each(|word| completion.offer(word));
        assert_eq!(completion.next("al", 2), Some((0..2, "Alice, ".to_string())));
        assert_eq!(completion.next("Alice, ", 7), Some((0..7, "albert, ".to_string())));
        assert_eq!(completion.next("albert, ", 8), Some((0..8, "al".to_string())));
        completion.reset();
        assert_eq!(completion.next("dis à bo !", 9), Some((7..9, "bob ".to_string())));
    }

    #[test]
    fn a_beginning_completes_any_part_of_itself_or_of_its_name() {
        let mut completion = Completion::default();
        for name in ["carl", "bob", "deux mots", "bob"] {
            completion.offer_beginning(name, &format!("%{name}%"));
        }
        for (typed, first) in [("", "%bob%"), ("%b", "%bob%"), ("C", "%carl%"), ("%deux m", "%deux mots%")] {
            let expected = Some((0..typed.len(), first.to_string()));
            assert_eq!(completion.next(typed, typed.len()), expected, "{typed:?}");
            completion.reset();
        }
        assert_eq!(completion.next("%bob%sal", 8), None);
        // Text after the cursor stays.
        assert_eq!(completion.next("cello", 1), Some((0..1, "%carl%".to_string())));
        assert_eq!(completion.next("%carl%ello", 6), Some((0..6, "c".to_string())));
    }

    #[test]
    fn no_candidates_without_typed_text_or_known_words() {
        let mut completion = Completion::default();
        assert_eq!(completion.next("al", 2), None);
        completion.offer("alice");
        assert_eq!((completion.next("", 0), completion.next("x", 1)), (None, None));
        (0..2 * MAX).for_each(|i| completion.offer(&format!("nom{i}")));
        assert_eq!(completion.words.len(), MAX);
        (0..2 * MAX).for_each(|i| completion.offer_beginning("nom", &i.to_string()));
        assert_eq!(completion.beginnings.len(), MAX);
    }
}
