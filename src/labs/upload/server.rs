//! The server: sends a greeting, receives a file, sends one line of answer.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use super::GREETING;
use super::late_text::LateText;
use super::receive::{Failure, receive};
use super::store::Store;
use crate::cli::Program;
use crate::server::first_bytes::Expected;
use crate::server::{
    self, ClientHandler, Disconnect, Options, ServeMode, Session, lowest_own_descriptor, startup,
};
use crate::sys::{Pid, Profile};

pub const PROGRAM: Program = Program::english("upload_serveur");

struct Upload {
    store: Store,
    /// Largest file, in bytes.
    max_bytes: u64,
}

/// Runs the server until SIGINT or SIGTERM. Fails at once if the directory `dir` takes no files.
/// `idle_timeout`: of a client; `None`: no timeout.
pub fn serve(
    options: &Options,
    dir: &Path,
    max_bytes: u64,
    idle_timeout: Option<Duration>,
) -> anyhow::Result<()> {
    let limit = startup()?;
    server::run(options, ServeMode { iterative: false, idle_timeout }, limit, || {
        let store = Store::open(dir)?.move_high_numbered(lowest_own_descriptor(limit))?;
        Ok(Upload { store, max_bytes })
    })
}

impl ClientHandler for Upload {
    const PROGRAM: Program = PROGRAM;
    const PROFILE: Profile = Profile::Files;
    const EXPECTED: Option<Expected> = Some(Expected::File);

    fn serve(&self, session: &mut Session) -> Result<(), Disconnect> {
        session.send(GREETING)?;
        match receive(session, &self.store, self.max_bytes) {
            Ok((received, late)) => {
                answer(session, "", &received, "[SUCCESS]")?;
                late.map_or(Ok(()), |late| follow(session, late))
            }
            Err(failure) => refuse(session, "", failure),
        }
    }

    fn refusal(reason: &str) -> Vec<u8> {
        format!("{reason} [ERROR]").into_bytes()
    }

    fn directory(&self) -> Option<BorrowedFd<'_>> {
        Some(self.store.directory.as_fd())
    }

    fn child_ended(&self, child: Pid) {
        self.store.remove_leftover(child);
    }
}

/// `front`: what parts it from an answer before. The verdict of the last one counts.
fn answer(session: &mut Session, front: &str, text: &str, verdict: &str) -> Result<(), Disconnect> {
    session.log(format_args!("{text} {verdict}"));
    session.send_final(format!("{front}{text} {verdict}").as_bytes())
}

fn refuse(session: &mut Session, front: &str, failure: Failure) -> Result<(), Disconnect> {
    let (why, result) = match failure {
        Failure::Rejected(why) => (why, Ok(())),
        Failure::Disconnected(end, size) => match interrupted(&end, size) {
            Some(why) => (why, Err(end)),
            None => return Err(end),
        },
    };
    let answered = answer(session, front, &why, "[ERROR]");
    result.and(answered)
}

/// Answers what comes after a text whose end was guessed, until the client closes.
fn follow(session: &mut Session, mut late: LateText) -> Result<(), Disconnect> {
    loop {
        match late.next(session) {
            Ok(Some(received)) => answer(session, "\n", &received, "[SUCCESS]")?,
            Ok(None) => return Ok(()),
            Err(failure) => {
                if let Err(reason) = late.remove() {
                    let reason = PROGRAM.language.reasons(&reason);
                    session.log(format_args!("a part of a text is left: {reason}"));
                }
                return refuse(session, "\n", failure);
            }
        }
    }
}

/// `None` where the caller answers.
fn interrupted(end: &Disconnect, size: u64) -> Option<String> {
    Some(match end {
        Disconnect::Closed => "nothing was received".to_string(),
        Disconnect::Broken(_) => format!("the connection broke after {size} bytes"),
        Disconnect::Idle => {
            format!("nothing came for too long after {size} bytes, and the file was not at its end")
        }
        Disconnect::Stopped => format!("the server stops, after {size} bytes"),
        Disconnect::Foreign(_) => return None,
    })
}
