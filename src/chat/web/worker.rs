//! A child of the third door: it reads what a browser asks, then, if that is the room, what it says there. Like every child it
//! writes records alone.

use std::io::{self, PipeWriter};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::request::{MAX, Route, Site, is_head, route};
use super::response::Response;
use super::ws_decode::{WsDecoder, WsEvent};
use crate::chat::proc_title::ProcTitle;
use crate::hub::record::{Batch, IDLE, Kind, closed};
use crate::hub::worker::{CHUNK, DONE, push, wait, write};
use crate::sys::{self, Pid};

/// How long the head of a request may take. A browser opens connections before it needs them, so one may also never come.
const HEAD: Duration = Duration::from_secs(10);

/// Serves `socket`, a visitor of `site`, until its client or the hub is gone. With `tell_reads`, the hub is told of each `read`.
/// Once it is in the room, it may say nothing for as long as `idle`, if there is such a limit. `tag` shows who speaks.
// Inside its caller, its stack would be that of every other door's children too: a large frame is touched page by page.
#[inline(never)]
pub fn serve(
    socket: &TcpStream,
    pipe: &PipeWriter,
    site: &Site,
    tell_reads: bool,
    idle: Option<Duration>,
    tag: ProcTitle,
) -> i32 {
    let mut visit = Request { socket, pipe, tell_reads, batch: Batch::new(Pid::this()), tag };
    // An error here is the pipe's, so the hub is gone: nobody is left to be told.
    let _ = visit.begin(site, idle).and_then(|left| visit.leave(left));
    DONE
}

struct Request<'a> {
    socket: &'a TcpStream,
    pipe: &'a PipeWriter,
    tell_reads: bool,
    batch: Batch,
    tag: ProcTitle,
}

impl Request<'_> {
    /// Reads a request and does what it wants. Returns why the client is gone, as in [`Kind::Left`].
    ///
    /// # Errors
    /// EPIPE: the hub is gone.
    fn begin(&mut self, site: &Site, idle: Option<Duration>) -> io::Result<i32> {
        let (mut head, mut len) = ([0; MAX], 0);
        let until = Instant::now() + HEAD;
        loop {
            match self.read(&mut head[len..], Some(until))? {
                Ok(more) => len += more,
                Err(left) => return Ok(left),
            }
            let head_alone = is_head(&head);
            match route(&head[..len], site) {
                Route::Response(answer) => return self.answer(answer, head_alone),
                Route::Enter(accept, size) => {
                    self.push(Kind::Enter, accept.as_bytes())?;
                    return self.listen(&head[size..len], idle);
                }
                Route::Incomplete if Instant::now() < until => {}
                // Nothing was asked: it is only closed.
                Route::Incomplete if len == 0 => return Ok(IDLE),
                Route::Incomplete => return self.answer(Response::TooSlow, head_alone),
            }
        }
    }

    /// Asks for an answer, which ends the connection.
    fn answer(&mut self, answer: Response, head_alone: bool) -> io::Result<i32> {
        self.push(Kind::Answer, &[answer.number(head_alone)])?;
        Ok(0)
    }

    /// Passes on what the client says in the room; its first words may be there already.
    fn listen(&mut self, first: &[u8], idle: Option<Duration>) -> io::Result<i32> {
        let (mut frames, mut chunk) = (WsDecoder::new(first), [0; CHUNK]);
        let patience = |began: Instant| idle.map(|time| began + time);
        let mut until = patience(Instant::now());
        loop {
            let mut ping = None;
            for said in frames.by_ref() {
                match said {
                    WsEvent::Text(text) => {
                        self.tag.hear(&text);
                        self.push(Kind::Line, &text)?;
                        until = patience(Instant::now());
                    }
                    // One answer to all of a read: RFC 6455, 5.5.3.
                    WsEvent::Ping(bytes) => ping = Some(bytes),
                    WsEvent::Close(code) => return Ok(closed(code)),
                }
            }
            if let Some(bytes) = ping {
                self.push(Kind::Ping, &bytes)?;
            }
            write(self.pipe, &mut self.batch)?;
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(IDLE);
            }
            match self.read(&mut chunk, until)? {
                Ok(more) => frames.feed(&chunk[..more]),
                Err(left) => return Ok(left),
            }
        }
    }

    /// One read: how many bytes, which may be none before time is over, or why the client is gone.
    fn read(&mut self, into: &mut [u8], until: Option<Instant>) -> io::Result<Result<usize, i32>> {
        let timeout = until.map(|at| at.saturating_duration_since(Instant::now()));
        if !wait(self.socket, self.pipe, timeout)? {
            return Ok(Ok(0));
        }
        Ok(match sys::try_read(self.socket, into) {
            Ok(None) => Ok(0),
            Ok(Some(0)) => Err(0),
            Ok(Some(n)) => {
                if self.tell_reads {
                    self.batch.push_note(Kind::Read, (n as u32).to_ne_bytes());
                    write(self.pipe, &mut self.batch)?;
                }
                Ok(n)
            }
            Err(error) => Err(error.raw_os_error().unwrap_or_default()),
        })
    }

    fn push(&mut self, kind: Kind, body: &[u8]) -> io::Result<()> {
        push(self.pipe, &mut self.batch, |batch| batch.push_whole(kind, body))
    }

    /// Tells why the client is gone, behind all that it has said.
    fn leave(&mut self, left: i32) -> io::Result<()> {
        self.push(Kind::Left, &left.to_ne_bytes())?;
        write(self.pipe, &mut self.batch)
    }
}
