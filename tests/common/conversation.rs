//! Load on a room: senders, and receivers that compare the order of the messages.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Condvar, Mutex};
use std::thread;

use super::{PATIENCE, Peer};

/// Sends `count` short messages, each with the name and its number.
#[track_caller]
pub fn send_numbered(speaker: &Peer, name: &str, count: usize) {
    let mut speaker = speaker.duplicate();
    (0..count).for_each(|i| speaker.sends(format!("{name} : {i}\0")));
}

/// Counts the messages that the first receiver has read.
#[derive(Default)]
pub struct Heard(Mutex<usize>, Condvar);

impl Heard {
    #[track_caller]
    fn one_more(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }

    /// Waits until `count` messages were read.
    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        let heard = self.0.lock().unwrap();
        let (_heard, waited) = self.1.wait_timeout_while(heard, PATIENCE, |heard| *heard < count).unwrap();
        assert!(!waited.timed_out(), "{count} messages never came");
    }
}

/// Asserts that each of `peers` reads the same `count` messages in one order, and returns them.
/// `meanwhile` runs in parallel, with the progress of the first receiver.
#[track_caller]
pub fn hear_in_one_order(peers: &[Peer], count: usize, meanwhile: impl FnOnce(&Heard)) -> Vec<String> {
    let (first, others) = peers.split_first().expect("at least one peer");
    let progress = Heard::default();
    thread::scope(|scope| {
        let listeners: Vec<_> =
            others.iter().map(|peer| scope.spawn(move || heard_by(peer, count, |_| ()))).collect();
        let first = scope.spawn(|| {
            let mut all = Vec::new();
            let heard = heard_by(first, count, |message| {
                all.push(message);
                progress.one_more();
            });
            (all, heard)
        });
        meanwhile(&progress);
        let (all, expected) = first.join().unwrap();
        assert_eq!(expected.0, count, "messages that receiver 1 read");
        for (which, listener) in listeners.into_iter().enumerate() {
            assert_eq!(listener.join().unwrap(), expected, "receiver {} of {}", which + 2, peers.len());
        }
        all
    })
}

/// Reads up to `count` messages. Returns their number and a hash of their texts in order.
#[track_caller]
fn heard_by(peer: &Peer, count: usize, mut take: impl FnMut(String)) -> (usize, u64) {
    let (mut peer, mut heard, mut hasher) = (peer.duplicate(), 0, DefaultHasher::new());
    while heard < count {
        // At least one message, and the complete ones that arrived with it.
        let messages = peer.strings_now(count - heard);
        if messages.is_empty() {
            break;
        }
        heard += messages.len();
        for message in messages {
            message.hash(&mut hasher);
            take(message);
        }
    }
    (heard, hasher.finish())
}

/// Asserts that `heard` contains the `count` messages of `name`, in order.
#[track_caller]
pub fn contains_all_messages(heard: &[String], name: &str, count: usize) {
    let prefix = format!("{name} : ");
    let own: Vec<usize> = heard
        .iter()
        .filter_map(|message| message.strip_prefix(&prefix)?.split(' ').next()?.parse().ok())
        .collect();
    assert!(own.iter().copied().eq(0..count), "{} of {count} messages of {name}, or out of order", own.len());
}
