//! A dialogue played through, for tests of the labs.

use super::Messages;
use super::protocol::ClientProtocol;
use super::steps::{begin, hear, pause, take};
use super::ui::plain::Plain;
use crate::cli::Program;

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
    protocol: &mut impl ClientProtocol,
    on_terminal: bool,
    events: impl IntoIterator<Item = Event<'a>>,
) -> String {
    let mut face = Plain::on(on_terminal, Messages { program: Program::english("a_test") });
    begin(protocol, &mut face);
    for event in events {
        match event {
            Event::Typed(line) => drop(take(protocol, &mut face, line.into())),
            Event::Paused => pause(protocol, &mut face),
            Event::Heard(bytes) => drop(hear(protocol, &mut face, bytes)),
        }
    }
    face.shown()
}
