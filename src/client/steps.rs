//! What can happen to a dialogue, and what its user's screen shows of it: the steps of the loop, and of the labs' unit tests.

use std::ops::ControlFlow;

use super::protocol::ClientProtocol;
use super::ui::Ui;

fn set_prompt(protocol: &impl ClientProtocol, face: &mut dyn Ui) {
    face.set_asked(protocol.is_asked());
    face.set_prompt(protocol.prompt(), protocol.asks());
}

/// What the screen shows first.
pub fn begin(protocol: &mut impl ClientProtocol, face: &mut dyn Ui) {
    protocol.begin(face);
    set_prompt(protocol, face);
}

/// A line is said: returns the bytes to send.
pub fn take(protocol: &mut impl ClientProtocol, face: &mut dyn Ui, line: Vec<u8>) -> Vec<u8> {
    face.entered(&line);
    let to_send = protocol.typed(line, face);
    set_prompt(protocol, face);
    to_send
}

/// The server pauses.
pub fn pause(protocol: &mut impl ClientProtocol, face: &mut dyn Ui) {
    protocol.paused(face);
    set_prompt(protocol, face);
}

/// Bytes have come. Breaks with a farewell when that was the end.
pub fn hear(protocol: &mut impl ClientProtocol, face: &mut dyn Ui, bytes: &[u8]) -> ControlFlow<String> {
    protocol.heard(bytes, face)?;
    set_prompt(protocol, face);
    ControlFlow::Continue(())
}
