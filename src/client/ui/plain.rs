//! Plain output: bytes for a pipe, or for a terminal in canonical mode, which echoes typed lines by
//! itself.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::bail;
use nix::errno::Errno;

use super::{InputChunk, Prompt, Rejects, Ui, UiMode};
use crate::client::{Messages, UiSources, end_at_once};
use crate::sys::{self, Backoff, Interest, PIPE_BUF};
use crate::text::VisibleStream;

/// Pending bytes beyond which the server is not read.
const MAX_PENDING: usize = 64 * 1024;

/// Time for the output to take what is pending once a signal has ended the client.
const AFTER_SIGNAL: Duration = Duration::from_secs(1);

pub struct Plain {
    messages: Messages,
    is_terminal: bool,
    stream: VisibleStream,
    pending: Vec<u8>,
    /// The output's last byte is no newline.
    in_line: bool,
    /// The output ends with the prompt.
    is_prompted: bool,
    /// The newline typed after the output's last byte was echoed elsewhere: the keyboard is no
    /// terminal.
    lacks_newline: bool,
    /// Printed at the beginning of each line while it is due.
    prompt: Option<String>,
    keyboard: io::Stdin,
    is_interrupted: bool,
    /// A terminal is opened anew, non-blocking: Ctrl+S may stop it in the middle of a write. So is
    /// a pipe: another process may fill it between poll(2) and a write.
    out: Box<dyn AsFd>,
}

impl Plain {
    pub fn new(messages: Messages) -> Plain {
        let mut plain = Plain::on(io::stdout().is_terminal(), messages);
        let anew = sys::reopen_terminal(io::stdout()).or_else(|| sys::reopen_pipe(io::stdout()));
        if let Some(out) = anew {
            plain.out = Box::new(out);
        }
        plain
    }

    pub fn on(is_terminal: bool, messages: Messages) -> Plain {
        Plain {
            messages,
            is_terminal,
            stream: VisibleStream::default(),
            pending: Vec::new(),
            in_line: false,
            is_prompted: false,
            lacks_newline: false,
            prompt: None,
            keyboard: io::stdin(),
            is_interrupted: false,
            out: Box::new(io::stdout()),
        }
    }

    /// Leaves the prompt's line first, and prints the prompt again after each whole line.
    fn put(&mut self, text: &[u8]) {
        for part in text.split_inclusive(|&byte| byte == b'\n') {
            if std::mem::take(&mut self.is_prompted) {
                self.pending.push(b'\n');
            }
            self.append(part);
            self.print_prompt();
        }
    }

    fn append(&mut self, text: &[u8]) {
        self.pending.extend_from_slice(text);
        (self.in_line, self.lacks_newline) = (!text.ends_with(b"\n"), false);
    }

    fn visible(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.is_terminal { self.stream.feed(bytes).into_bytes() } else { bytes.to_vec() }
    }

    fn print_prompt(&mut self) {
        if let Some(prompt) = &self.prompt
            && self.is_terminal
            && !self.in_line
            && !self.is_prompted
        {
            self.pending.extend_from_slice(prompt.as_bytes());
            (self.is_prompted, self.lacks_newline) = (!prompt.is_empty(), false);
        }
    }

    #[cfg(test)]
    pub fn shown(&self) -> String {
        String::from_utf8(self.pending.clone()).unwrap()
    }
}

impl Ui for Plain {
    fn mode(&self) -> UiMode {
        if self.is_terminal { UiMode::Plain } else { UiMode::Piped }
    }

    fn print_line(&mut self, line: &str) {
        self.put(format!("{line}\n").as_bytes());
    }

    fn server_text(&mut self, bytes: &[u8]) {
        let text = self.visible(bytes);
        self.put(&text);
    }

    fn unexpected_text(&mut self, bytes: &[u8]) {
        let text = self.visible(bytes);
        if !text.is_empty() {
            self.is_prompted = false;
            self.append(&text);
            self.print_prompt();
        }
    }

    fn end_line(&mut self) {
        let rest = self.stream.finish();
        self.print_line(&rest);
    }

    fn print_error(&mut self, line: &str) {
        self.messages.program.complain(line);
    }

    fn set_prompt(&mut self, prompt: Prompt) {
        self.prompt = prompt.is_due.then(|| prompt.text.to_string());
        self.print_prompt();
    }

    fn line_entered(&mut self, _line: &[u8]) {
        self.lacks_newline |= !self.keyboard.is_terminal() && (self.in_line || self.is_prompted);
        (self.in_line, self.is_prompted, self.prompt) = (false, false, None);
    }

    /// The terminal has echoed `^C`, and the closing message gets a line of its own.
    fn interrupted(&mut self) {
        self.is_interrupted = true;
        if self.is_terminal {
            self.pending.push(b'\n');
            (self.in_line, self.is_prompted) = (false, false);
        }
    }

    fn sources(&self) -> UiSources<'_> {
        UiSources {
            keyboard: Some(self.keyboard.as_fd()),
            screen: (!self.pending.is_empty()).then(|| (*self.out).as_fd()),
            has_room: self.pending.len() < MAX_PENDING,
            timeout: None,
        }
    }

    fn read_keyboard(&mut self, is_ready: bool, _rejects: Rejects) -> io::Result<InputChunk> {
        if !is_ready {
            return Ok(InputChunk::default());
        }
        let mut bytes = vec![0; 4096];
        let Some(n) = sys::read_some(&self.keyboard, &mut bytes)? else { return Ok(InputChunk::default()) };
        bytes.truncate(n);
        Ok(InputChunk { has_ended: bytes.is_empty(), bytes })
    }

    /// One write of at most PIPE_BUF bytes, which a pipe that poll(2) reports writable takes
    /// without blocking.
    fn draw(&mut self, is_ready: bool) -> anyhow::Result<()> {
        if is_ready {
            match sys::write_some(&*self.out, &self.pending[..self.pending.len().min(PIPE_BUF)]) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(reason) => bail!(self.messages.no_output(reason.desc())),
            }
        }
        Ok(())
    }

    /// Leaves the prompt's line on a terminal, for the closing message. Waits for a slow reader of
    /// the output, but after a signal for [`AFTER_SIGNAL`] at most: the reader may be stopped.
    fn close(mut self: Box<Self>) -> anyhow::Result<()> {
        end_at_once();
        if self.is_terminal && (self.in_line || self.is_prompted || self.lacks_newline) {
            self.pending.push(b'\n');
        }
        let until = self.is_interrupted.then(|| Instant::now() + AFTER_SIGNAL);
        let left = || until.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
        let mut backoff = Backoff::for_a_second();
        while !self.pending.is_empty() && !left().is_zero() {
            let before = self.pending.len();
            self.draw(sys::is_ready_within(&*self.out, Interest::Write, left()))?;
            if self.pending.len() < before {
                backoff = Backoff::for_a_second();
            } else if !backoff.failed() {
                break;
            }
        }
        if !self.pending.is_empty() && !self.is_interrupted {
            bail!(self.messages.no_output(Errno::EAGAIN.desc()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Program;

    const PROMPT: Prompt = Prompt { text: "> ", is_due: true, shows_questions: false };

    fn prompted(is_terminal: bool) -> Plain {
        let mut plain = Plain::on(is_terminal, Messages { program: Program::english("a_test") });
        plain.set_prompt(PROMPT);
        plain
    }

    #[test]
    fn output_leaves_the_prompts_line_and_the_prompt_comes_again() {
        let mut plain = prompted(true);
        plain.set_prompt(PROMPT);
        plain.server_text(b"un\ndeux\ntr");
        plain.server_text(b"ois\n");
        assert_eq!(plain.shown(), "> \nun\n> \ndeux\n> \ntrois\n> ");
    }

    #[test]
    fn a_typed_line_ends_the_prompts_line() {
        let mut plain = prompted(true);
        plain.line_entered(b"typed");
        plain.server_text(b"answer");
        plain.set_prompt(PROMPT);
        plain.server_text(b"\n");
        assert_eq!(plain.shown(), "> answer\n> ");
    }

    #[test]
    fn a_pipe_gets_no_prompts() {
        let mut plain = prompted(false);
        plain.server_text(b"un\nde");
        plain.server_text(b"ux");
        plain.end_line();
        assert_eq!(plain.shown(), "un\ndeux\n");
    }
}
