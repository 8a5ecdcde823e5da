//! The client: shows what the server sends; sends a typed line in its turn.

use std::time::Duration;

use super::server_message::{ServerMessage, ServerMessageDecoder};
use super::{FIN, MAX_LEN};
use crate::cli::Program;
use crate::client::{Awaits, ClientProtocol, Messages, Prompt, ServerAddress, Ui, UiMode, run_client};
use crate::text::Visible;

pub const PROGRAM: Program = Program::french("relay_client");

const FIN_LINE: &[u8] = b"fin";

#[derive(Default)]
struct Relay {
    decoder: ServerMessageDecoder,
    number: Option<u8>,
    turn: Turn,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Queued,
    Alone,
    Ours,
    Partners,
    /// The user has typed `fin`.
    Left,
}

impl Turn {
    /// The state, and why no line can be sent in it.
    fn texts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Turn::Queued => ("en attente d'une place", Some("pas encore de place, la ligne attend ici")),
            Turn::Alone => {
                ("en attente d'un partenaire", Some("pas encore de partenaire, la ligne attend ici"))
            }
            Turn::Ours => ("à vous de parler", None),
            Turn::Partners => {
                ("au tour de votre partenaire", Some("ce n'est pas à vous, la ligne attend ici"))
            }
            Turn::Left => ("vous partez", Some("vous partez")),
        }
    }
}

impl Relay {
    fn show(&mut self, message: &ServerMessage, ui: &mut dyn Ui) -> Option<String> {
        let line = match message {
            ServerMessage::Number(number) => {
                (self.number, self.turn) = (Some(*number), Turn::Alone);
                format!("Vous êtes le client {number} ; on commence dès que l'autre est là")
            }
            ServerMessage::Emitter => "Votre rôle : emi, vous parlez en premier".to_string(),
            ServerMessage::Receiver => {
                self.turn = Turn::Partners;
                "Votre rôle : rec, votre partenaire parle en premier".to_string()
            }
            ServerMessage::Message(text) => format!("Reçu : {}", Visible(text)),
            ServerMessage::Part(text) => format!("Reçu, à suivre : {}", Visible(text)),
            ServerMessage::Notice(text) => format!("Le serveur dit : {}", Visible(text)),
            ServerMessage::Exit => return Some("le serveur s'arrête (exit), au revoir".to_string()),
        };
        ui.print_line(&line);
        if matches!(message, ServerMessage::Emitter | ServerMessage::Message(_)) {
            self.turn = Turn::Ours;
            if ui.mode() == UiMode::Piped {
                // Elsewhere the prompt shows it.
                ui.print_line("À vous");
            }
        }
        None
    }
}

impl ClientProtocol for Relay {
    const MAX_LEN: usize = MAX_LEN;

    fn start(&mut self, address: &str, ui: &mut dyn Ui) {
        ui.print_line(&format!(
            "Connecté à {address}, en attente d'une place (« fin » ou Ctrl+C pour partir)"
        ));
    }

    fn blocked(&self) -> Option<&'static str> {
        self.turn.texts().1
    }

    /// `fin` leaves out of turn too. An empty line is refused: it would give the turn away.
    fn rejects(&self, line: &[u8]) -> Option<&'static str> {
        match (line, self.turn) {
            (FIN_LINE, _) => None,
            (b"", Turn::Ours) => Some("rien à dire ?, tapez un message"),
            _ => self.blocked(),
        }
    }

    fn prompt(&self) -> Prompt<'_> {
        let is_due = self.turn == Turn::Ours;
        let text = if is_due { "à vous> " } else { "attendez> " };
        Prompt { text, is_due, shows_questions: false }
    }

    fn status(&self, address: &str) -> Vec<String> {
        let number = self.number.map(|number| format!("client {number}"));
        [self.turn.texts().0.to_string()].into_iter().chain(number).chain([address.to_string()]).collect()
    }

    fn on_line(&mut self, line: Vec<u8>, ui: &mut dyn Ui) -> Vec<u8> {
        if line == FIN_LINE {
            // `closing_bytes` sends it.
            self.turn = Turn::Left;
            ui.print_line("Vous partez");
            return Vec::new();
        }
        self.turn = Turn::Partners;
        if ui.mode() != UiMode::Tui {
            // There the status shows it.
            ui.print_line("Au tour de votre partenaire");
        }
        [&line, &b"\0"[..]].concat()
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> Option<String> {
        self.decoder.feed(bytes).iter().find_map(|message| self.show(message, ui))
    }

    /// Longer than one string of a server takes to arrive, in two segments of which one is lost.
    fn pause_after(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// A server may send strings without NUL: the course's client prints what one `recv` returns.
    fn on_pause(&mut self, ui: &mut dyn Ui) -> Option<String> {
        let message = self.decoder.pause();
        message.and_then(|message| self.show(&message, ui))
    }

    fn has_left(&self) -> bool {
        self.turn == Turn::Left
    }

    /// The original keeps the connection until the next client comes.
    fn awaits(&self) -> Awaits {
        Awaits::Nothing
    }

    fn closing_bytes(&self) -> &'static [u8] {
        FIN
    }
}

pub fn talk(server: &ServerAddress, is_plain: bool) -> anyhow::Result<()> {
    run_client(Messages { program: PROGRAM }, server, is_plain, Relay::default())
}
