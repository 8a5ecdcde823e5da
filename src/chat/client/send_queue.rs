//! Queue of messages for the server.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;

use crate::sys;

#[derive(Debug, Default)]
pub struct SendQueue {
    pub messages: VecDeque<Vec<u8>>,
    /// Bytes of the first message that the connection has taken.
    sent: usize,
}

impl SendQueue {
    /// The connection is lost: the message of which it has taken only a part. The server may have
    /// relayed that part.
    pub fn take_partial(&mut self) -> Option<Vec<u8>> {
        match std::mem::take(&mut self.sent) {
            0 => None,
            _ => self.messages.pop_front(),
        }
    }

    /// Sends what `connection` takes without blocking, each message in a `send` of its own, and
    /// passes sent ones to `done`.
    pub fn send(&mut self, connection: &TcpStream, mut done: impl FnMut(Vec<u8>)) -> io::Result<()> {
        while let Some(message) = self.messages.front() {
            self.sent += sys::try_send(connection, &message[self.sent..])?;
            if self.sent < message.len() {
                break;
            }
            self.sent = 0;
            self.messages.pop_front().into_iter().for_each(&mut done);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    #[test]
    fn a_message_sent_in_part_is_not_sent_again_on_the_next_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut queue, mut sent) = (SendQueue::default(), 0);
        let first = connect();
        // More than the buffers of both sides hold.
        queue.messages.push_back(vec![b'x'; 64 << 20]);
        queue.messages.push_back(b"y".to_vec());
        queue.send(&first, |_| sent += 1).unwrap();
        assert_eq!((sent, queue.messages.len()), (0, 2));
        assert!(queue.sent > 0);
        drop(first);
        drop(listener.accept().unwrap());
        assert_eq!(queue.take_partial().map(|message| message.len()), Some(64 << 20));
        assert_eq!(queue.take_partial(), None);
        let second = connect();
        let mut server = listener.accept().unwrap().0;
        let reader = std::thread::spawn(move || server.read_to_end(&mut Vec::new()).unwrap());
        while !queue.messages.is_empty() {
            queue.send(&second, |_| sent += 1).unwrap();
        }
        drop(second);
        assert_eq!((reader.join().unwrap(), sent), (1, 1));
    }
}
