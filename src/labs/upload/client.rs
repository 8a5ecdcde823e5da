//! The client: reads the file once for its digest, connects, sends it, reports the server's
//! verdict.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::INTERRUPTED;
use super::header::Header;
use super::name::Name;
use super::outgoing::Outgoing;
use super::output::Output;
use super::progress;
use super::source::Source;
use super::transfer::{End, MAX_LEN, Transfer};
use super::verdict::{Verdict, trim_end};
use crate::cli::Program;
use crate::client::{Connector, Messages, ServerAddress, Target, connect_with, prepare};
use crate::sys::Signals;
use crate::text::visible;

pub const PROGRAM: Program = Program::english("upload_client");

const MESSAGES: Messages = Messages { program: PROGRAM };

/// Deadline for a silent server, which may have to bring the file to its disk meanwhile.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sent by a legacy client after its text.
const END_OF_TEXT: &[u8] = b" \n";

/// Sends the file and prints the server's lines on standard output. `as_text`: without a header,
/// for the course's server. Every error means that the server may not have the whole file.
pub fn upload(path: &Path, server: &ServerAddress, as_text: bool) -> anyhow::Result<()> {
    let server = Target::resolve(MESSAGES, server)?;
    let mut signals = prepare()?;
    let source = Source::open(path)?;
    // A name that the server would refuse is refused before connecting.
    let component = path.file_name().unwrap_or_default().as_encoded_bytes();
    let name = (!as_text).then(|| Name::check(component).map_err(anyhow::Error::msg)).transpose()?;
    let progress = progress::start("Reading", source.expected_size);
    let digest = source.digest(|size| {
        progress.set_position(size);
        ensure!(signals.take().is_empty(), INTERRUPTED);
        Ok(())
    })?;
    // Clears the bar.
    drop(progress);
    let (head, tail) = match name {
        None => {
            ensure!(!digest.holds_nul, "cannot send {} as text: it holds a NUL", path.display());
            (Vec::new(), END_OF_TEXT)
        }
        Some(name) => (Header { size: digest.size, sha256: digest.sha256, name }.encode(), &b""[..]),
    };
    send(path, &server, Outgoing::new(head, &source, &digest, tail), &mut signals)
}

fn send(path: &Path, server: &Target, mut outgoing: Outgoing, signals: &mut Signals) -> anyhow::Result<()> {
    let output = Output::stdout();
    let mut connector = Connector::new(server);
    let connection = connect_with(MESSAGES, &mut connector, signals)?.context(INTERRUPTED)?;
    let mut transfer = Transfer::new(connection, signals, TIMEOUT).context("fcntl")?;
    if let Some(greeting) = transfer.greeting()? {
        output.line(&visible(trim_end(&greeting)), transfer.signals)?;
    }
    let progress = progress::start("Sending", outgoing.file_size);
    let all_sent = transfer.send(&mut outgoing, &progress)?;
    // Clears the bar.
    drop(progress);
    let (answer, end) = transfer.answer()?;
    let answer = trim_end(&answer);
    if !answer.is_empty() {
        output.line(&visible(answer), signals)?;
    }
    let sent = format!("{} of {} bytes", outgoing.sent_of_file(), outgoing.file_size);
    match (Verdict::of(answer), end) {
        // Its end, where a verdict would stand, is unknown.
        (_, End::TooLong) => {
            bail!("the server says more than {MAX_LEN} bytes: is it an upload server?")
        }
        (Some(Verdict::Success), _) if all_sent => Ok(()),
        (Some(Verdict::Success), _) => bail!("the server was content with {sent}"),
        (Some(Verdict::Error), _) => bail!("the server did not keep {}", path.display()),
        (None, End::Broken(reason)) => bail!("the connection broke after {sent}: {reason}"),
        (None, End::Silent(time)) => bail!("the server was silent for {time:?} after {sent}"),
        (None, _) if answer.is_empty() => {
            bail!("the server closed the connection after {sent}, without an answer")
        }
        (None, _) => bail!("the server's answer ends neither in [SUCCESS] nor in [ERROR], after {sent}"),
    }
}
