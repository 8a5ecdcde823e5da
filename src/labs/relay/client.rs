//! The client: shows its number, its role and what its partner says, and reads the keyboard at its turn.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use super::answer::{Answer, Answers};
use super::{FIN, LONGEST};
use crate::cli::Program;
use crate::client::{Dialogue, Words, connect, converse, find, prepare};
use crate::text::Visible;

/// Its name.
pub const PROGRAM: Program = Program::french("relay_client");

const WORDS: Words = Words { program: PROGRAM };

/// What stands before the cursor at one's turn, on a terminal.
const PROMPT: &str = "à vous> ";

struct Relay {
    opening: String,
    on_terminal: bool,
    answers: Answers,
    is_our_turn: bool,
    /// The prompt is the last thing on the screen.
    is_prompted: bool,
    /// The user has typed `fin`.
    has_left: bool,
}

impl Relay {
    fn line(&mut self, line: &str, screen: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_prompted) {
            screen.push(b'\n');
        }
        screen.extend_from_slice(line.as_bytes());
        screen.push(b'\n');
    }

    fn begin_turn(&mut self, screen: &mut Vec<u8>) {
        self.is_our_turn = true;
        if self.on_terminal {
            screen.extend_from_slice(PROMPT.as_bytes());
            self.is_prompted = true;
        } else {
            self.line("À vous", screen);
        }
    }

    fn show(&mut self, answer: &Answer, screen: &mut Vec<u8>) -> ControlFlow<String> {
        let line = match answer {
            Answer::Number(number) => {
                format!("Vous êtes le client {number} ; on commence dès que l'autre est là")
            }
            Answer::Emitter => "Votre rôle : emi, vous parlez en premier".to_string(),
            Answer::Receiver => "Votre rôle : rec, votre partenaire parle en premier".to_string(),
            Answer::Message(text) => format!("Reçu : {}", Visible(text)),
            Answer::Part(text) => format!("Reçu, à suivre : {}", Visible(text)),
            Answer::Remark(text) => format!("Le serveur dit : {}", Visible(text)),
            Answer::Exit => return ControlFlow::Break("le serveur s'arrête (exit), au revoir".to_string()),
        };
        self.line(&line, screen);
        if matches!(answer, Answer::Emitter | Answer::Message(_)) {
            self.begin_turn(screen);
        }
        ControlFlow::Continue(())
    }
}

impl Dialogue for Relay {
    const LONGEST: usize = LONGEST;

    fn begin(&mut self, screen: &mut Vec<u8>) {
        screen.extend_from_slice(self.opening.as_bytes());
    }

    fn listens(&self) -> bool {
        self.is_our_turn
    }

    fn typed(&mut self, line: Vec<u8>, screen: &mut Vec<u8>) -> Vec<u8> {
        (self.is_our_turn, self.is_prompted) = (false, false);
        if line == b"fin" {
            // The farewell says it.
            self.has_left = true;
            self.line("Vous partez", screen);
            return Vec::new();
        }
        self.line("Au tour de votre partenaire", screen);
        [&line, &b"\0"[..]].concat()
    }

    fn heard(&mut self, bytes: &[u8], screen: &mut Vec<u8>) -> ControlFlow<String> {
        self.answers.feed(bytes).iter().try_for_each(|answer| self.show(answer, screen))
    }

    fn may_be_closed(&self) -> bool {
        false
    }

    fn has_left(&self) -> bool {
        self.has_left
    }

    fn farewell(&self) -> &'static [u8] {
        FIN
    }
}

/// Connects to `host` and talks in turn with whoever else is there, until keyboard, user or server end it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16) -> anyhow::Result<()> {
    let server = find(WORDS, host, port)?;
    let mut signals = prepare()?;
    let Some(connection) = connect(WORDS, &server, &mut signals)? else { return Ok(()) };
    let relay = Relay {
        opening: format!(
            "Connecté à {host} port {port}, en attente d'une place (« fin » ou Ctrl+C pour partir)\n"
        ),
        on_terminal: io::stdout().is_terminal(),
        answers: Answers::default(),
        is_our_turn: false,
        is_prompted: false,
        has_left: false,
    };
    converse(WORDS, &connection, signals, relay)
}
