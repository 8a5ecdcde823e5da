//! Much said in a room, and what all heard of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Condvar, Mutex};
use std::thread;

use super::{PATIENCE, Peer};

/// `speaker` says `count` short messages, which are known by its name and their numbers.
#[track_caller]
pub fn says(speaker: &Peer, who: &str, count: usize) {
    let mut speaker = speaker.also();
    (0..count).for_each(|i| speaker.sends(format!("{who} : {i}\0")));
}

/// How many messages have come.
#[derive(Default)]
pub struct Heard(Mutex<usize>, Condvar);

impl Heard {
    #[track_caller]
    fn one_more(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }

    /// Waits until so many have come.
    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        let heard = self.0.lock().unwrap();
        let (_heard, waited) = self.1.wait_timeout_while(heard, PATIENCE, |heard| *heard < count).unwrap();
        assert!(!waited.timed_out(), "{count} messages never came");
    }
}

/// Each of `peers` hears `count` messages, all in one order, while something is done, which learns how many the first has
/// heard. Returns them.
#[track_caller]
pub fn one_order(peers: &[Peer], count: usize, meanwhile: impl FnOnce(&Heard)) -> Vec<String> {
    let (first, others) = peers.split_first().expect("somebody who listens");
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
        assert_eq!(expected.0, count, "messages that the first heard");
        for (which, listener) in listeners.into_iter().enumerate() {
            assert_eq!(listener.join().unwrap(), expected, "listener {} of {}", which + 2, peers.len());
        }
        all
    })
}

/// How many of `count` messages came, and a number that stands for what they were, in their order.
#[track_caller]
fn heard_by(peer: &Peer, count: usize, mut take: impl FnMut(String)) -> (usize, u64) {
    let (mut peer, mut heard, mut hasher) = (peer.also(), 0, DefaultHasher::new());
    while heard < count {
        // What is there already, and at least one.
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

/// Among what was `heard` is all that `who` said, in its order.
#[track_caller]
pub fn all_said(heard: &[String], who: &str, count: usize) {
    let prefix = format!("{who} : ");
    let own: Vec<usize> = heard
        .iter()
        .filter_map(|message| message.strip_prefix(&prefix)?.split(' ').next()?.parse().ok())
        .collect();
    assert!(own.iter().copied().eq(0..count), "of {count} messages of {who}, {} or not in order", own.len());
}
