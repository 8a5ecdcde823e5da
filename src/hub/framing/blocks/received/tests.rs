//! The table of senders that receive into the buffer that they send.

use super::super::Blocks;

/// What a client in C does with its buffer before it receives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Buffer {
    /// Nothing.
    Kept,
    /// `memset(buffer, 0, size)`.
    Cleared,
    /// `buffer[recv(...)] = 0` behind what it has received.
    Ended,
}

const BUFFERS: [Buffer; 3] = [Buffer::Kept, Buffer::Cleared, Buffer::Ended];

/// The blocks of a client with one buffer of `size` bytes: before each of its texts it receives.
fn blocks(size: usize, buffer: Buffer, talk: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let mut bytes = vec![0; size];
    let block = |(received, text): &(&str, &str)| {
        if buffer == Buffer::Cleared {
            bytes.fill(0);
        }
        bytes[..received.len()].copy_from_slice(received.as_bytes());
        if buffer == Buffer::Ended {
            bytes[received.len()] = 0;
        }
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes[text.len()] = 0;
        // As `fgets`, and then a NUL for the newline.
        if text.ends_with('\n') {
            bytes[text.len() - 1] = 0;
        }
        bytes.clone()
    };
    talk.iter().map(block).collect()
}

const TALK: [(&str, &str); 6] = [
    ("emi\0", "a"),
    ("bonjour, ça va ?\0", "oui\n"),
    ("et ta soeur ?\0", "un message nettement plus long que les autres"),
    ("ah\0", "b"),
    ("encore une longue réponse du partenaire\0", "ok"),
    ("fini ?\0", "fin"),
];

/// What a server says that ends no text by a NUL.
const QUESTIONS: [(&str, &str); 4] = [
    ("Welcome: two numbers in, their sum out.\r\nFirst number?\n", "12"),
    ("Second number?\n", "30\n"),
    ("\r\nThe sum is:\n42\nWelcome: two numbers in, their sum out.\r\nFirst number?\n", "1"),
    ("Second number?\n", "2"),
];

/// True if the block is one message: nothing behind its text is said.
fn is_one(blocks: &mut Blocks, received: &str, block: &[u8]) -> bool {
    if blocks.has_received(block, received.as_bytes()) {
        blocks.take(block);
        return true;
    }
    let is_one = blocks.front(block).length == block.len();
    blocks.advance(block, true);
    is_one
}

#[test]
fn blocks_with_leftovers_of_what_was_received_say_their_texts_alone() {
    // Sizes that buffers have, and others.
    for size in [100, 1000, 1024, 2048, 101, 255, 1023, 1025] {
        for buffer in BUFFERS {
            for talk in [&TALK[..], &QUESTIONS] {
                let mut before = Blocks::default();
                for (block, (received, text)) in blocks(size, buffer, talk).iter().zip(talk) {
                    assert!(is_one(&mut before, received, block), "{size} {buffer:?} {text:?}");
                    assert!(before.has_size(block));
                }
            }
        }
    }
}

#[test]
fn a_block_sent_before_its_sender_has_received_is_one() {
    let mut before = Blocks::default();
    for (received, block) in [
        ("bonjour\0", &b"ok\0jour\0"[..]),
        ("trop tard pour lui\0", b"a\0\0jour\0"),
        ("trop tard pour lui\0", b"b\0op tard pour lui\0"),
        ("trop tard pour lui\0", b"c\0op tard pour lui\0"),
    ] {
        let block = [block, &vec![0; 1024 - block.len()]].concat();
        assert!(is_one(&mut before, received, &block), "{:?}", String::from_utf8_lossy(&block));
    }
}

#[test]
fn few_leftovers_count_in_blocks_whose_size_is_known() {
    let long = "un message de soixante-dix caractères, qui ne laisse aucune place.";
    for (first, size, is_known) in [("salut", 77, true), (long, long.len() + 1, false)] {
        let [one, two] = &blocks(size, Buffer::Kept, &[("", first), ("trois\0", "ok")])[..] else { panic!() };
        let mut before = Blocks::default();
        assert!(is_one(&mut before, "", one));
        assert_eq!(before.has_received(two, b"trois\0"), is_known);
        let much = [&b"ok\0 longue reponse"[..], &[0; 30]].concat();
        assert!(before.has_received(&much, b"une longue reponse\0"));
    }
}

#[test]
fn messages_that_only_begin_like_leftovers_are_none() {
    let (before, received) = (Blocks::default(), b"salut toi, comment vas-tu\0");
    for sent in [
        // No NUL; nothing behind it; not to the end of what was received; other bytes; more bytes.
        &b"ok"[..],
        b"ok\0",
        b"ok\0ut toi, comment vas-t\0",
        b"ok\0ut toi, comment vas-tu\0et moi",
        b"ok\0ut moi, comment vas-tu\0",
        b"ok\0t toi, comment vas-tu\0",
        b"ok\0\0\0toi, comment vas-tu\0",
    ] {
        assert!(!before.has_received(sent, received), "{:?}", String::from_utf8_lossy(sent));
    }
    assert!(before.has_received(b"ok\0ut toi, comment vas-tu\0", received));
    assert!(before.may_have_received(b"ok\0ut toi", received));
    // Few bytes of no known size are a message, but for padding.
    assert!(!before.has_received(b"hi\0ut\0", b"salut\0"));
    assert!(!before.has_received(b"hi\0ut\0\0", b"salut\0"));
    assert!(before.has_received(b"hi\0ut\0\0\0", b"salut\0"));
}

/// The input that is read wrongly: two messages that are, together, as a block would be.
#[test]
fn a_second_message_that_repeats_what_was_received_at_its_place_may_be_leftovers() {
    let (before, received) = (Blocks::default(), b"bonjour tout le monde\0");
    assert!(before.has_received(b"salut a\0tout le monde\0", received));
    assert!(!before.has_received(b"salut a\0out le monde\0", received));
}
