//! The client: shows what the server says, in whatever words, and sends each typed line.

use std::ops::ControlFlow;

use crate::cli::Program;
use crate::client::{ClientProtocol, Messages, Ui, run_client};

/// Its name.
pub const PROGRAM: Program = Program::english("calc_client");

const MESSAGES: Messages = Messages { program: PROGRAM };

struct Calc {
    /// Where the server is.
    place: String,
}

impl ClientProtocol for Calc {
    /// More than a terminal gives in one line, since a piece would be a line of its own for the server.
    const MAX_LEN: usize = 64 * 1024;

    fn start(&mut self, ui: &mut dyn Ui) {
        ui.print_for_user(&format!(
            "Connected to {}: a line typed is an answer (Ctrl+D to leave)",
            self.place
        ));
    }

    fn blocked(&self) -> Option<&'static str> {
        None
    }

    fn prompt(&self) -> &str {
        "> "
    }

    /// The server does.
    fn is_prompt_due(&self) -> bool {
        false
    }

    /// By servers that want the number in the question's line.
    fn shows_questions(&self) -> bool {
        true
    }

    fn status(&self) -> Vec<String> {
        vec!["connected".to_string(), self.place.clone()]
    }

    fn on_line(&mut self, mut line: Vec<u8>, _ui: &mut dyn Ui) -> Vec<u8> {
        line.push(b'\n');
        line
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> ControlFlow<String> {
        ui.server_text(bytes);
        ControlFlow::Continue(())
    }

    /// After one sum, a server of the lab's first part closes.
    fn server_may_close(&self) -> bool {
        true
    }
}

/// Connects to `host` and talks until keyboard, user or server end it. `is_plain`: no rows of ours on a terminal.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16, is_plain: bool) -> anyhow::Result<()> {
    let calc = Calc { place: format!("{host} port {port}") };
    run_client(MESSAGES, (host, port), is_plain, calc)
}
