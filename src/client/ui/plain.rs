//! The plain looks: bytes for a pipe, and for a terminal that shows what is typed by itself, as the courses' clients have it.

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};

use anyhow::bail;
use nix::errno::Errno;

use super::{Refuse, Typing, Ui, UiMode};
use crate::client::{ENDING, Messages};
use crate::sys::{self, PIPE_BUF};
use crate::text::VisibleStream;

/// Bytes that may wait; while there are more, the server is not read.
const MAX_WAITING: usize = 64 * 1024;

/// Standard input and output, and what stands at the end of this.
pub struct Plain {
    messages: Messages,
    is_terminal: bool,
    stream: VisibleStream,
    waiting: Vec<u8>,
    /// The last byte is no newline.
    in_line: bool,
    /// The prompt is the last thing on the screen.
    is_prompted: bool,
    /// The newline that was typed behind the last byte is not on this terminal: the keyboard is another.
    lacks_newline: bool,
    /// What is to stand there while the user is asked for a line.
    prompt: Option<String>,
    keyboard: io::Stdin,
    /// A terminal is opened once more, without blocking: its user may hold it in the middle of a write.
    out: Box<dyn AsFd>,
}

impl Plain {
    pub fn new(messages: Messages) -> Plain {
        let mut plain = Plain::on(io::stdout().is_terminal(), messages);
        if let Some(terminal) = sys::reopen_terminal(io::stdout()) {
            plain.out = Box::new(terminal);
        }
        plain
    }

    /// On a terminal, or off it.
    pub fn on(is_terminal: bool, messages: Messages) -> Plain {
        Plain {
            messages,
            is_terminal,
            stream: VisibleStream::default(),
            waiting: Vec::new(),
            in_line: false,
            is_prompted: false,
            lacks_newline: false,
            prompt: None,
            keyboard: io::stdin(),
            out: Box::new(io::stdout()),
        }
    }

    /// Text may end in the middle of a line. Where the prompt stands, it gets a line of its own, and the prompt comes once more after
    /// each whole line.
    fn put(&mut self, text: &[u8]) {
        for part in text.split_inclusive(|&byte| byte == b'\n') {
            if std::mem::take(&mut self.is_prompted) {
                self.waiting.push(b'\n');
            }
            self.append(part);
            self.show_prompt();
        }
    }

    fn append(&mut self, text: &[u8]) {
        self.waiting.extend_from_slice(text);
        (self.in_line, self.lacks_newline) = (!text.ends_with(b"\n"), false);
    }

    /// As it is for this look: on a terminal, nothing is obeyed.
    fn fit(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.is_terminal { self.stream.feed(bytes).into_bytes() } else { bytes.to_vec() }
    }

    fn show_prompt(&mut self) {
        if let Some(prompt) = &self.prompt
            && self.is_terminal
            && !self.in_line
            && !self.is_prompted
        {
            self.waiting.extend_from_slice(prompt.as_bytes());
            (self.is_prompted, self.lacks_newline) = (!prompt.is_empty(), false);
        }
    }

    /// What waits to be shown.
    #[cfg(test)]
    pub fn shown(&self) -> String {
        String::from_utf8(self.waiting.clone()).unwrap()
    }
}

impl Ui for Plain {
    fn look(&self) -> UiMode {
        if self.is_terminal { UiMode::Plain } else { UiMode::Piped }
    }

    fn say(&mut self, line: &str) {
        self.put(format!("{line}\n").as_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        let text = self.fit(bytes);
        self.put(&text);
    }

    fn late(&mut self, bytes: &[u8]) {
        let text = self.fit(bytes);
        if !text.is_empty() {
            self.is_prompted = false;
            self.append(&text);
            self.show_prompt();
        }
    }

    fn end_line(&mut self) {
        let rest = self.stream.finish();
        self.say(&rest);
    }

    fn complain(&mut self, line: &str) {
        self.messages.program.complain(line);
    }

    fn set_prompt(&mut self, prompt: &str, is_due: bool) {
        self.prompt = is_due.then(|| prompt.to_string());
        self.show_prompt();
    }

    /// The terminal has shown it, and its end, if it was typed there.
    fn entered(&mut self, _line: &[u8]) {
        self.lacks_newline |= !self.keyboard.is_terminal() && (self.in_line || self.is_prompted);
        (self.in_line, self.is_prompted, self.prompt) = (false, false, None);
    }

    /// A terminal shows the key as `^C`, and our last line gets one of its own.
    fn interrupted(&mut self) {
        if self.is_terminal {
            self.waiting.push(b'\n');
            (self.in_line, self.is_prompted) = (false, false);
        }
    }

    fn keyboard(&self) -> Option<BorrowedFd<'_>> {
        Some(self.keyboard.as_fd())
    }

    fn output(&self) -> BorrowedFd<'_> {
        (*self.out).as_fd()
    }

    fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    fn listen(&mut self, is_ready: bool, _refuse: Refuse) -> io::Result<Typing> {
        let mut bytes = vec![0; if is_ready { 4096 } else { 0 }];
        if is_ready {
            match nix::unistd::read(&self.keyboard, &mut bytes) {
                Ok(0) => return Ok(Typing { bytes: Vec::new(), has_ended: true }),
                Ok(n) => bytes.truncate(n),
                Err(Errno::EINTR | Errno::EAGAIN) => bytes.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Typing { bytes, has_ended: false })
    }

    /// One write: of PIPE_BUF bytes, which a pipe takes without blocking when poll says so.
    fn show(&mut self, is_ready: bool) -> anyhow::Result<()> {
        if is_ready {
            match nix::unistd::write(self.output(), &self.waiting[..self.waiting.len().min(PIPE_BUF)]) {
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(reason) => bail!(self.messages.no_output(reason.desc())),
            }
        }
        Ok(())
    }

    /// Where a prompt stands on a terminal, what is said next gets a line of its own.
    fn close(mut self: Box<Self>) -> anyhow::Result<()> {
        // From here on a signal ends the program at once: a terminal that is held could hold the last lines for ever.
        ENDING.into_iter().for_each(sys::default_signal);
        if self.is_terminal && (self.in_line || self.is_prompted || self.lacks_newline) {
            self.waiting.push(b'\n');
        }
        let written = io::stdout().write_all(&self.waiting).and_then(|()| io::stdout().flush());
        written.or_else(|error| {
            let reason = error.raw_os_error().map_or("", sys::system_reason);
            bail!(self.messages.no_output(reason))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::cli::Program;

    pub(crate) fn on(is_terminal: bool) -> Plain {
        Plain::on(is_terminal, Messages { program: Program::english("a_test") })
    }

    #[test]
    fn what_comes_at_a_prompt_gets_a_line_of_its_own_and_the_prompt_comes_again() {
        let mut plain = on(true);
        plain.set_prompt("> ", true);
        plain.set_prompt("> ", true);
        plain.text(b"un\ndeux\ntr");
        plain.text(b"ois\n");
        assert_eq!(plain.shown(), "> \nun\n> \ndeux\n> \ntrois\n> ");
    }

    #[test]
    fn a_line_that_was_typed_ends_the_prompts_line() {
        let mut plain = on(true);
        plain.set_prompt("> ", true);
        plain.entered(b"typed");
        plain.text(b"answer");
        plain.set_prompt("> ", true);
        plain.text(b"\n");
        assert_eq!(plain.shown(), "> answer\n> ");
    }

    #[test]
    fn off_a_terminal_there_are_no_prompts() {
        let mut plain = on(false);
        plain.set_prompt("> ", true);
        plain.text(b"un\nde");
        plain.text(b"ux");
        plain.end_line();
        assert_eq!(plain.shown(), "un\ndeux\n");
    }
}
