//! Messages on their way to the server.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;

use crate::sys;

/// Messages that the connection has not taken yet, in order.
#[derive(Debug, Default)]
pub struct SendQueue {
    waiting: VecDeque<Vec<u8>>,
    /// Bytes of the first that the connection has taken.
    taken: usize,
}

impl SendQueue {
    /// One message more.
    pub fn push(&mut self, message: Vec<u8>) {
        self.waiting.push_back(message);
    }

    /// True when all is sent.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Another connection: a message of which the last one took a part begins anew.
    pub fn begin_anew(&mut self) {
        self.taken = 0;
    }

    /// Sends what `connection` takes now, each message in a `send` of its own, and gives those that are sent to `sent`.
    ///
    /// # Errors
    /// EPIPE, ECONNRESET and the like: the server is gone.
    pub fn send(&mut self, connection: &TcpStream, mut sent: impl FnMut(Vec<u8>)) -> io::Result<()> {
        while let Some(message) = self.waiting.front() {
            self.taken += sys::try_send(connection, &message[self.taken..])?;
            if self.taken < message.len() {
                break;
            }
            self.taken = 0;
            self.waiting.pop_front().into_iter().for_each(&mut sent);
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
    fn a_message_that_a_connection_took_in_part_begins_anew_on_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut outbox, mut sent) = (SendQueue::default(), 0);
        let first = connect();
        // More than the buffers of both sides hold.
        outbox.push(vec![b'x'; 64 << 20]);
        outbox.push(b"y".to_vec());
        outbox.send(&first, |_| sent += 1).unwrap();
        assert_eq!((sent, outbox.len()), (0, 2));
        assert!(outbox.taken > 0);
        drop(first);
        drop(listener.accept().unwrap());
        outbox.begin_anew();
        let second = connect();
        let mut server = listener.accept().unwrap().0;
        let reading = std::thread::spawn(move || server.read_to_end(&mut Vec::new()).unwrap());
        while !outbox.is_empty() {
            outbox.send(&second, |_| sent += 1).unwrap();
        }
        drop(second);
        assert_eq!((reading.join().unwrap(), sent), ((64 << 20) + 1, 2));
    }
}
