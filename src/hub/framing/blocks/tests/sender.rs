//! A client that writes, and what a worker that reads in pieces takes for its messages.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crate::hub::framing::{FrameDecoder, Framing, lines, messages};

/// Writes of one buffer of `N` bytes, each whole, as a client in C makes them.
pub fn blocks<const N: usize>(texts: &[&str]) -> Vec<Vec<u8>> {
    let mut buffer = [0; N];
    let block = |text: &&str| {
        buffer[..text.len()].copy_from_slice(text.as_bytes());
        buffer[text.len()..].iter_mut().take(1).for_each(|end| *end = 0);
        buffer.to_vec()
    };
    texts.iter().map(block).collect()
}

/// The bytes of each read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reads {
    /// Each write, at once or after a pause.
    Alone(Duration),
    /// All writes together.
    Joined,
    /// So many bytes.
    Of(usize),
    /// Each write in two, so many bytes first.
    Cut(usize),
}

pub const PAUSE: Duration = Duration::from_secs(1);

/// The messages of a client, each without the NULs and the newline at its end. The worker reads
/// 1023 bytes at most.
pub fn said(framing: Framing, writes: &[Vec<u8>], reads: Reads) -> Vec<String> {
    let mut buffer = [0; 1023];
    let mut decoder = FrameDecoder::of_client(&mut buffer, framing);
    let (mut now, mut said) = (Instant::now(), Vec::new());
    let all = writes.concat();
    let pieces: Vec<&[u8]> = match reads {
        Reads::Alone(_) => writes.iter().map(Vec::as_slice).collect(),
        Reads::Joined => vec![&all],
        Reads::Of(size) => all.chunks(size).collect(),
        Reads::Cut(at) => writes.iter().flat_map(|write| <[_; 2]>::from(write.split_at(at))).collect(),
    };
    let mut take = |decoder: &mut FrameDecoder, now, ended| {
        let Ok(()) = decoder.take(now, ended, |chunk| {
            let found: Vec<&[u8]> = match framing {
                Framing::Lines => lines(chunk).collect(),
                _ => messages(chunk).collect(),
            };
            said.extend(found.into_iter().map(|text| {
                let text = String::from_utf8_lossy(text).into_owned();
                text.trim_matches('\0').trim_end_matches('\n').to_string()
            }));
            Ok::<(), Infallible>(())
        });
    };
    for mut piece in pieces {
        if let Reads::Alone(pause) = reads
            && !pause.is_zero()
        {
            while let Some(deadline) = decoder.deadline() {
                now = deadline;
                take(&mut decoder, now, false);
            }
            now += pause;
            decoder.waited(pause);
        }
        while !piece.is_empty() {
            let n = piece.len().min(decoder.spare().len());
            decoder.spare()[..n].copy_from_slice(&piece[..n]);
            decoder.filled(n);
            piece = &piece[n..];
            take(&mut decoder, now, false);
        }
    }
    take(&mut decoder, now, true);
    said
}

pub fn writes(writes: &[&str]) -> Vec<Vec<u8>> {
    writes.iter().map(|write| write.as_bytes().to_vec()).collect()
}
