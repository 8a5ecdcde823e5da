//! The client: shows the server's text, whatever its wording, and sends each typed line.

use std::time::Duration;

use crate::cli::Program;
use crate::client::{ClientProtocol, Messages, Prompt, ServerAddress, Ui, UiMode, run_client};

pub const PROGRAM: Program = Program::english("calc_client");

/// A server that reads a number by one `recv` would take several lines for it: each line waits for
/// a question, which ends in a question mark, or else for a pause.
#[derive(Default)]
struct Calc {
    /// False where a user types the lines.
    is_paced: bool,
    is_asked: bool,
    /// Something has come since the last line sent.
    is_answered: bool,
}

impl ClientProtocol for Calc {
    fn start(&mut self, address: &str, ui: &mut dyn Ui) {
        self.is_paced = ui.mode() != UiMode::Tui;
        ui.print_for_user(&format!("Connected to {address}: a line typed is an answer (Ctrl+D to leave)"));
    }

    fn blocked(&self) -> Option<&'static str> {
        (self.is_paced && !self.is_asked).then_some("the server has not asked yet")
    }

    fn pause_after(&self) -> Duration {
        Duration::from_millis(if self.is_answered { 300 } else { 1000 })
    }

    fn on_pause(&mut self, ui: &mut dyn Ui) {
        self.is_asked = true;
        ui.flush_partial_line();
    }

    /// Never due: the server prompts. Some servers want the number on the question's line.
    fn prompt(&self) -> Prompt<'_> {
        Prompt { text: "> ", is_due: false, shows_questions: true }
    }

    fn status(&self, address: &str) -> Vec<String> {
        ["connected", address].map(str::to_string).to_vec()
    }

    fn on_line(&mut self, mut line: Vec<u8>, _ui: &mut dyn Ui) -> Vec<u8> {
        (self.is_asked, self.is_answered) = (false, false);
        line.push(b'\n');
        line
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> Option<String> {
        ui.server_text(bytes);
        self.is_answered = true;
        self.is_asked |= bytes.trim_ascii_end().ends_with(b"?");
        None
    }

    /// An iterative server closes after one sum.
    fn server_may_close(&self) -> bool {
        true
    }
}

pub fn talk(server: &ServerAddress, is_plain: bool) -> anyhow::Result<()> {
    run_client(Messages { program: PROGRAM }, server, is_plain, Calc::default())
}
