//! Layout of messages on the terminal. Pure, but for the clock.

use chrono::Local;

use crate::chat::client::messages;
use crate::chat::message::ParsedMessage;
use crate::client::terminal::{Colours, DIM, PLAIN};
use crate::text::visible;

/// Marks after the time, for terminals without colours: one's own messages, heard back or only
/// sent, the client's notices, messages without a name. No other message begins like one of these:
/// [`shows_as_name`].
const OWN: &str = "»";
const SENT: &str = "›";
const NOTICE: &str = "--";
const NAMELESS: &str = "? : ";

const BOLD: &str = "\x1b[1m";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Others,
    /// One's own, heard back.
    Own,
    /// One's own, not heard back yet.
    Sent,
    /// One's own, sent on a connection that was lost before its echo came.
    Lost,
    /// One's own, refused by the server.
    Refused,
}

pub fn notice(text: &str) -> String {
    format!("{DIM}{} {NOTICE} {}{PLAIN}", now(), visible(text.as_bytes()))
}

/// The sender's name for Tab, if it is printable.
pub fn name_to_offer(message: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(ParsedMessage::of(message).name?).ok()?;
    (crate::text::is_plain(name) && !crate::text::is_blank(name)).then_some(name)
}

pub fn now() -> String {
    Local::now().format("%H:%M").to_string()
}

/// True for a name that cannot pass for a mark or for a part of the time.
fn shows_as_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !name.contains(':')
}

/// Lines of a message: `14:02 bob : salut`.
pub fn message_lines(time: &str, message: &[u8], origin: Origin, colours: Colours) -> Vec<String> {
    let ParsedMessage { name, text } = ParsedMessage::of(message);
    let mut lines =
        text.split(|&byte| byte == b'\n').map(|line| visible(line.strip_suffix(b"\r").unwrap_or(line)));
    let name = match name.map(visible) {
        Some(name) if origin != Origin::Others || shows_as_name(&name) => {
            format!("{} : ", colours.of(&name, &name))
        }
        Some(name) => format!("{NAMELESS}{name} : "),
        None => NAMELESS.to_string(),
    };
    let first = format!("{name}{}", lines.next().unwrap_or_default());
    let own = |mark| format!("{DIM}{time}{PLAIN} {BOLD}{mark} {first}{PLAIN}");
    let first = match origin {
        Origin::Others => format!("{DIM}{time}{PLAIN} {first}"),
        Origin::Own => own(OWN),
        Origin::Sent => own(SENT),
        Origin::Lost => format!("{} {DIM}{}{PLAIN}", own(SENT), messages::MAY_BE_LOST),
        Origin::Refused => format!("{} {DIM}{}{PLAIN}", own(SENT), messages::REFUSED),
    };
    // Further lines are indented: none passes for another message.
    [first].into_iter().chain(lines.map(|line| format!("    | {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the colours.
    fn shown(message: &str, origin: Origin) -> Vec<String> {
        let plain = |line: String| [BOLD, DIM, PLAIN].iter().fold(line, |line, code| line.replace(code, ""));
        message_lines("14:02", message.as_bytes(), origin, Colours::None).into_iter().map(plain).collect()
    }

    #[test]
    fn each_origin_is_marked_without_colours() {
        assert_eq!(shown("bob : salut\0", Origin::Others), ["14:02 bob : salut"]);
        assert_eq!(shown("\u{feff}bob : salut\0", Origin::Others), ["14:02 bob : salut"]);
        assert_eq!(shown("\r\n\u{feff}bob : salut\0", Origin::Others), ["14:02 bob : salut"]);
        assert_eq!(shown("bob > salut\n\0", Origin::Own), ["14:02 » bob : salut"]);
        assert_eq!(shown("sans nom", Origin::Others), ["14:02 ? : sans nom"]);
        assert_eq!(shown("a : x", Origin::Sent), ["14:02 › a : x"]);
        assert_eq!(shown("a : x", Origin::Lost), ["14:02 › a : x (perdu avec la connexion ?)"]);
        assert_eq!(shown("a : x", Origin::Refused), ["14:02 › a : x (non transmis)"]);
    }

    #[test]
    fn no_message_passes_for_ones_own_or_for_a_notice() {
        for (message, expected) in [
            ("» alice : moi", "14:02 ? : » alice : moi"),
            ("» alice", "14:02 ? : » alice"),
            ("› alice : moi", "14:02 ? : › alice : moi"),
            (" » alice : moi", "14:02 ? :  » alice : moi"),
            ("-- de nouveau connecté", "14:02 ? : -- de nouveau connecté"),
            ("-- eve : x", "14:02 ? : -- eve : x"),
            ("? : x", "14:02 ? : ? : x"),
            ("14:02 bob : x", "14:02 ? : 14:02 bob : x"),
            ("14:02 > x", "14:02 ? : 14:02 : x"),
            // Names as students have them.
            ("21904567 : x", "14:02 21904567 : x"),
            ("_max : x", "14:02 _max : x"),
            ("élodie : x", "14:02 élodie : x"),
        ] {
            assert_eq!(shown(message, Origin::Others), [expected]);
        }
        // One's own pseudo may begin as one likes.
        assert_eq!(shown("[x] : moi", Origin::Own), ["14:02 » [x] : moi"]);
    }

    #[test]
    fn control_characters_are_visible_and_no_line_is_forged() {
        assert_eq!(
            shown("e\x1b[m : \x1b[2J\r\nbob : x\x07", Origin::Others),
            ["14:02 e^[[m : ^[[2J", "    | bob : x^G"]
        );
        assert_eq!(shown("e\u{202e} : \u{9b}1m", Origin::Others), ["14:02 e<U+202E> : <U+009B>1m"]);
    }

    #[test]
    fn only_printable_names_are_offered() {
        assert_eq!(name_to_offer("élodie : x".as_bytes()), Some("élodie"));
        for message in ["x", "\x1b[m : x", "\u{202e} : x", "\u{200d} : x"] {
            assert_eq!(name_to_offer(message.as_bytes()), None, "{message:?}");
        }
    }
}
