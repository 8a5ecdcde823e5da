//! Clients with one buffer for receiving and sending, and a byte order mark that comes alone
//! (docs/PROTOCOLS.md, sections 1, 2, 4 and 7).

use std::time::Duration;

use super::senders::{CALC, DIRECT, GREETING, RELAY, greeted, pair};
use crate::common::*;

/// A client that has one buffer for receiving and sending, and sends the whole of it.
struct OneBuffer {
    bytes: Vec<u8>,
    /// It clears the buffer before it receives.
    clears: bool,
}

impl OneBuffer {
    fn new(size: usize, clears: bool) -> OneBuffer {
        OneBuffer { bytes: vec![0; size], clears }
    }

    /// The block with this text of a client that has received these bytes.
    fn block(&mut self, received: &str, text: &str) -> Vec<u8> {
        if self.clears {
            self.bytes.fill(0);
        }
        for string in [received.to_string(), format!("{text}\0")] {
            self.bytes[..string.len()].copy_from_slice(string.as_bytes());
        }
        self.bytes.clone()
    }
}

#[test]
fn the_relay_drops_leftovers_of_what_the_sender_has_received() {
    let sizes =
        [(50, false), (100, true), (1024, false), (1024, true), (2048, false), (255, false), (1023, true)];
    for (size, clears) in sizes {
        let _row = Row::of(&(size, clears));
        let server = Server::of(RELAY, &[]);
        let [mut first, mut second] = pair(&server);
        let [mut ours, mut theirs] = [(); 2].map(|()| OneBuffer::new(size, clears));
        let mut heard = "emi\0".to_string();
        for (text, answer) in [
            ("a", "b"),
            ("un message assez long", "ok"),
            ("au", "une longue reponse"),
            ("", "ca va ?\n"),
            ("oui\n", "c"),
        ] {
            first.sends(ours.block(&heard, text));
            second.hears(format!("{text}\0"));
            second.sends(theirs.block(&format!("{text}\0"), answer));
            heard = format!("{answer}\0");
            first.hears(&heard);
        }
        first.sends(ours.block(&heard, "fin"));
        assert_eq!(first.hears_the_end(), b"");
    }
}

#[test]
fn calc_drops_leftovers_of_what_the_sender_has_received() {
    for (size, clears) in [(100, false), (100, true), (1024, false), (1024, true), (2048, false)] {
        for end in ["", "\n"] {
            let _row = Row::of(&(size, clears, end));
            let server = Server::of(CALC, &[]);
            let (mut peer, mut buffer) = (server.connect(), OneBuffer::new(size, clears));
            let mut heard = format!("{GREETING}First number?\n");
            for (number, answer) in [
                ("12", "Second number?\n".to_string()),
                ("30", format!("\r\nThe sum is:\n42\n{GREETING}First number?\n")),
                ("123456789012", "Second number?\n".to_string()),
                ("1", format!("\r\nThe sum is:\n123456789013\n{GREETING}First number?\n")),
            ] {
                peer.hears(&heard);
                peer.sends(buffer.block(&heard, &format!("{number}{end}")));
                heard = answer;
            }
            peer.hears(&heard);
            peer.half_closes();
            assert_eq!(String::from_utf8_lossy(&peer.hears_the_end()), "");
        }
    }
}

/// A message without an end is held for 300 ms at most.
fn wait_longer_than_any_hold() {
    std::thread::sleep(Duration::from_millis(600));
}

#[test]
fn a_byte_order_mark_that_comes_alone_is_no_message() {
    let mark = "\u{feff}";
    let relay = Server::of(RELAY, &[]);
    let mut first = relay.connect();
    first.sends(mark);
    let mut second = relay.connect();
    first.hears("1\0emi\0");
    second.hears("2\0rec\0");
    wait_longer_than_any_hold();
    first.sends("salut\n");
    second.hears("salut\0");
    let calc = Server::of(CALC, &[]);
    let mut peer = greeted(&calc);
    peer.sends(mark);
    wait_longer_than_any_hold();
    peer.sends("12\n");
    peer.hears("Second number?\n");
    let direct = Server::of(DIRECT, &[]);
    let mut bob = direct.connect();
    bob.sends(mark);
    wait_longer_than_any_hold();
    bob.sends("bob\n");
    direct.program.out.line_with(&["(parent) bob is "]);
}

#[test]
fn calc_reads_the_numbers_in_blocks_of_memory_that_was_never_cleared() {
    for end in ["\n\0", "\0"] {
        let _row = Row::of(&end);
        let server = Server::of(CALC, &[]);
        let mut peer = greeted(&server);
        let block = |number: &str| {
            let text = [number, end].concat();
            let mut block = [0xcc; 100];
            block[..text.len()].copy_from_slice(text.as_bytes());
            block
        };
        peer.sends(block("12"));
        peer.hears("Second number?\n");
        // What memory held is a line of its own.
        assert!(peer.hears_line().starts_with("Error: "));
        peer.hears("Second number?\n");
        peer.sends(block("30"));
        peer.hears("\r\nThe sum is:\n42\n");
    }
}
