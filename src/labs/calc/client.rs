//! The client: shows the server's text, whatever its wording, and sends each typed line.

use std::ops::ControlFlow;

use crate::cli::Program;
use crate::client::{ClientProtocol, Messages, Ui, converse};

pub const PROGRAM: Program = Program::english("calc_client");

const MESSAGES: Messages = Messages { program: PROGRAM };

struct Calc {
    /// The server's address, as shown.
    place: String,
}

impl ClientProtocol for Calc {
    /// More than a terminal gives in one line: each piece would be a line for the server.
    const MAX_LEN: usize = 64 * 1024;

    fn begin(&mut self, face: &mut dyn Ui) {
        face.greet(&format!("Connected to {}: a line typed is an answer (Ctrl+D to leave)", self.place));
    }

    fn deaf(&self) -> Option<&'static str> {
        None
    }

    fn prompt(&self) -> &str {
        "> "
    }

    /// The server prompts.
    fn asks(&self) -> bool {
        false
    }

    /// Some servers want the number on the question's line.
    fn is_asked(&self) -> bool {
        true
    }

    fn status(&self) -> Vec<String> {
        vec!["connected".to_string(), self.place.clone()]
    }

    fn typed(&mut self, mut line: Vec<u8>, _face: &mut dyn Ui) -> Vec<u8> {
        line.push(b'\n');
        line
    }

    fn heard(&mut self, bytes: &[u8], face: &mut dyn Ui) -> ControlFlow<String> {
        face.text(bytes);
        ControlFlow::Continue(())
    }

    /// An iterative server closes after one sum.
    fn may_be_closed(&self) -> bool {
        true
    }
}

/// Talks until keyboard, user or server end it. `is_plain`: no input line of its own on a terminal.
pub fn talk(host: &str, port: u16, is_plain: bool) -> anyhow::Result<()> {
    let calc = Calc { place: format!("{host} port {port}") };
    converse(MESSAGES, (host, port), is_plain, calc)
}
