//! The server: sends a greeting, receives a file, sends one line of answer.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use super::receive::{Failure, receive};
use super::store::Store;
use crate::cli::Program;
use crate::server::first_bytes::Expected;
use crate::server::{
    self, ClientHandler, Disconnect, Options, ServeMode, Session, lowest_own_descriptor, startup,
};
use crate::sys::{Pid, Profile};

pub const PROGRAM: Program = Program::english("upload_serveur");

const GREETING: &[u8] = b"upload_serveur: send your file\r\n";

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
        let (answer, result) = match receive(session, &self.store, self.max_bytes) {
            Ok(received) => (format!("{received} [SUCCESS]"), Ok(())),
            Err(Failure::Rejected(why)) => (format!("{why} [ERROR]"), Ok(())),
            Err(Failure::Disconnected(end, size)) => match interrupted(&end, size) {
                Some(why) => (format!("{why} [ERROR]"), Err(end)),
                None => return Err(end),
            },
        };
        session.log(&answer);
        session.send_final(answer.as_bytes());
        result
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
