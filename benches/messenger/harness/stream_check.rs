//! Checks that all readers of a flood receive the same bytes, as they arrive.

/// The byte streams of all readers. The first reader to reach an offset sets the reference there,
/// and the others are compared with it: an exact check at the cost of a memory comparison.
pub struct StreamCheck {
    reference: Vec<u8>,
    /// Bytes of `reference` that are not NUL.
    text: usize,
    /// Bytes received so far, by reader.
    received: Vec<usize>,
    /// False once a reader has received a byte that differs from the reference.
    pub identical: bool,
}

impl StreamCheck {
    pub fn new(readers: usize) -> StreamCheck {
        StreamCheck { reference: Vec::new(), text: 0, received: vec![0; readers], identical: true }
    }

    /// Records `bytes` for `reader`. Returns true when every reader has `text` bytes, NULs not
    /// counted.
    pub fn take(&mut self, reader: usize, bytes: &[u8], text: usize) -> bool {
        let from = self.received[reader];
        let known = &self.reference[from..];
        let (old, new) = bytes.split_at(bytes.len().min(known.len()));
        self.identical &= old == &known[..old.len()];
        self.reference.extend_from_slice(new);
        self.text += text_len(new);
        self.received[reader] += bytes.len();
        // The cheap test first: the other one runs only near the end, some thousand times.
        self.text >= text && self.received.iter().all(|&received| received >= self.reference.len())
    }

    /// Messages received, summed over the readers, for messages of `size` bytes without NULs.
    pub fn delivered(&self, size: usize) -> usize {
        let longest = self.reference.len();
        let messages = |&received: &usize| match received {
            _ if received == longest => self.text / size,
            _ => text_len(&self.reference[..received]) / size,
        };
        self.received.iter().map(messages).sum()
    }

    /// The messages in the order of arrival.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let is_end = |&byte: &u8| matches!(byte, 0 | b'\n');
        self.reference.split(is_end).filter(|message| !message.is_empty())
    }
}

fn text_len(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte != 0).count()
}
