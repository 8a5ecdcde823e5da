//! The client: looks through the file, connects, sends, and says what the server made of it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::header::Header;
use super::name::Name;
use super::output::Output;
use super::progress::Progress;
use super::source::{Source, Survey};
use super::transfer::{End, Exchange, INTERRUPTED, MAX_LEN, Outgoing, Verdict, text_of};
use crate::cli::Program;
use crate::client::{Messages, Target, prepare, try_connect};
use crate::sys::Signals;
use crate::text::visible;

/// Its name.
pub const PROGRAM: Program = Program::english("upload_client");

const MESSAGES: Messages = Messages { program: PROGRAM };

/// How long the server may be silent. What it has to do meanwhile is to bring the file to its disk.
const SILENCE: Duration = Duration::from_secs(60);

/// What a legacy client sends after its text.
const END_OF_TEXT: &[u8] = b" \n";

/// What to send, and to whom.
#[derive(Debug)]
pub struct Request {
    /// The file.
    pub path: PathBuf,
    /// The server, an address or a name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// As the text that a course's server knows, in place of a header and the bytes.
    pub as_text: bool,
}

/// Sends the file. What the server says is printed on standard output.
///
/// # Errors
/// Why the server does not have the whole file for sure: its refusal, its silence, a file that cannot be read or may not be
/// called so, the user's signal.
pub fn upload(request: &Request) -> anyhow::Result<()> {
    let server = Target::resolve(MESSAGES, &request.host, request.port)?;
    let mut signals = prepare()?;
    let source = Source::open(&request.path)?;
    let name = if request.as_text { None } else { Some(name_of(request)?) };
    let survey = look_through(&source, &mut signals)?;
    let (head, tail) = match name {
        None => {
            ensure!(!survey.holds_nul, "cannot send {} as text: it holds a NUL", request.path.display());
            (Vec::new(), END_OF_TEXT)
        }
        Some(name) => (Header { size: survey.size, sha256: survey.sha256, name }.encode(), &b""[..]),
    };
    send(request, &server, Outgoing::new(head, source.replay(&survey), tail), &mut signals)
}

/// What the server would refuse is refused before it is asked.
fn name_of(request: &Request) -> anyhow::Result<Name> {
    let component = request.path.file_name().unwrap_or_default();
    Name::check(component.as_encoded_bytes()).map_err(anyhow::Error::msg)
}

fn look_through(source: &Source, signals: &mut Signals) -> anyhow::Result<Survey> {
    let progress = Progress::start("Reading", source.expected_size());
    source.survey(|size| {
        progress.reaches(size);
        ensure!(signals.take().is_empty(), INTERRUPTED);
        Ok(())
    })
}

/// Connects, sends, prints what the server says, and judges it.
fn send(
    request: &Request,
    server: &Target,
    mut outgoing: Outgoing,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let output = Output::stdout();
    let connection = try_connect(MESSAGES, server, signals)?.context(INTERRUPTED)?;
    let mut exchange = Exchange::new(connection, signals, SILENCE).context("fcntl")?;
    if let Some(greeting) = exchange.greeting()? {
        output.say(&visible(text_of(&greeting)), exchange.signals())?;
    }
    let progress = Progress::start("Sending", outgoing.size());
    let all_sent = exchange.send(&mut outgoing, &progress)?;
    // The bar leaves a clean line.
    drop(progress);
    let (answer, end) = exchange.answer()?;
    let answer = text_of(&answer);
    if !answer.is_empty() {
        output.say(&visible(answer), signals)?;
    }
    let sent = format!("{} of {} bytes", outgoing.sent_of_file(), outgoing.size());
    match (Verdict::of(answer), end) {
        // What is too long has no end that could be judged.
        (_, Some(End::TooLong)) => {
            bail!("the server says more than {MAX_LEN} bytes: is it an upload server?")
        }
        (Some(Verdict::Success), _) if all_sent => Ok(()),
        (Some(Verdict::Success), _) => bail!("the server was content with {sent}"),
        (Some(Verdict::Error), _) => bail!("the server did not keep {}", request.path.display()),
        (None, Some(End::Broken(reason))) => bail!("the connection broke after {sent}: {reason}"),
        (None, Some(End::Silent(time))) => bail!("the server was silent for {time:?} after {sent}"),
        (None, _) if answer.is_empty() => {
            bail!("the server closed the connection after {sent}, without an answer")
        }
        (None, _) => bail!("the server's answer ends neither in [SUCCESS] nor in [ERROR], after {sent}"),
    }
}
