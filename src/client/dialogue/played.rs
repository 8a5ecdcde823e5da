//! A dialogue played through, for tests of the labs.

use super::steps::{begin, hear, pause, take};
use super::{Dialogue, Plain};
use crate::cli::Program;
use crate::client::Words;

/// What happens to a dialogue.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// This line was typed.
    Typed(&'a str),
    /// This has come.
    Heard(&'a [u8]),
    /// The server pauses.
    Paused,
}

/// What a pipe, or a terminal with the plain look, holds after these.
pub fn screen_after<'a>(
    dialogue: &mut impl Dialogue,
    on_terminal: bool,
    events: impl IntoIterator<Item = Event<'a>>,
) -> String {
    let mut face = Plain::on(on_terminal, Words { program: Program::english("a_test") });
    begin(dialogue, &mut face);
    for event in events {
        match event {
            Event::Typed(line) => drop(take(dialogue, &mut face, line.into())),
            Event::Paused => pause(dialogue, &mut face),
            Event::Heard(bytes) => drop(hear(dialogue, &mut face, bytes)),
        }
    }
    face.shown()
}
