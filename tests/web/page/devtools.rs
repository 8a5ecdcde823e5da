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
            let answer = self.socket.read().expect(method);
            let Message::Text(answer) = answer else { continue };
            let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
            match answer.get("id").and_then(Value::as_u64) {
                None => self.events.push(answer),
                Some(id) if id == self.calls => {
                    assert!(answer.get("error").is_none(), "{method}: {answer}");
                    return answer["result"].take();
                }
                Some(_) => {}
            }
        }
    }
}
