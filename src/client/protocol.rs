//! A lab's part of a client: what a typed line and received bytes mean.

use std::time::Duration;

use super::ui::{Prompt, Ui};

/// How a session ends after the end of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// Whether or not the server closes: once its system has acknowledged everything, the client
    /// closes, a second later. A course's server may keep the connection, in a process of another
    /// client for example.
    Nothing,
    /// The server closes. One that sends for ever instead is given a bounded time.
    Close,
    /// As many bytes as were sent come back first, however long a slow path takes for them.
    Answers,
}

pub trait ClientProtocol {
    /// Longest line in bytes; a longer one comes in pieces, each a line to the server. By default
    /// more than a terminal gives in one line.
    const MAX_LEN: usize = 64 * 1024;

    fn start(&mut self, address: &str, ui: &mut dyn Ui);

    /// Sent before anything else.
    fn opening_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Why no line can be sent now, if that is so. Lines typed meanwhile are queued.
    fn blocked(&self) -> Option<&'static str> {
        None
    }

    /// Why this line cannot be sent, now or ever. In [`UiMode::Tui`](super::UiMode) a line that
    /// passes is sent even while [`blocked`](Self::blocked).
    fn rejects(&self, _line: &[u8]) -> Option<&'static str> {
        self.blocked()
    }

    fn prompt(&self) -> Prompt<'_>;

    /// Silence that counts as a [pause](Self::on_pause), since the start or the last bytes sent or
    /// received.
    fn pause_after(&self) -> Duration {
        Duration::from_millis(300)
    }

    /// Called once per pause, and at the end of the connection. Returns the closing message when
    /// the pause ends the session.
    fn on_pause(&mut self, ui: &mut dyn Ui) -> Option<String> {
        ui.flush_partial_line();
        None
    }

    /// Parts of the status line, the most important first, without control characters.
    fn status(&self, address: &str) -> Vec<String>;

    /// True once a line has ended the session: lines after it are not sent.
    fn has_left(&self) -> bool {
        false
    }

    /// Returns the bytes to send for a typed line.
    fn on_line(&mut self, line: Vec<u8>, ui: &mut dyn Ui) -> Vec<u8>;

    /// Returns the closing message when these bytes end the session.
    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> Option<String>;

    /// True when a server that closes before the input has ended is no error, unless lines are
    /// left.
    fn server_may_close(&self) -> bool {
        false
    }

    /// Why a session that ended as the user wanted is an error all the same.
    fn failure(&self) -> Option<String> {
        None
    }

    fn awaits(&self) -> Awaits {
        Awaits::Close
    }

    /// Sent last, at the end of input or on a signal.
    fn closing_bytes(&self) -> &'static [u8] {
        b""
    }
}

// Calls of a protocol by the session and by the labs' unit tests. Each, but the last, updates the
// prompt afterwards.

pub fn start(protocol: &mut impl ClientProtocol, address: &str, ui: &mut dyn Ui) {
    protocol.start(address, ui);
    ui.set_prompt(protocol.prompt());
}

pub fn send_line(protocol: &mut impl ClientProtocol, ui: &mut dyn Ui, line: Vec<u8>) -> Vec<u8> {
    ui.line_entered(&line);
    let to_send = protocol.on_line(line, ui);
    ui.set_prompt(protocol.prompt());
    to_send
}

pub fn pause(protocol: &mut impl ClientProtocol, ui: &mut dyn Ui) -> Option<String> {
    let end = protocol.on_pause(ui);
    prompt_unless(&end, protocol, ui);
    end
}

pub fn receive(protocol: &mut impl ClientProtocol, ui: &mut dyn Ui, bytes: &[u8]) -> Option<String> {
    let end = protocol.on_received(bytes, ui);
    prompt_unless(&end, protocol, ui);
    end
}

fn prompt_unless(end: &Option<String>, protocol: &impl ClientProtocol, ui: &mut dyn Ui) {
    if end.is_none() {
        ui.set_prompt(protocol.prompt());
    }
}
