//! The server: gives a conversation its socket, and prints what each line has come to.

use std::time::Duration;

use super::calculator::{Calculator, Step};
use crate::cli::Program;
use crate::server::{self, ClientHandler, Disconnect, Options, ServeMode, Session, startup};
use crate::sys::Profile;

/// Its name.
pub const PROGRAM: Program = Program::english("calc_serveur");

/// The most bytes of one `read`.
const CHUNK: usize = 1024;

struct Calc {
    one_sum: bool,
    patience: Option<Duration>,
}

impl ClientHandler for Calc {
    const PROGRAM: Program = PROGRAM;
    const PROFILE: Profile = Profile::Talk;

    fn serve(&self, session: &mut Session) -> Result<(), Disconnect> {
        session.send(Calculator::greeting().as_bytes())?;
        let (mut calculator, mut chunk) = (Calculator::new(self.one_sum), [0; CHUNK]);
        while !calculator.is_over() {
            let mut replies = String::new();
            match session.read(&mut chunk) {
                Ok(n) => answer(session, &calculator.hear(&chunk[..n], &mut replies), &replies)?,
                Err(Disconnect::Closed) => {
                    answer(session, calculator.hear_the_end(&mut replies).as_slice(), &replies)?;
                    return Err(Disconnect::Closed);
                }
                Err(Disconnect::Idle) => {
                    session.send(self.silent_too_long().as_bytes())?;
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

impl Calc {
    /// What a client is told that was.
    fn silent_too_long(&self) -> String {
        let seconds = self.patience.unwrap_or_default().as_secs();
        format!("Nothing came for {seconds} s: goodbye.\n")
    }
}

/// Prints what the lines of the client have come to, and sends the replies to all of them at once.
fn answer(session: &mut Session, steps: &[Step], replies: &str) -> Result<(), Disconnect> {
    let peer = session.peer;
    steps.iter().for_each(|step| session.log(format_args!("{peer}: {step}")));
    session.send(replies.as_bytes())
}

/// Runs the server until SIGINT or SIGTERM: if `iterative`, one client at a time and one sum for each, else a child for each
/// client and as many sums as it likes. A client that is silent for as long as `patience` is told so and left.
///
/// # Errors
/// Whatever the system refuses, with what was being done.
pub fn serve(options: &Options, iterative: bool, patience: Option<Duration>) -> anyhow::Result<()> {
    let calc = || Ok(Calc { one_sum: iterative, patience });
    server::run(options, ServeMode { iterative, patience }, startup()?, calc)
}
