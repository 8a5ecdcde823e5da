//! What a hundred readers got in a flood, checked byte by byte as it comes.

/// The first reader to reach a place says what stands there; all others must have the same. So the check is exact, and
/// costs a comparison of memory.
pub struct Streams {
    reference: Vec<u8>,
    /// Bytes of messages in `reference`: all but the NULs.
    text: usize,
    /// How far each reader is.
    heard: Vec<usize>,
    /// No reader has had anything else than the others.
    pub same: bool,
}

impl Streams {
    /// Nothing heard yet by `readers`.
    pub fn new(readers: usize) -> Streams {
        Streams { reference: Vec::new(), text: 0, heard: vec![0; readers], same: true }
    }

    /// Reader number `reader` got `bytes`. True when all readers have `text` bytes, NULs not counted.
    pub fn take(&mut self, reader: usize, bytes: &[u8], text: usize) -> bool {
        let from = self.heard[reader];
        let known = &self.reference[from..];
        let (old, new) = bytes.split_at(bytes.len().min(known.len()));
        self.same &= old == &known[..old.len()];
        self.reference.extend_from_slice(new);
        self.text += text_of(new);
        self.heard[reader] += bytes.len();
        // The cheap question first: the other is asked a few thousand times at the end.
        self.text >= text && self.heard.iter().all(|&heard| heard >= self.reference.len())
    }

    /// Messages that arrived, over all readers, where each has `size` bytes without NULs.
    pub fn delivered(&self, size: usize) -> usize {
        let whole = self.reference.len();
        let messages = |&heard: &usize| match heard {
            _ if heard == whole => self.text / size,
            _ => text_of(&self.reference[..heard]) / size,
        };
        self.heard.iter().map(messages).sum()
    }

    /// The messages in the order in which the readers have them.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let is_end = |&byte: &u8| matches!(byte, 0 | b'\n');
        self.reference.split(is_end).filter(|message| !message.is_empty())
    }
}

fn text_of(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte != 0).count()
}
