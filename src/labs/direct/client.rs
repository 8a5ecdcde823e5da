//! The client: gives its name, sends what is typed with its name before the message, and shows what it is given.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use super::message::{LONGEST, directed, parse};
use super::name::Name;
use super::words;
use crate::cli::Program;
use crate::client::{Dialogue, Lines, Words, connect, converse, find, prepare};
use crate::sys;
use crate::text::{VisibleStream, visible};

/// Its name.
pub const PROGRAM: Program = Program::english("direct_client");

const WORDS: Words = Words { program: PROGRAM };

struct Direct {
    name: Name,
    opening: String,
    on_terminal: bool,
    stream: VisibleStream,
    /// The screen stands in the middle of a received line.
    in_line: bool,
    verdict: Verdict,
}

impl Direct {
    fn prompt(&self, screen: &mut Vec<u8>) {
        if self.on_terminal {
            screen.extend_from_slice(format!("{}> ", self.name).as_bytes());
        }
    }

    /// What goes to the server for a typed line: one text, or more where the message is too long for one.
    ///
    /// # Errors
    /// Why the line is for nobody.
    fn texts(&self, line: &[u8]) -> Result<Vec<u8>, String> {
        let (to, message) = parse(line).map_err(|_| "write %name%message, as %bob%hello".to_string())?;
        let to = Name::new(to).map_err(|error| error.to_string())?;
        let speaker = [self.name.as_bytes(), b": "].concat();
        // `directed` adds a newline, which is no part of the text.
        let taken = directed(&to, &speaker).len() - 1;
        let (mut lines, mut parts) = (Lines::new(LONGEST - taken), Vec::new());
        lines.feed(message, |part| parts.push(part));
        // An empty message is a message.
        parts.extend(lines.finish().or_else(|| message.is_empty().then(Vec::new)));
        Ok(parts.iter().flat_map(|part| directed(&to, &[&speaker[..], part].concat())).collect())
    }

    /// As the messenger's client shows a message: newline, text, newline, prompt.
    fn show(&mut self, bytes: &[u8], screen: &mut Vec<u8>) {
        for part in self.stream.feed(bytes).split_inclusive('\n') {
            if !self.in_line {
                screen.push(b'\n');
            }
            screen.extend_from_slice(part.as_bytes());
            self.in_line = !part.ends_with('\n');
            if !self.in_line {
                self.prompt(screen);
            }
        }
    }
}

impl Dialogue for Direct {
    const LONGEST: usize = 64 * 1024;

    fn begin(&mut self, screen: &mut Vec<u8>) {
        screen.extend_from_slice(self.opening.as_bytes());
        self.prompt(screen);
    }

    fn listens(&self) -> bool {
        true
    }

    fn typed(&mut self, line: Vec<u8>, screen: &mut Vec<u8>) -> Vec<u8> {
        let texts = self.texts(&line).unwrap_or_else(|why| {
            PROGRAM.complain(&format!("not sent: {why}"));
            Vec::new()
        });
        self.prompt(screen);
        texts
    }

    fn heard(&mut self, bytes: &[u8], screen: &mut Vec<u8>) -> ControlFlow<String> {
        self.verdict.feed(bytes);
        match self.on_terminal {
            true => self.show(bytes, screen),
            false => screen.extend_from_slice(bytes),
        }
        ControlFlow::Continue(())
    }

    fn may_be_closed(&self) -> bool {
        false
    }

    fn failure(&self) -> Option<String> {
        self.verdict.was_refused().then(|| "the server refused us".to_string())
    }
}

/// Whether the last line that the server has sent is one by which it sends a client away. Pure.
#[derive(Debug)]
struct Verdict {
    /// How such a line begins.
    refusal: Vec<u8>,
    /// As much of the last line as that is long.
    line: Vec<u8>,
    line_ended: bool,
}

impl Verdict {
    fn new() -> Verdict {
        let refusal = words::last_error("").trim_end_matches('\n').as_bytes().to_vec();
        Verdict { refusal, line: Vec::new(), line_ended: false }
    }

    fn feed(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if std::mem::replace(&mut self.line_ended, part.ends_with(b"\n")) {
                self.line.clear();
            }
            let lacking = self.refusal.len() - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(lacking)]);
        }
    }

    fn was_refused(&self) -> bool {
        self.line == self.refusal
    }
}

/// Connects to `host` as `name`, and talks until keyboard, user or server end it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(name: Name, host: &str, port: u16) -> anyhow::Result<()> {
    let server = find(WORDS, host, port)?;
    let mut signals = prepare()?;
    let Some(connection) = connect(WORDS, &server, &mut signals)? else { return Ok(()) };
    // A new connection takes a line at once. One that does not is gone already: the server's last words tell why.
    let _ = sys::send_now(&connection, &[name.as_bytes(), b"\n"].concat());
    let on_terminal = io::stdout().is_terminal();
    let opening = match on_terminal {
        true => format!(
            "Connected to {} port {port} as {name}: write %name%message, as %bob%hello (Ctrl+D to leave)\n",
            visible(host.as_bytes())
        ),
        false => String::new(),
    };
    let (stream, verdict) = (VisibleStream::default(), Verdict::new());
    let direct = Direct { name, opening, on_terminal, stream, in_line: false, verdict };
    converse(WORDS, &connection, signals, direct)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> Direct {
        Direct {
            name: Name::new(name.as_bytes()).unwrap(),
            opening: String::new(),
            on_terminal: true,
            stream: VisibleStream::default(),
            in_line: false,
            verdict: Verdict::new(),
        }
    }

    #[test]
    fn the_speakers_name_stands_before_the_message() {
        let texts =
            |line: &str| client("alice").texts(line.as_bytes()).map(|b| String::from_utf8(b).unwrap());
        assert_eq!(texts("%bob%hello"), Ok("%bob%alice: hello\n".to_string()));
        assert_eq!(texts("%bob%50% off\r"), Ok("%bob%alice: 50% off\r\n".to_string()));
        assert_eq!(texts("%bob%"), Ok("%bob%alice: \n".to_string()));
        assert!(texts("hello").unwrap_err().contains("%name%message"));
        assert!(texts(&format!("%{}%hello", "x".repeat(65))).unwrap_err().contains("at most 64 bytes"));
    }

    #[test]
    fn a_long_message_goes_in_texts_that_each_fit_and_nothing_is_lost() {
        let message = "é€🦀x".repeat(500);
        let sent = client("élodie").texts(format!("%bob%{message}").as_bytes()).unwrap();
        let texts: Vec<&str> = std::str::from_utf8(&sent).unwrap().lines().collect();
        assert!(texts.len() > 4 && texts.iter().all(|text| text.len() <= LONGEST));
        assert!(texts.iter().any(|text| text.len() > LONGEST - 4));
        let parts = texts.iter().map(|text| text.strip_prefix("%bob%élodie: ").unwrap());
        assert_eq!(parts.collect::<String>(), message);
    }

    #[test]
    fn messages_are_shown_whole_however_they_come_and_the_prompt_follows_each() {
        let (mut bob, mut screen) = (client("bob"), Vec::new());
        for bytes in [&b"alice: h"[..], b"i \x1b[2J\nal", b"ice: bye\n\n"] {
            bob.show(bytes, &mut screen);
        }
        let expected = "\nalice: hi ^[[2J\nbob> \nalice: bye\nbob> \n\nbob> ";
        assert_eq!(String::from_utf8(screen).unwrap(), expected);
    }

    #[test]
    fn the_servers_last_line_tells_a_refusal_from_a_mistake() {
        let refused = |pieces: &[&str]| {
            let mut verdict = Verdict::new();
            pieces.iter().for_each(|piece| verdict.feed(piece.as_bytes()));
            verdict.was_refused()
        };
        let refusal = words::last_error("the name \"bob\" is taken");
        assert!(refused(&[&refusal]));
        assert!(refused(&["alice: hi\n[ERR", "OR] direct_ser", "veur: no name"]));
        assert!(!refused(&[&refusal, "alice: hi\n"]) && !refused(&[]));
        assert!(
            !refused(&["[ERROR] no client is called \"x\"\n"])
                && !refused(&["alice: [ERROR] direct_serveur: \n"])
        );
    }
}
