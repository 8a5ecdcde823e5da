//! The client: sends its name, then each typed text with that name before the message; shows what
//! arrives.

use std::time::{Duration, Instant};

use super::incoming::LastLine;
use super::message::{MAX_LEN, directed, parse};
use super::name::Name;
use crate::cli::Program;
use crate::client::{ClientProtocol, LineBuffer, Messages, Prompt, ServerAddress, Ui, UiMode, run_client};

pub const PROGRAM: Program = Program::english("direct_client");

/// Time between the name and the first text: a server that reads the name by one `recv` would take
/// both for it.
const NAME_GAP: Duration = Duration::from_millis(300);

struct Direct {
    name: Name,
    prompt: String,
    last_line: LastLine,
    /// `None` after a pause.
    connected_at: Option<Instant>,
    /// A line was not sent, or the server has reported an error, and a program reads the output.
    has_failed: bool,
}

impl Direct {
    fn new(name: Name) -> Direct {
        let prompt = format!("{name}> ");
        Direct { name, prompt, last_line: LastLine::default(), connected_at: None, has_failed: false }
    }

    /// The recipient and the texts of a typed line: several if the message is too long for one.
    fn texts(&self, line: &[u8]) -> Result<(Name, Vec<u8>), String> {
        let (to, message) = parse(line).map_err(|_| "write %name%message, as %bob%hello".to_string())?;
        let to = Name::new(to)?;
        let sender = [self.name.as_bytes(), b": "].concat();
        // Without the newline that `directed` adds.
        let taken = directed(&to, &sender).len() - 1;
        let (mut lines, mut parts) = (LineBuffer::new(MAX_LEN - taken), Vec::new());
        lines.feed(message, |part| parts.push(part));
        // An empty message is sent too.
        parts.extend(lines.finish().or_else(|| message.is_empty().then(Vec::new)));
        let texts = parts.iter().flat_map(|part| directed(&to, &[&sender[..], part].concat())).collect();
        Ok((to, texts))
    }
}

/// Lets Tab complete the name.
fn offer(name: &Name, ui: &mut dyn Ui) {
    ui.offer_completion(&name.to_string(), &format!("%{name}%"));
}

impl ClientProtocol for Direct {
    fn start(&mut self, address: &str, ui: &mut dyn Ui) {
        self.connected_at = Some(Instant::now());
        let name = &self.name;
        ui.print_for_user(&format!(
            "Connected to {address} as {name}: write %name%message, as %bob%hello (Ctrl+D to leave)"
        ));
    }

    fn opening_bytes(&self) -> Vec<u8> {
        [self.name.as_bytes(), b"\n"].concat()
    }

    fn blocked(&self) -> Option<&'static str> {
        self.connected_at.is_some_and(|since| since.elapsed() < NAME_GAP).then_some("the name goes first")
    }

    fn rejects(&self, _line: &[u8]) -> Option<&'static str> {
        None
    }

    fn pause_after(&self) -> Duration {
        NAME_GAP
    }

    fn on_pause(&mut self, ui: &mut dyn Ui) -> Option<String> {
        self.connected_at = None;
        ui.flush_partial_line();
        None
    }

    fn prompt(&self) -> Prompt<'_> {
        Prompt { text: &self.prompt, is_due: true, shows_questions: false }
    }

    fn status(&self, address: &str) -> Vec<String> {
        let parts = ["connected", address, &self.name.to_string(), "Tab completes names"];
        parts.map(str::to_string).to_vec()
    }

    fn on_line(&mut self, line: Vec<u8>, ui: &mut dyn Ui) -> Vec<u8> {
        match self.texts(&line) {
            Ok((to, texts)) => {
                offer(&to, ui);
                texts
            }
            Err(why) => {
                ui.print_error(&format!("not sent: {why}"));
                self.has_failed |= ui.mode() == UiMode::Piped;
                Vec::new()
            }
        }
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> Option<String> {
        let has_error = self.last_line.feed(bytes, |sender| offer(&sender, ui));
        self.has_failed |= has_error && ui.mode() == UiMode::Piped;
        ui.server_text(bytes);
        None
    }

    fn failure(&self) -> Option<String> {
        let reasons = [
            (self.last_line.is_refusal(), "the server refused us"),
            (self.has_failed, "not every line was delivered"),
        ];
        reasons.iter().find(|(is_so, _)| *is_so).map(|(_, reason)| reason.to_string())
    }
}

pub fn talk(name: Name, server: &ServerAddress, is_plain: bool) -> anyhow::Result<()> {
    run_client(Messages { program: PROGRAM }, server, is_plain, Direct::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Event, screen_after};

    fn client(name: &str) -> Direct {
        Direct::new(Name::new(name.as_bytes()).unwrap())
    }

    #[test]
    fn the_senders_name_stands_before_the_message() {
        let texts = |line: &str| client("alice").texts(line.as_bytes()).map(|(_, texts)| texts);
        assert_eq!(texts("%bob%hello").unwrap(), b"%bob%alice: hello\n");
        assert_eq!(texts("%bob%50% off\r").unwrap(), b"%bob%alice: 50% off\n");
        assert_eq!(texts("%bob%").unwrap(), b"%bob%alice: \n");
        assert!(texts("hello").unwrap_err().contains("%name%message"));
        assert!(texts(&format!("%{}%hello", "x".repeat(65))).unwrap_err().contains("at most 64 bytes"));
    }

    #[test]
    fn a_long_message_is_split_into_texts_without_loss() {
        let message = "é€🦀x".repeat(500);
        let (_, sent) = client("élodie").texts(format!("%bob%{message}").as_bytes()).unwrap();
        let texts: Vec<&str> = std::str::from_utf8(&sent).unwrap().lines().collect();
        assert!(texts.len() > 4 && texts.iter().all(|text| text.len() <= MAX_LEN));
        assert!(texts.iter().any(|text| text.len() > MAX_LEN - 4));
        let parts = texts.iter().map(|text| text.strip_prefix("%bob%élodie: ").unwrap());
        assert_eq!(parts.collect::<String>(), message);
    }

    #[test]
    fn messages_are_shown_whole_in_any_segmentation_and_the_prompt_follows_each() {
        let events = [&b"alice: h"[..], b"i \x1b[2J\nal", b"ice: bye\n\n"].map(Event::Received);
        let shown = screen_after(&mut client("bob"), true, events);
        let expected = "\nbob> \nalice: hi ^[[2J\nbob> \nalice: bye\nbob> \n\nbob> ";
        assert!(shown.ends_with(expected), "{shown}");
        assert_eq!(screen_after(&mut client("bob"), false, events), "alice: hi \x1b[2J\nalice: bye\n\n");
    }
}
