//! The server: connects a calculator to a socket and prints the outcome of each line.

use std::time::Instant;

use super::calculator::{Calculator, LineOutcome, MAX_LEN};
use crate::cli::Program;
use crate::hub::framing::{FrameDecoder, Framing};
use crate::server::first_bytes::Expected;
use crate::server::telnet::NO_TIMING_MARK;
use crate::server::{self, ClientHandler, Disconnect, Options, ServeMode, Session, startup};
use crate::sys::Profile;

pub const PROGRAM: Program = Program::english("calc_serveur");

/// An iterative server gives each client one sum, else any number of them.
struct Calc(ServeMode);

impl ClientHandler for Calc {
    const PROGRAM: Program = PROGRAM;
    const PROFILE: Profile = Profile::Talk;
    const EXPECTED: Option<Expected> = Some(Expected::Text);

    fn serve(&self, session: &mut Session) -> Result<(), Disconnect> {
        session.send(Calculator::greeting().as_bytes())?;
        // A line that fills the buffer is too long, and answered at once.
        let (mut calculator, mut buffer) = (Calculator::new(self.0.iterative), [0; MAX_LEN + 1]);
        let mut decoder = FrameDecoder::of_client(&mut buffer, Framing::Lines);
        while !calculator.is_over() {
            let end = read(session, &mut decoder).err();
            let (mut replies, has_ended) = (String::new(), matches!(end, Some(Disconnect::Closed)));
            let mut outcomes = Vec::new();
            decoder.take(Instant::now(), has_ended, |lines| {
                outcomes = calculator.feed(lines, &mut replies);
                Ok::<(), Disconnect>(())
            })?;
            if has_ended {
                outcomes.extend(calculator.finish(&mut replies));
            }
            answer(session, &outcomes, &replies)?;
            match end {
                None => {}
                Some(Disconnect::Idle) => {
                    let seconds = self.0.idle_timeout.unwrap_or_default().as_secs();
                    session.send(format!("Nothing came for {seconds} s: goodbye.\n").as_bytes())?;
                    return Err(Disconnect::Idle);
                }
                Some(end) => return Err(end),
            }
        }
        Ok(())
    }

    fn refusal(reason: &str) -> Vec<u8> {
        format!("{reason}\r\n").into_bytes()
    }
}

/// Reads once, or until bytes that are held no longer wait for others.
fn read(session: &mut Session, decoder: &mut FrameDecoder) -> Result<(), Disconnect> {
    let began = Instant::now();
    let n = match decoder.deadline() {
        Some(at) => session.read_within(Some(at.saturating_duration_since(began)), decoder.spare())?,
        None => Some(session.read(decoder.spare())?),
    };
    decoder.waited(began.elapsed());
    if let Some(n) = n {
        decoder.filled(n);
    }
    if decoder.take_timing_mark() {
        session.send(NO_TIMING_MARK)?;
    }
    Ok(())
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
