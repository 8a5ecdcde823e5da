//! What can happen to a dialogue, and what its user's screen shows of it: the steps of the loop, and of the labs' unit tests.

use std::ops::ControlFlow;

use super::{Dialogue, Face};

fn set_prompt(dialogue: &impl Dialogue, face: &mut dyn Face) {
    face.set_asked(dialogue.is_asked());
    face.set_prompt(dialogue.prompt(), dialogue.asks());
}

/// What the screen shows first.
pub fn begin(dialogue: &mut impl Dialogue, face: &mut dyn Face) {
    dialogue.begin(face);
    set_prompt(dialogue, face);
}

/// A line is said: returns the bytes to send.
pub fn take(dialogue: &mut impl Dialogue, face: &mut dyn Face, line: Vec<u8>) -> Vec<u8> {
    face.entered(&line);
    let to_send = dialogue.typed(line, face);
    set_prompt(dialogue, face);
    to_send
}

/// The server pauses.
pub fn pause(dialogue: &mut impl Dialogue, face: &mut dyn Face) {
    dialogue.paused(face);
    set_prompt(dialogue, face);
}

/// Bytes have come. Breaks with a farewell when that was the end.
pub fn hear(dialogue: &mut impl Dialogue, face: &mut dyn Face, bytes: &[u8]) -> ControlFlow<String> {
    dialogue.heard(bytes, face)?;
    set_prompt(dialogue, face);
    ControlFlow::Continue(())
}
