//! A worker of the HTTP listener: reads a browser's request, then its frames if it enters the room.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::request::{Entry, MAX_HEAD_LEN, Route, Site, is_head, route};
use super::response::Response;
use super::ws_decode::{WsDecoder, WsEvent};
use crate::chat::proc_title::ProcTitle;
use crate::hub::entry;
use crate::hub::record::{CHUNK, IDLE, Kind, from_close_code};
use crate::hub::worker::{RecordPipe, RecordWriter, status, wait};
use crate::server::first_bytes::{self, Expected};
use crate::sys;

/// Deadline of a request's head. It may never come: browsers open connections in advance.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a client of `site` until it or the hub is gone. Once it is in the room, it may be idle
/// for as long as `idle`. Returns the exit status.
// Inlined into its caller, its stack frame would be every other worker's too: a large frame is
// touched page by page.
#[inline(never)]
pub(crate) fn serve(
    socket: &TcpStream,
    pipe: RecordPipe,
    site: &Site,
    traces_reads: bool,
    idle: Option<Duration>,
    title: ProcTitle,
) -> i32 {
    WebWorker { socket, records: RecordWriter::new(pipe), site, idle, traces_reads, title }.run()
}

struct WebWorker<'a> {
    socket: &'a TcpStream,
    records: RecordWriter<'a>,
    site: &'a Site,
    idle: Option<Duration>,
    traces_reads: bool,
    title: ProcTitle,
}

impl WebWorker<'_> {
    fn run(&mut self) -> i32 {
        status(self.serve_request().and_then(|left| {
            // Behind all that the client has said.
            self.push(Kind::Left, &left.to_ne_bytes())?;
            self.records.write()
        }))
    }

    /// Reads and routes a request. Returns the reason of [`Kind::Left`]. EPIPE: the hub is gone.
    fn serve_request(&mut self) -> io::Result<i32> {
        let (mut head, mut len) = ([0; MAX_HEAD_LEN], 0);
        let deadline = Instant::now() + HEAD_TIMEOUT;
        loop {
            match self.read(&mut head[len..], Some(deadline))? {
                Ok(more) => len += more,
                Err(left) => return Ok(left),
            }
            if let Some(foreign) = first_bytes::foreign(&head[..len], Expected::Request) {
                self.push(Kind::Foreign, &foreign.to_bytes())?;
                return Ok(0);
            }
            let head_alone = is_head(&head);
            match route(&head[..len], self.site) {
                Route::Response(response) => return self.respond(response, head_alone),
                Route::Enter(entry) => {
                    self.enter(&entry)?;
                    return self.relay_frames(&head[entry.size..len]);
                }
                Route::Incomplete if Instant::now() < deadline => {}
                // Nothing was asked: close without a response.
                Route::Incomplete if len == 0 => return Ok(IDLE),
                Route::Incomplete => return self.respond(Response::TooSlow, head_alone),
            }
        }
    }

    /// Asks the hub for a response, which ends the connection.
    fn respond(&mut self, response: Response, head_alone: bool) -> io::Result<i32> {
        self.push(Kind::Answer, &[response.number(head_alone)])?;
        Ok(0)
    }

    fn enter(&mut self, entry: &Entry) -> io::Result<()> {
        let forwarded = entry.forwarded.filter(|_| self.site.proxies.contain(self.title.peer.socket.address));
        if let Some(address) = forwarded {
            self.title.show_forwarded(address);
        }
        self.push(Kind::Enter, &entry::body(&entry.accept, forwarded))
    }

    /// Relays the client's messages; `first` came with the request. Returns why the client is gone.
    fn relay_frames(&mut self, first: &[u8]) -> io::Result<i32> {
        let (mut decoder, mut chunk) = (WsDecoder::new(first), [0; CHUNK]);
        let idle = self.idle;
        let idle_from_now = || idle.map(|time| Instant::now() + time);
        let mut idle_at = idle_from_now();
        loop {
            let (mut ping, mut is_probed) = (None, false);
            for event in decoder.by_ref() {
                match event {
                    WsEvent::Text(text) => {
                        self.title.update(&text);
                        self.push(Kind::Line, &text)?;
                        idle_at = idle_from_now();
                    }
                    // One answer to all pings of a read: RFC 6455, 5.5.3.
                    WsEvent::Ping(bytes) => ping = Some(bytes),
                    WsEvent::Probe => is_probed = true,
                    WsEvent::Close(code) => return Ok(from_close_code(code)),
                }
            }
            if let Some(bytes) = ping {
                self.push(Kind::Ping, &bytes)?;
            }
            if is_probed {
                self.push(Kind::Probe, &[])?;
            }
            self.records.write()?;
            if idle_at.is_some_and(|at| at <= Instant::now()) {
                return Ok(IDLE);
            }
            match self.read(&mut chunk, idle_at)? {
                Ok(more) => decoder.feed(&chunk[..more]),
                Err(left) => return Ok(left),
            }
        }
    }

    /// One read, or a wait until the deadline: the bytes read, or why the client is gone.
    fn read(&mut self, into: &mut [u8], deadline: Option<Instant>) -> io::Result<Result<usize, i32>> {
        if !wait(self.socket, self.records.pipe, deadline)? {
            return Ok(Ok(0));
        }
        Ok(match sys::try_read(self.socket, into) {
            Ok(None) => Ok(0),
            Ok(Some(0)) => Err(0),
            Ok(Some(n)) => {
                if self.traces_reads {
                    self.records.batch.push_whole(Kind::Read, &(n as u32).to_ne_bytes());
                    self.records.write()?;
                }
                Ok(n)
            }
            Err(error) => Err(error.raw_os_error().unwrap_or_default()),
        })
    }

    fn push(&mut self, kind: Kind, body: &[u8]) -> io::Result<()> {
        self.records.push(|batch| batch.push_whole(kind, body))
    }
}
