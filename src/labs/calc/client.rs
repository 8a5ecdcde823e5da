//! The client: shows the server's text, whatever its wording, and sends each typed line.

use std::time::Duration;

use crate::cli::Program;
use crate::client::{ClientProtocol, Messages, Prompt, ServerAddress, Ui, UiMode, run_client};

pub const PROGRAM: Program = Program::english("calc_client");

/// Time without a byte from a server that has sent none, after the first line: then it is one that
/// waits in silence, and no busy one that is about to greet.
const SILENT_SERVER: Duration = Duration::from_secs(10);

/// A server that reads a number by one `recv` would take several lines for it: each line waits for
/// a question mark at the end of a text, or else for a pause. A question mark after a pause that
/// stood for one is late, and lets no further line go.
#[derive(Default)]
struct Calc {
    /// False where a user types the lines.
    is_paced: bool,
    is_asked: bool,
    /// Pauses taken for a question, where no question mark has come since: it may be late.
    guessed: usize,
    /// The server has sent something.
    has_spoken: bool,
    has_sent: bool,
    /// A line was sent, and nothing has come since.
    is_unanswered: bool,
    /// The last text ends in a question mark: the server waits for a number.
    is_waited_for: bool,
    /// The last text ends inside a line, as a question of a server that leaves the cursor there.
    is_in_line: bool,
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
        match (self.is_in_line, self.has_spoken, self.guessed) {
            (false, false, 1) => SILENT_SERVER,
            (is_in_line, ..) => Duration::from_millis(if is_in_line { 300 } else { 1000 }),
        }
    }

    fn on_pause(&mut self, ui: &mut dyn Ui) -> Option<String> {
        self.guessed += usize::from(!self.is_asked);
        self.is_asked = true;
        ui.flush_partial_line();
        None
    }

    /// Never due: the server prompts. Some servers want the number on the question's line.
    fn prompt(&self) -> Prompt<'_> {
        Prompt { text: "> ", is_due: false, shows_questions: true }
    }

    fn status(&self, address: &str) -> Vec<String> {
        ["connected", address].map(str::to_string).to_vec()
    }

    fn on_line(&mut self, mut line: Vec<u8>, _ui: &mut dyn Ui) -> Vec<u8> {
        (self.is_asked, self.is_in_line, self.is_waited_for) = (false, false, false);
        (self.has_sent, self.is_unanswered) = (true, true);
        line.push(b'\n');
        line
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> Option<String> {
        ui.server_text(bytes);
        (self.has_spoken, self.is_unanswered) = (true, false);
        self.is_in_line = !bytes.ends_with(b"\n");
        let is_padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        let last = bytes.iter().rfind(|byte| !is_padding(byte));
        self.is_waited_for = last.map_or(self.is_waited_for, |&last| last == b'?');
        if last == Some(&b'?') {
            self.is_asked |= self.guessed == 0;
            self.guessed = self.guessed.saturating_sub(1);
        }
        None
    }

    /// An iterative server closes after one sum; a full one before it asks.
    fn server_may_close(&self) -> bool {
        self.has_sent && !self.is_unanswered && !self.is_waited_for
    }

    fn failure(&self) -> Option<String> {
        self.is_unanswered
            .then(|| "the server closed the connection, nothing came after the last line".to_string())
    }
}

pub fn talk(server: &ServerAddress, is_plain: bool) -> anyhow::Result<()> {
    run_client(Messages { program: PROGRAM }, server, is_plain, Calc::default())
}
