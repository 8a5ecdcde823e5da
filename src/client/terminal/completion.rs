//! Words that Tab completes, and beginnings of a line: the last one heard first. Pure.

use std::collections::VecDeque;
use std::ops::Range;

/// So many are kept.
const MAX: usize = 200;

/// Words to offer, and which one is offered now.
#[derive(Debug, Default)]
pub struct Completion {
    messages: VecDeque<String>,
    /// How a line may begin, each under a name.
    beginnings: VecDeque<(String, String)>,
    offered: Option<Offered>,
}

#[derive(Debug)]
struct Offered {
    /// What was typed, and all that begins with it.
    choices: Vec<String>,
    which: usize,
    /// Where it stands in the line.
    place: Range<usize>,
}

impl Completion {
    /// Offers `word` from now on, before all others.
    pub fn offer(&mut self, word: &str) {
        self.messages.retain(|known| known != word);
        self.messages.truncate(MAX - 1);
        self.messages.push_front(word.to_string());
    }

    /// Offers `text` from now on, before all others, where a line begins: when nothing is typed yet, or a part of it, or a part of
    /// `name`.
    pub fn offer_beginning(&mut self, name: &str, text: &str) {
        self.beginnings.retain(|(_, known)| known != text);
        self.beginnings.truncate(MAX - 1);
        self.beginnings.push_front((name.to_string(), text.to_string()));
    }

    /// Another key was pressed than Tab.
    pub fn forget(&mut self) {
        self.offered = None;
    }

    /// Tab, with the cursor at `cursor` of `line`: what to put in which place. Once more Tab: the next word, at last what was typed.
    pub fn next(&mut self, line: &str, cursor: usize) -> Option<(Range<usize>, String)> {
        if self.offered.is_none() {
            self.offered = self.beginnings_for(line, cursor).or_else(|| self.look_up(line, cursor));
        }
        let offered = self.offered.as_mut()?;
        offered.which = (offered.which + 1) % offered.choices.len();
        let word = offered.choices[offered.which].clone();
        let before = offered.place.clone();
        offered.place.end = before.start + word.len();
        Some((before, word))
    }

    fn beginnings_for(&self, line: &str, cursor: usize) -> Option<Offered> {
        let typed = line.get(..cursor)?;
        let folded = typed.to_lowercase();
        let fits = |text: &str| text.to_lowercase().starts_with(&folded);
        let fitting = self.beginnings.iter().filter(|(name, text)| fits(name) || fits(text));
        let mut choices = vec![typed.to_string()];
        choices.extend(fitting.map(|(_, text)| text.clone()));
        (choices.len() > 1).then_some(Offered { choices, which: 0, place: 0..cursor })
    }

    fn look_up(&self, line: &str, cursor: usize) -> Option<Offered> {
        let typed_before = line.get(..cursor)?;
        let start = typed_before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + typed_before[at..].chars().next().map_or(0, char::len_utf8));
        let typed = &typed_before[start..];
        let folded = typed.to_lowercase();
        let fits = |word: &&String| word.to_lowercase().starts_with(&folded);
        // Somebody is addressed at the beginning of a line.
        let after = if start == 0 { ", " } else { " " };
        let mut choices = vec![typed.to_string()];
        choices.extend(self.messages.iter().filter(fits).map(|word| format!("{word}{after}")));
        let found = !typed.is_empty() && choices.len() > 1;
        found.then_some(Offered { choices, which: 0, place: start..cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_goes_round_the_words_that_begin_so_and_back_to_what_was_typed() {
        let mut completion = Completion::default();
        ["Alice", "bob", "albert", "Alice"].iter().for_each(|word| completion.offer(word));
        assert_eq!(completion.next("al", 2), Some((0..2, "Alice, ".to_string())));
        assert_eq!(completion.next("Alice, ", 7), Some((0..7, "albert, ".to_string())));
        assert_eq!(completion.next("albert, ", 8), Some((0..8, "al".to_string())));
        completion.forget();
        assert_eq!(completion.next("dis à bo !", 9), Some((7..9, "bob ".to_string())));
    }

    #[test]
    fn a_line_begins_as_was_offered_whatever_part_of_it_was_typed() {
        let mut completion = Completion::default();
        for name in ["carl", "bob", "deux mots", "bob"] {
            completion.offer_beginning(name, &format!("%{name}%"));
        }
        for (typed, first) in [("", "%bob%"), ("%b", "%bob%"), ("C", "%carl%"), ("%deux m", "%deux mots%")] {
            let expected = Some((0..typed.len(), first.to_string()));
            assert_eq!(completion.next(typed, typed.len()), expected, "{typed:?}");
            completion.forget();
        }
        assert_eq!(completion.next("%bob%sal", 8), None);
        // What stands behind the cursor stays.
        assert_eq!(completion.next("cello", 1), Some((0..1, "%carl%".to_string())));
        assert_eq!(completion.next("%carl%ello", 6), Some((0..6, "c".to_string())));
    }

    #[test]
    fn nothing_typed_or_nothing_known_offers_nothing() {
        let mut completion = Completion::default();
        assert_eq!(completion.next("al", 2), None);
        completion.offer("alice");
        assert_eq!((completion.next("", 0), completion.next("x", 1)), (None, None));
        (0..2 * MAX).for_each(|i| completion.offer(&format!("nom{i}")));
        assert_eq!(completion.messages.len(), MAX);
        (0..2 * MAX).for_each(|i| completion.offer_beginning("nom", &i.to_string()));
        assert_eq!(completion.beginnings.len(), MAX);
    }
}
