//! Runs a lab's [`ClientProtocol`] without keyboard and server, for its unit tests.

use super::Messages;
use super::protocol::{ClientProtocol, pause, receive, send_line, start};
use super::ui::plain::Plain;
use crate::cli::Program;

#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    Line(&'a str),
    Received(&'a [u8]),
    Pause,
}

/// Output after these events, to a terminal or to a pipe.
pub fn screen_after<'a>(
    protocol: &mut impl ClientProtocol,
    on_terminal: bool,
    events: impl IntoIterator<Item = Event<'a>>,
) -> String {
    let mut ui = Plain::on(on_terminal, Messages { program: Program::english("a_test") });
    start(protocol, "here", &mut ui);
    for event in events {
        match event {
            Event::Line(line) => drop(send_line(protocol, &mut ui, line.into())),
            Event::Pause => drop(pause(protocol, &mut ui)),
            Event::Received(bytes) => drop(receive(protocol, &mut ui, bytes)),
        }
    }
    ui.shown()
}
