//! Key bindings: those of Emacs mode in readline(3). Pure.

use rustyline::{At, Movement, Word};
use terminput::{KeyCode, KeyEvent, KeyModifiers};

use crate::sys::Signal;
use crate::text::is_plain;

pub enum Action {
    Move(Movement),
    /// Cuts from the cursor to there.
    Kill(Movement),
    Insert(char),
    /// Pastes what was killed last.
    Yank,
    Transpose,
    HistoryBack,
    HistoryForward,
    Complete,
    /// Searches the history, or searches on.
    Search,
    Enter,
    /// End of input on an empty line; elsewhere deletes a character.
    EndOrDelete,
    ClearScreen,
    /// In canonical mode the line discipline would send it for such a key (ISIG).
    Signal(Signal),
    None,
}

pub fn action_for(key: KeyEvent) -> Action {
    use Action::{Insert, Kill, Move};
    use KeyCode as Key;
    use Movement::{BackwardChar, BackwardWord, BeginningOfLine, EndOfLine, ForwardChar, ForwardWord};
    let (control, alt) =
        (key.modifiers.contains(KeyModifiers::CTRL), key.modifiers.contains(KeyModifiers::ALT));
    let word_left = BackwardWord(1, Word::Emacs);
    let word_right = ForwardWord(1, At::AfterEnd, Word::Emacs);
    match (key.code, control, alt) {
        (Key::Left, false, false) | (Key::Char('b'), true, false) => Move(BackwardChar(1)),
        (Key::Right, false, false) | (Key::Char('f'), true, false) => Move(ForwardChar(1)),
        (Key::Left, ..) | (Key::Char('b'), false, true) => Move(word_left),
        (Key::Right, ..) | (Key::Char('f'), false, true) => Move(word_right),
        (Key::Home, ..) | (Key::Char('a'), true, false) => Move(BeginningOfLine),
        (Key::End, ..) | (Key::Char('e'), true, false) => Move(EndOfLine),
        (Key::Backspace, false, false) | (Key::Char('h'), true, false) => Kill(BackwardChar(1)),
        (Key::Delete, false, false) => Kill(ForwardChar(1)),
        (Key::Char('w'), true, false) => Kill(BackwardWord(1, Word::Big)),
        (Key::Backspace, ..) | (Key::Char('h'), true, true) => Kill(word_left),
        (Key::Delete, ..) | (Key::Char('d'), false, true) => Kill(word_right),
        (Key::Char('u'), true, false) => Kill(BeginningOfLine),
        (Key::Char('k'), true, false) => Kill(EndOfLine),
        (Key::Char('y'), true, false) => Action::Yank,
        (Key::Char('t'), true, false) => Action::Transpose,
        (Key::Up, ..) | (Key::Char('p'), true, false) => Action::HistoryBack,
        (Key::Down, ..) | (Key::Char('n'), true, false) => Action::HistoryForward,
        (Key::Char('r'), true, false) => Action::Search,
        (Key::Tab, false, false) => Action::Complete,
        (Key::Enter, ..) | (Key::Char('j' | 'm'), true, false) => Action::Enter,
        (Key::Char('d'), true, false) => Action::EndOrDelete,
        (Key::Char('l'), true, false) => Action::ClearScreen,
        (Key::Char('c'), true, false) => Action::Signal(Signal::SIGINT),
        (Key::Char('z'), true, false) => Action::Signal(Signal::SIGTSTP),
        // The byte of Ctrl+\ is that of Ctrl+4.
        (Key::Char('4' | '\\'), true, false) => Action::Signal(Signal::SIGQUIT),
        (Key::Char(c), ..) if types_text(key.modifiers) && is_plain(c.encode_utf8(&mut [0; 4])) => Insert(c),
        _ => Action::None,
    }
}

fn types_text(modifiers: KeyModifiers) -> bool {
    KeyModifiers::SHIFT.contains(modifiers)
}
