//! The Chrome DevTools Protocol, which drives the browser:
//! <https://chromedevtools.github.io/devtools-protocol/>.

use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::PATIENCE;

/// A connection of the protocol: calls, and the events that arrive between their answers.
pub struct DevTools {
    pub address: SocketAddr,
    socket: WebSocket<TcpStream>,
    calls: u64,
    /// All events so far.
    pub events: Vec<Value>,
}

impl DevTools {
    /// Connects to the target at `path`: the browser, or one of its pages.
    #[track_caller]
    pub fn connect(address: SocketAddr, path: &str) -> DevTools {
        let stream = TcpStream::connect(address).expect("connect to the browser");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://{address}/{path}");
        let (socket, _) = tungstenite::client(url, stream).expect("the browser's DevTools");
        DevTools { address, socket, calls: 0, events: Vec::new() }
    }

    /// Calls a method and waits for its answer. Panics if that is an error.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": parameters });
        self.socket.send(Message::text(call.to_string())).expect(method);
        loop {
            let Some(mut answer) = self.reads(method) else { continue };
            if answer["id"] == self.calls {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// Waits for an event that `call`, a method without parameters, leads to. Between the two, the
    /// page may be unable to answer a call.
    #[track_caller]
    pub fn call_until(&mut self, call: &str, event: &str) {
        let before = self.events.len();
        self.call(call, json!({}));
        while !self.events[before..].iter().any(|one| one["method"] == event) {
            self.reads(event);
        }
    }

    /// Reads one message: an answer, or an event, which is kept.
    #[track_caller]
    fn reads(&mut self, awaited: &str) -> Option<Value> {
        let Message::Text(text) = self.socket.read().expect(awaited) else { return None };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        if message.get("id").is_some() {
            return Some(message);
        }
        self.events.push(message);
        None
    }
}
