//! The page over HTTP and the room over a WebSocket (docs/PROTOCOLS.md, section 8). The clients use
//! a WebSocket library, or raw bytes for input that no library sends.

mod close_codes;
mod forwarded;
mod hostile_frames;
mod http_requests;
mod mixed_room;
mod operator_view;
mod outside;
mod probes;

use crate::common::*;

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

/// A server with `--web`, and the address of its page.
struct Room {
    server: Server,
    web: SocketAddr,
}

impl Room {
    #[track_caller]
    fn open(options: &[&str]) -> Room {
        Room::at("0", options)
    }

    #[track_caller]
    fn at(web: &str, options: &[&str]) -> Room {
        let server = Server::start(&[&["--web", web], options].concat());
        let url = server.program.out.web_url();
        let address = url.trim_start_matches("http://").strip_suffix('/').expect("the root");
        Room { web: address.parse().expect("an address"), server }
    }

    /// Joins the room as a browser's page.
    #[track_caller]
    fn enter(&self) -> Browser {
        let (socket, hello) = self.upgrade();
        assert_eq!(hello["server"], self.server.address.to_string());
        Browser { socket, pid: hello["pid"].as_i64().expect("a pid") as i32 }
    }

    #[track_caller]
    fn upgrade(&self) -> (WebSocket<TcpStream>, Value) {
        let stream = TcpStream::connect(self.web).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!("ws://{}/room", self.web).into_client_request().unwrap();
        let origin = HeaderValue::from_str(&format!("http://{}", self.web)).unwrap();
        request.headers_mut().insert("Origin", origin);
        let (mut socket, _) = tungstenite::client(request, stream).expect("the upgrade");
        let hello = json_of(socket.read().expect("the first message"));
        (socket, hello["hello"].clone())
    }

    /// Joins the room over a connection for raw bytes.
    #[track_caller]
    fn enter_raw(&self) -> Peer {
        let mut peer = Peer::connect(self.web);
        peer.sends(upgrade(self.web));
        peer.hears_up_to("\r\n\r\n");
        peer.hears_up_to("}}");
        peer
    }

    /// Sends a request. Returns the whole answer.
    #[track_caller]
    fn asks(&self, request: impl AsRef<[u8]>) -> String {
        let mut peer = Peer::connect(self.web);
        peer.sends(request);
        String::from_utf8(peer.hears_the_end()).expect("UTF-8")
    }

    #[track_caller]
    fn gets(&self, path: &str) -> String {
        self.asks(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.web))
    }
}

/// The head of an upgrade request.
fn upgrade(web: SocketAddr) -> String {
    format!(
        "GET /room HTTP/1.1\r\nHost: {web}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A page that is in the room.
struct Browser {
    socket: WebSocket<TcpStream>,
    /// The child that serves it.
    pid: i32,
}

impl Browser {
    #[track_caller]
    fn says(&mut self, text: &str) {
        self.socket.send(Message::text(text)).expect("send");
    }

    /// The next JSON object.
    #[track_caller]
    fn hears(&mut self) -> Value {
        json_of(self.socket.read().expect("a message"))
    }

    /// The next message: the process ID of the sender's child, and `pseudo : text`.
    #[track_caller]
    fn hears_words(&mut self) -> (i64, String) {
        let Value::Object(said) = self.hears() else { panic!("no object") };
        let name = said.get("name").map(|name| format!("{} : ", name.as_str().unwrap())).unwrap_or_default();
        (said["pid"].as_i64().expect("pid"), name + said["text"].as_str().expect("text"))
    }

    /// The objects before the close frame, and its code.
    #[track_caller]
    fn hears_the_close(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut before = Vec::new();
        loop {
            match self.socket.read().expect("a close frame") {
                Message::Close(frame) => return (before, frame.map(|frame| frame.code.into())),
                message => before.push(json_of(message)),
            }
        }
    }
}

#[track_caller]
fn json_of(message: Message) -> Value {
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}

/// A frame of a client, of fewer than 65536 bytes. `first` holds the flags and the opcode.
#[track_caller]
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..126 => vec![0x80 | short as u8],
        long => [&[0x80 | 126][..], &u16::try_from(long).unwrap().to_be_bytes()].concat(),
    };
    // A mask of zeros leaves the bytes as they are.
    [&[first], &length[..], &[0; 4], payload].concat()
}

/// The close frame with this code.
fn close(code: u16) -> Vec<u8> {
    [&[0x88, 2][..], &code.to_be_bytes()].concat()
}

/// The private memory of a process, in kB.
#[track_caller]
fn private_memory_of(pid: i32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("smaps_rollup");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).expect("Private_Dirty");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
