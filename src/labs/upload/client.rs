//! The client: reads the file once for its digest, connects, sends it in the form that the server
//! takes, reports the server's verdict.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};

use super::INTERRUPTED;
use super::form::{END_OF_TEXT, MAX_LINE, check_length, check_line, is_ours};
use super::header::Header;
use super::input::Input;
use super::name::Name;
use super::outgoing::Outgoing;
use super::output::Output;
use super::progress;
use super::source::{FileDigest, Source};
use super::transfer::{End, MAX_LEN, Opening, Transfer};
use super::verdict::{Verdict, trim_end};
use crate::cli::Program;
use crate::client::{Connector, Messages, ServerAddress, Target, connect_with, prepare_keeping};
use crate::sys::{Signals, plain_reason};
use crate::text::visible;

pub const PROGRAM: Program = Program::english("upload_client");
pub const MESSAGES: Messages = Messages { program: PROGRAM };

/// Deadline for a silent server, which may have to bring the file to its disk meanwhile.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that one `recv` takes whole, with or without room for a NUL: few buffers are smaller.
const ONE_READ: u64 = 31;

/// A file to send, read once.
struct Upload {
    /// For messages.
    path: PathBuf,
    source: Source,
    digest: FileDigest,
    /// `None`: without a header, to any server.
    name: Option<Name>,
}

/// Sends the file and prints the server's lines on standard output. `as_text`: without a header,
/// whatever the server's greeting. Every error means that the server may not have the whole file.
pub fn upload(path: &Path, server: &ServerAddress, as_text: bool) -> anyhow::Result<()> {
    let input = Input::open(path)?;
    let path = input.path.clone();
    let server = Target::resolve(MESSAGES, server)?;
    let mut signals = prepare_keeping(&input.file)?;
    // A name that the server would refuse is refused before connecting.
    let name = (!as_text).then(|| Name::check(&input.name).map_err(anyhow::Error::msg)).transpose()?;
    let source = input.into_source(&mut signals)?;
    let progress = progress::start("Reading", source.expected_size);
    let digest = source.digest(|size| {
        progress.set_position(size);
        ensure!(signals.take().is_empty(), INTERRUPTED);
        Ok(())
    })?;
    // Clears the bar.
    drop(progress);
    ensure!(!as_text || !digest.holds_nul, "cannot send {} as text: it holds a NUL", path.display());
    Upload { path, source, digest, name }.send(&server, &mut signals)
}

impl Upload {
    fn send(&self, server: &Target, signals: &mut Signals) -> anyhow::Result<()> {
        let output = Output::stdout();
        let mut connector = Connector::new(server);
        let connection = connect_with(MESSAGES, &mut connector, signals)?.context(INTERRUPTED)?;
        let mut transfer = Transfer::new(connection, signals, TIMEOUT).context("fcntl")?;
        let opening = transfer.opening()?;
        if let Opening::Greeting(line) = &opening {
            output.line(&visible(trim_end(line)), transfer.signals)?;
        }
        let mut outgoing = self.outgoing(&opening)?;
        let progress = progress::start("Sending", outgoing.file_size);
        let all_sent = transfer.send(&mut outgoing, &progress)?;
        // Clears the bar.
        drop(progress);
        let (answer, end) = transfer.answer()?;
        let answer = trim_end(&answer);
        if !answer.is_empty() {
            output.line(&visible(answer), signals)?;
        }
        self.judge(answer, &end, all_sent, &outgoing)?;
        if matches!(&opening, Opening::Greeting(line) if is_ours(line)) {
            return Ok(());
        }
        // A server that closes with bytes unread, or on their way, resets the connection. Where it
        // has read up to the newline of a line that is the whole file, only the end of the text is
        // left.
        let may_lack_a_part = !self.digest.has_newline || self.digest.size > ONE_READ;
        ensure!(
            !(may_lack_a_part && matches!(end, End::Broken(_))),
            "[SUCCESS], but then the connection broke: the server may not have read all of {}",
            self.path.display()
        );
        check_length(&self.beginning()?).map_err(|why| {
            let path = self.path.display();
            anyhow!("[SUCCESS] may be for a part of {path} only: {why}, and servers of courses keep no more")
        })?;
        if self.name.is_some() {
            PROGRAM.complain("not upload_serveur: the file was sent as a line of text, without its name");
        }
        Ok(())
    }

    /// The bytes for a server that begins so.
    fn outgoing(&self, opening: &Opening) -> anyhow::Result<Outgoing<'_>> {
        let Upload { source, digest, .. } = self;
        let (head, tail) = match (&self.name, opening) {
            (None, _) => (Vec::new(), END_OF_TEXT),
            (Some(_), Opening::Silence) => {
                bail!("the server does not greet: is it an upload server? To send it a text: --text")
            }
            (Some(_), Opening::Greeting(line)) if !is_ours(line) => {
                self.check_line()?;
                (Vec::new(), END_OF_TEXT)
            }
            (Some(name), _) => {
                let (size, sha256, name) = (digest.size, digest.sha256, name.clone());
                (Header { size, sha256, name }.encode(), &b""[..])
            }
        };
        Ok(Outgoing::new(head, source, digest, tail))
    }

    /// As many bytes of the file as tell whether it is a line.
    fn beginning(&self) -> anyhow::Result<Vec<u8>> {
        let mut file = Vec::new();
        self.source.reader(&self.digest).take(MAX_LINE + 1).read_to_end(&mut file)?;
        Ok(file)
    }

    /// Fails unless a server that keeps the first line only would keep the whole file.
    fn check_line(&self) -> anyhow::Result<()> {
        check_line(&self.beginning()?).map_err(|why| {
            anyhow!(
                "not upload_serveur, and servers of courses keep the first line only, so {} was not sent: \
                 {why}. To send it all the same: --text",
                self.path.display()
            )
        })
    }

    fn judge(&self, answer: &[u8], end: &End, all_sent: bool, outgoing: &Outgoing) -> anyhow::Result<()> {
        let sent = format!("{} of {} bytes", outgoing.sent_of_file(), outgoing.file_size);
        match (Verdict::of(answer), end) {
            // Its end, where a verdict would stand, is unknown.
            (_, End::TooLong) => {
                bail!("the server says more than {MAX_LEN} bytes: is it an upload server?")
            }
            (Some(Verdict::Success), _) if all_sent => Ok(()),
            (Some(Verdict::Success), _) => bail!("the server was content with {sent}"),
            (Some(Verdict::Error), _) => bail!("the server did not keep {}", self.path.display()),
            (None, End::Broken(reason)) => {
                bail!("the connection broke after {sent}: {}", plain_reason(reason))
            }
            (None, End::Silent(time)) => bail!("the server was silent for {time:?} after {sent}"),
            (None, _) if answer.is_empty() => {
                bail!("the server closed the connection after {sent}, without an answer")
            }
            (None, _) => bail!("the server's answer ends neither in [SUCCESS] nor in [ERROR], after {sent}"),
        }
    }
}
