//! The server: connects a calculator to a socket and prints the outcome of each line.

use super::calculator::{Calculator, LineOutcome};
use crate::cli::Program;
use crate::server::first_bytes::Expected;
use crate::server::{self, ClientHandler, Disconnect, Options, ServeMode, Session, startup};
use crate::sys::Profile;

pub const PROGRAM: Program = Program::english("calc_serveur");

/// Bytes of one `read`, at most.
const CHUNK: usize = 1024;

/// An iterative server gives each client one sum, else any number of them.
struct Calc(ServeMode);

impl ClientHandler for Calc {
    const PROGRAM: Program = PROGRAM;
    const PROFILE: Profile = Profile::Talk;
    const EXPECTED: Option<Expected> = Some(Expected::Text);

    fn serve(&self, session: &mut Session) -> Result<(), Disconnect> {
        session.send(Calculator::greeting().as_bytes())?;
        let (mut calculator, mut chunk) = (Calculator::new(self.0.iterative), [0; CHUNK]);
        while !calculator.is_over() {
            let mut replies = String::new();
            match session.read(&mut chunk) {
                Ok(n) => answer(session, &calculator.feed(&chunk[..n], &mut replies), &replies)?,
                Err(Disconnect::Closed) => {
                    answer(session, calculator.finish(&mut replies).as_slice(), &replies)?;
                    return Err(Disconnect::Closed);
                }
                Err(Disconnect::Idle) => {
                    let seconds = self.0.idle_timeout.unwrap_or_default().as_secs();
                    session.send(format!("Nothing came for {seconds} s: goodbye.\n").as_bytes())?;
                    return Err(Disconnect::Idle);
                }
                Err(end) => return Err(end),
            }
        }
        Ok(())
    }

    fn refusal(reason: &str) -> Vec<u8> {
        format!("{reason}\r\n").into_bytes()
    }
}

/// Prints the outcomes and sends the replies to all lines with one write.
fn answer(session: &mut Session, outcomes: &[LineOutcome], replies: &str) -> Result<(), Disconnect> {
    let peer = session.peer;
    outcomes.iter().for_each(|outcome| session.log(format_args!("{peer}: {outcome}")));
    session.send(replies.as_bytes())
}

/// Runs the server until SIGINT or SIGTERM.
pub fn serve(options: &Options, way: ServeMode) -> anyhow::Result<()> {
    server::run(options, way, startup()?, || Ok(Calc(way)))
}
