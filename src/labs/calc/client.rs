//! The client: shows the server's text, whatever its wording, and sends each typed line.

use crate::cli::Program;
use crate::client::{ClientProtocol, Messages, Prompt, ServerAddress, Ui, run_client};

pub const PROGRAM: Program = Program::english("calc_client");

struct Calc;

impl ClientProtocol for Calc {
    fn start(&mut self, address: &str, ui: &mut dyn Ui) {
        ui.print_for_user(&format!("Connected to {address}: a line typed is an answer (Ctrl+D to leave)"));
    }

    /// Never due: the server prompts. Some servers want the number on the question's line.
    fn prompt(&self) -> Prompt<'_> {
        Prompt { text: "> ", is_due: false, shows_questions: true }
    }

    fn status(&self, address: &str) -> Vec<String> {
        ["connected", address].map(str::to_string).to_vec()
    }

    fn on_line(&mut self, mut line: Vec<u8>, _ui: &mut dyn Ui) -> Vec<u8> {
        line.push(b'\n');
        line
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> Option<String> {
        ui.server_text(bytes);
        None
    }

    /// An iterative server closes after one sum.
    fn server_may_close(&self) -> bool {
        true
    }
}

pub fn talk(server: &ServerAddress, is_plain: bool) -> anyhow::Result<()> {
    run_client(Messages { program: PROGRAM }, server, is_plain, Calc)
}
