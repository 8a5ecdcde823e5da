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

/// The longest block of a client that receives into the buffer that it sends.
const MAX_BLOCK: usize = 4096;

/// An iterative server gives each client one sum, else any number of them.
struct Calc(ServeMode);

impl ClientHandler for Calc {
    const PROGRAM: Program = PROGRAM;
    const PROFILE: Profile = Profile::Talk;
    const EXPECTED: Option<Expected> = Some(Expected::Text);

    fn serve(&self, session: &mut Session) -> Result<(), Disconnect> {
        let mut received = Calculator::greeting();
        session.send(received.as_bytes())?;
        // A line that fills the buffer is too long, and answered at once.
        let (mut calculator, mut buffer) = (Calculator::new(self.0.iterative), [0; MAX_LEN + 1]);
        let mut decoder = FrameDecoder::of_client(&mut buffer, Framing::Lines);
        while !calculator.is_over() {
            let end = read(session, &mut decoder, &received).err();
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
            if !replies.is_empty() {
                received = replies;
            }
            match end {
                None => {}
                Some(Disconnect::Idle) => {
                    let seconds = self.0.idle_timeout.unwrap_or_default().as_secs();
                    let missing = if decoder.spare().len() > MAX_LEN { "Nothing" } else { "No line end" };
                    session.send(format!("{missing} came for {seconds} s: goodbye.\n").as_bytes())?;
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

/// Reads once, or until bytes that are held no longer wait for others. Of a block with leftovers of
/// what the client has `received`, the text alone is said.
fn read(session: &mut Session, decoder: &mut FrameDecoder, received: &str) -> Result<(), Disconnect> {
    let (began, mut block) = (Instant::now(), [0; MAX_BLOCK]);
    let until = decoder.deadline();
    let time = until.map_or(session.idle_timeout, |at| Some(at.saturating_duration_since(began)));
    let waiting = session.peek_within(time, &mut block)?;
    decoder.waited(began.elapsed());
    let Some(waiting) = waiting else { return until.map_or(Err(Disconnect::Idle), |_| Ok(())) };
    let block = &mut block[..waiting];
    let text = block.iter().position(|&byte| byte == 0);
    match text.filter(|_| decoder.is_block(block, received.as_bytes())) {
        Some(text) if text < decoder.spare().len() => {
            session.read(block)?;
            decoder.spare()[..text].copy_from_slice(&block[..text]);
            decoder.spare()[text] = b'\n';
            // A line ends once.
            decoder.filled(text + usize::from(!matches!(block[..text], [.., b'\r' | b'\n'])));
            decoder.filled_of(block);
        }
        _ => {
            let n = session.read(decoder.spare())?;
            decoder.filled(n);
        }
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
