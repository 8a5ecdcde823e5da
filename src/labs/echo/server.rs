//! The server: one read, one printed line, one write.

use crate::cli::Program;
use crate::server::first_bytes::Expected;
use crate::server::{self, ClientHandler, Disconnect, Options, ServeMode, Session, startup};
use crate::sys::Profile;
use crate::text::{Visible, character_boundary};

pub const PROGRAM: Program = Program::english("echo_serveur");

/// Bytes of one `read`, at most, as in the course.
const CHUNK: usize = 1024;

/// Bytes shown in one line, at most: a line of more than PIPE_BUF bytes could be torn by another
/// child's.
const SHOWN: usize = 512;

struct Echo;

impl ClientHandler for Echo {
    const PROGRAM: Program = PROGRAM;
    const PROFILE: Profile = Profile::Talk;
    /// It echoes whatever comes.
    const EXPECTED: Option<Expected> = None;

    fn serve(&self, session: &mut Session) -> Result<(), Disconnect> {
        let (peer, mut chunk) = (session.peer, [0; CHUNK]);
        loop {
            let n = session.read(&mut chunk)?;
            let mut rest = &chunk[..n];
            while !rest.is_empty() {
                let (shown, after) = rest.split_at(character_boundary(rest, SHOWN.min(rest.len())));
                session.log(format_args!("received from {peer}: {}", Visible(shown)));
                rest = after;
            }
            session.send(&chunk[..n])?;
        }
    }

    fn refusal(reason: &str) -> Vec<u8> {
        format!("{reason}\n").into_bytes()
    }
}

pub fn serve(options: &Options, way: ServeMode) -> anyhow::Result<()> {
    server::run(options, way, startup()?, || Ok(Echo))
}
