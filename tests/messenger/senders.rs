//! Clients that end a message in their own way: blocks of a fixed size, telnet, other line ends
//! (docs/PROTOCOLS.md, "Framing, ours").

use crate::common::*;

use nix::sys::socket::{MsgFlags, send};
use std::os::fd::AsRawFd;

const WELCOME: &str = "Bienvenue : chaque ligne que vous envoyez va à tous.\r\n";

/// A room for strings and lines, and a client of strings that listens.
#[track_caller]
fn room() -> (Server, Peer) {
    let server = Server::start(&["--lines", "0"]);
    let listener = server.join();
    (server, listener)
}

/// A line client that has joined.
#[track_caller]
fn line_client(server: &Server) -> Peer {
    let mut peer = Peer::connect(server.lines_address());
    peer.hears(WELCOME);
    server.program.out.line_about(peer.stream.local_addr().unwrap());
    peer
}

/// Asserts that exactly these texts reach the room, before one of another client.
#[track_caller]
fn are_said(listener: &mut Peer, texts: &[&str]) {
    let texts: Vec<&str> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
    assert_eq!(listener.strings(texts.len()), texts);
    listener.sends("c'est tout\0");
    assert_eq!(listener.strings(1), ["c'est tout"]);
}

/// With Nagle's algorithm, the second part waits for the acknowledgement of the first, which the
/// system delays longer than the server holds a message for its rest. Several attempts: a machine
/// that keeps processes waiting may be as slow.
#[test]
fn a_message_in_two_small_writes_is_one_message() {
    let (server, mut listener) = room();
    let mut bob = server.join();
    bob.stream.set_nodelay(false).unwrap();
    let is_whole = (0..10).any(|attempt| {
        // An answer within some milliseconds makes the server's system delay acknowledgements.
        let (before, answer) = (format!("bob : {attempt} ?"), format!("{attempt} !"));
        bob.sends(format!("{before}\0"));
        bob.hears_up_to(&before);
        bob.sends("bob : ");
        bob.sends(format!("{answer}\0"));
        let mut texts = std::iter::repeat_with(|| listener.strings(1).remove(0));
        let last = texts.find(|text| text.ends_with(&answer));
        last == Some(format!("bob : {answer}"))
    });
    assert!(is_whole);
}

const TEXTS: [&str; 6] =
    ["bob : un message assez long", "bob : ok", "bob : trois", "", "bob : 4", "bob : fin"];

#[test]
fn blocks_of_a_fixed_size_say_their_texts_and_no_leftovers() {
    for size in [50, 100, 1024, 8192] {
        let _row = Row::of(&size);
        let (server, mut listener) = room();
        let mut bob = server.join();
        for (text, block) in TEXTS.iter().zip(blocks(size, &TEXTS)) {
            bob.sends(block);
            if !text.is_empty() {
                assert_eq!(bob.strings(1), [*text]);
            }
        }
        are_said(&mut listener, &TEXTS);
    }
}

#[test]
fn a_first_text_that_fills_its_block_leaves_nothing_that_is_said() {
    for size in [48, 80, 120, 255] {
        let _row = Row::of(&size);
        let (server, mut listener) = room();
        let mut bob = server.join();
        let full = format!("bob : {}", "x".repeat(size - 7));
        let texts = [&full[..], "bob : ok", "bob : hein"];
        for (text, block) in texts.iter().zip(blocks(size, &texts)) {
            bob.sends(block);
            assert_eq!(bob.strings(1), [*text]);
        }
        are_said(&mut listener, &texts);
    }
}

#[test]
fn memory_with_nuls_is_said_until_a_text_has_another_length() {
    let (server, mut listener) = room();
    let mut bob = server.join();
    let mut buffer = [&[0; 40][..], b"GARBAGE", &[0; 20], b"MORE", &[0; 19]].concat();
    for text in ["bob : un", "bob : deux", "bob : trois", "bob : ok"] {
        buffer[..text.len()].copy_from_slice(text.as_bytes());
        buffer[text.len()] = 0;
        bob.sends(&buffer);
        assert_eq!(listener.strings(1), [text]);
        if text == "bob : un" {
            assert_eq!(listener.strings(2), ["GARBAGE", "MORE"]);
        }
    }
    are_said(&mut listener, &[]);
}

#[test]
fn what_memory_held_before_the_first_text_is_said_once() {
    let texts: Vec<&str> = TEXTS.into_iter().filter(|text| !text.is_empty()).collect();
    for (size, memory) in [(50, "old"), (100, "\x05\x16\x7f"), (256, "old"), (1024, "\x05")] {
        let _row = Row::of(&(size, memory));
        let (server, mut listener) = room();
        let mut bob = server.join();
        let mut buffer = [memory.as_bytes(), b"\0"].concat().repeat(size)[..size].to_vec();
        buffer[size - 1] = 0;
        for (at, text) in texts.iter().enumerate() {
            let string = [text.as_bytes(), b"\0"].concat();
            buffer[..string.len()].copy_from_slice(&string);
            bob.sends(&buffer);
            assert_eq!(listener.strings(1), [*text]);
            if at == 0 {
                let rest = buffer[string.len()..].split(|&byte| byte == 0).filter(|text| !text.is_empty());
                let rest: Vec<String> = rest.map(|text| String::from_utf8_lossy(text).into_owned()).collect();
                assert_eq!(listener.strings(rest.len()), rest);
            }
        }
        listener.sends("c'est tout\0");
        assert_eq!(listener.strings(1), ["c'est tout"]);
    }
}

#[test]
fn blocks_that_come_joined_or_cut_say_the_same() {
    // One write that the kernel passes on whole: a pause would divide a block. Reads cut it.
    for size in [31, 50, 100, 700, 2000] {
        let _row = Row::of(&size);
        let (server, mut listener) = room();
        let mut bob = server.join();
        bob.sends(blocks(size, &TEXTS).concat());
        assert_eq!(
            bob.strings(5),
            TEXTS.map(str::to_string).into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>()
        );
        are_said(&mut listener, &TEXTS);
    }
}

#[test]
fn blocks_of_lines_say_their_lines_and_no_leftovers() {
    let lines = TEXTS.map(|text| format!("{text}\n"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).filter(|line| *line != "\n").collect();
    for size in [50, 100, 1024, 8192] {
        let _row = Row::of(&size);
        let (server, mut listener) = room();
        let mut bob = line_client(&server);
        for (line, block) in lines.iter().zip(blocks(size, &lines)) {
            bob.sends(block);
            assert_eq!(bob.line()[11..], **line);
        }
        drop(bob);
        are_said(&mut listener, &TEXTS);
    }
}

#[test]
fn several_messages_of_one_write_are_all_said_again_and_again() {
    let (server, mut listener) = room();
    let mut bob = server.join();
    for sent in ["a\0b\0", "a\0b\0", "c\0b\0", "ab\0cdef\0", "ab\0cdef\0"] {
        bob.sends(sent);
        assert_eq!(bob.strings(2), sent.split_terminator('\0').collect::<Vec<_>>());
    }
    are_said(&mut listener, &["a", "b", "a", "b", "c", "b", "ab", "cdef", "ab", "cdef"]);
    // Padding of two NULs, or a plain string, is no block.
    for (first, [second, third]) in [("hahaha\0\0", ["ha\0\0"; 2]), ("bonjour\0", ["ok\0", "jour\0"])] {
        bob.sends(first);
        assert_eq!(listener.strings(1), [first.trim_end_matches('\0')]);
        bob.sends([second, third].concat());
        are_said(&mut listener, &[second, third].map(|text| text.trim_end_matches('\0')));
    }
}

#[test]
fn a_negotiation_and_an_interrupt_of_telnet_are_no_speech() {
    let (server, mut listener) = room();
    let (mut strings, mut lines) = (server.join(), line_client(&server));
    strings.sends([PUTTY, b"bob : un\n"].concat());
    assert_eq!(listener.strings(1), ["bob : un\n"]);
    strings.sends([b"bob : ", INTERRUPT, b"deux\n"].concat());
    assert_eq!(listener.strings(1), ["bob : deux\n"]);
    lines.sends([PUTTY, b"carole : un\r\n"].concat());
    assert_eq!(listener.strings(1), ["carole : un"]);
    lines.sends([b"carole : ", INTERRUPT, b"deux\r\n"].concat());
    are_said(&mut listener, &["carole : deux"]);
}

#[test]
fn an_urgent_byte_of_telnet_is_no_speech_and_one_of_a_text_is() {
    let (server, mut listener) = room();
    let mut bob = server.join();
    for (urgent, rest) in [(&[PUTTY, b"\xff\xf2"].concat()[..], "bob : un\n"), (b"bob", " : un\n")] {
        send(bob.stream.as_raw_fd(), urgent, MsgFlags::MSG_OOB).expect("send");
        bob.sends(rest);
        assert_eq!(listener.strings(1), ["bob : un\n"]);
    }
}

#[test]
fn a_timing_mark_of_telnet_is_answered_to_its_client_alone() {
    let (server, mut listener) = room();
    for (has_lines, command) in [(false, INTERRUPT), (false, SUSPEND), (true, INTERRUPT), (true, SUSPEND)] {
        let _row = Row::of(&(has_lines, command));
        let mut client = if has_lines { line_client(&server) } else { server.join() };
        client.sends(command);
        client.hears(NO_TIMING_MARK);
        client.sends("bob : un\n");
        assert_eq!(listener.strings(1)[0].trim_end(), "bob : un");
    }
}

#[test]
fn a_byte_that_only_looks_like_telnet_is_relayed() {
    let (server, mut listener) = room();
    let mut bob = server.join();
    for sent in [&b"L'Ha\xff-les-Roses\0"[..], b"\xff\xfe\0", b"\xff\xff\0", b"fin \xff\0"] {
        let _row = Row::of(&sent);
        bob.sends(sent);
        listener.hears([sent, b"\0"].concat());
    }
}

#[test]
fn the_byte_order_mark_of_utf_16_is_no_command_of_telnet() {
    let text = b"\xff\xfe\x1f\x04@\x048\x04!\0";
    let (server, mut listener) = room();
    server.join().sends([text, &b"\n\0"[..]].concat());
    listener.hears([text, &b"\n\0\0"[..]].concat());
    line_client(&server).sends([text, &b"\r\0\n\0"[..]].concat());
    listener.hears([text, &b"\0"[..]].concat());
}

#[test]
fn lines_end_in_every_way_and_a_byte_order_mark_is_none_of_them() {
    let rows: [(&[u8], &[&str]); 11] = [
        (b"un\n\rdeux\n\r", &["un", "deux"]),
        (b"un\r\r\ndeux\r\r\n", &["un", "deux"]),
        (b"un\0\r\ndeux\0\n", &["un", "deux"]),
        (b"un\rdeux\r", &["un", "deux"]),
        (b"un\r\0deux\r\0", &["un", "deux"]),
        (b"un\r\ndeux\r\n", &["un", "deux"]),
        (b"un\0deux\0\0\0", &["un", "deux"]),
        (b"u\0n\ndeux\n", &["un", "deux"]),
        (b"\xef\xbb\xbfun\ndeux\n", &["un", "deux"]),
        (b"un\rdeux\n", &["un", "deux"]),
        (b"un\r\rdeux\r\n", &["un", "", "deux"]),
    ];
    for (sent, said) in rows {
        let _row = Row::of(&sent);
        let (server, mut listener) = room();
        let mut bob = line_client(&server);
        bob.sends(sent);
        for text in said {
            assert_eq!(bob.line()[11..], format!("{text}\n"));
        }
        drop(bob);
        are_said(&mut listener, said);
    }
}

#[test]
fn a_byte_order_mark_is_relayed_and_is_no_part_of_a_name() {
    let (server, mut listener) = room();
    let mut zoe = server.join();
    zoe.sends("\u{feff}zoe : un\0");
    listener.hears("\u{feff}zoe : un\0\0");
    server.program.out.line_with(&[") zoe : un"]);
    server.program.signal(nix::sys::signal::Signal::SIGUSR1);
    let address = zoe.stream.local_addr().unwrap();
    server.program.out.line_with(&[&format!("{address} "), " zoe"]);
}

#[test]
fn a_byte_order_mark_alone_is_relayed_and_shown_nowhere() {
    for options in [&[][..], &["--distinct-names"]] {
        let _row = Row::of(&options);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("transcript");
        let transcript = ["--transcript", path.to_str().unwrap()];
        let server = Server::start(&[&["--lines", "0"], &transcript[..], options].concat());
        let (mut listener, mut bob) = (server.join(), server.join());
        let mut reader = line_client(&server);
        bob.sends("\u{feff}");
        if options.is_empty() {
            listener.hears("\u{feff}\0");
        } else {
            listener.hears("\0");
        }
        bob.sends("bob : un\0");
        are_said(&mut listener, &["bob : un"]);
        let line = reader.line();
        assert!(line.ends_with("] bob : un\n"), "{line}");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}

#[test]
fn bytes_without_an_end_behind_a_nul_are_a_line_after_a_pause() {
    let (server, mut listener) = room();
    let mut bob = line_client(&server);
    bob.sends("bob : un\0zzz");
    assert_eq!(listener.strings(2), ["bob : un", "zzz"]);
    bob.sends("\nbob : deux\0");
    are_said(&mut listener, &["bob : deux"]);
}

#[test]
fn our_client_sends_the_lines_of_files_of_other_systems() {
    for end in ["\n", "\r\n", "\r", "\r\0"] {
        let _row = Row::of(&end);
        let (server, mut listener) = room();
        let mut client = our_client(&server, "alice");
        client.types(format!("\u{feff}bonjour{end}salut{end}"));
        are_said(&mut listener, &["alice : bonjour", "alice : salut"]);
    }
}

#[test]
fn lines_that_end_otherwise_than_in_a_newline_are_lines_however_many_come_at_once() {
    let server = Server::start(&["--lines", "0"]);
    let mut reader = Peer::connect(server.lines_address());
    reader.line();
    for end in ["\r", "\r\0", "\0"] {
        let _row = Row::of(&end);
        let mut sender = Peer::connect(server.lines_address());
        let texts: Vec<String> = (0..200).map(|number| format!("msg {number}")).collect();
        sender.sends(texts.iter().map(|text| format!("{text}{end}")).collect::<String>());
        for text in texts {
            let line = reader.line();
            assert!(line.ends_with(&format!("] {text}\n")), "{line}");
        }
    }
}

#[test]
fn text_of_an_older_encoding_is_no_command_of_telnet() {
    let server = Server::start(&[]);
    let mut peer = server.join();
    // In code page 1251.
    let numbers = &b"igor : \xee\xef\xff\xf2\xfc \xef\xff\xf2\xfc\0"[..];
    for text in [numbers, b"\xed\xff\xed\xff \xf2\xff\xf2\xff\0", b"\xff\xf4\0"] {
        let _row = Row::of(&text);
        peer.sends(text);
        peer.hears([text, b"\0"].concat());
    }
}

/// Line ends that belong to the end of a message before, and one in front of a text.
const ENDS: [(&str, &[&str]); 8] = [
    ("al : un\0\n", &["un"]),
    ("al : deux\0\r\n", &["deux"]),
    ("al : trois\n\r", &["trois"]),
    ("al : quatre\r\r\n", &["quatre"]),
    ("al : cinq\0\nal : six\0\n", &["cinq", "six"]),
    ("al : sept\n\ral : huit\n\r", &["sept", "huit"]),
    ("al : neuf\0\n\0", &["neuf"]),
    ("\r\nal : dix\0", &["dix"]),
];

#[test]
fn the_rest_of_a_line_end_is_relayed_and_is_no_message_in_lines_and_transcript() {
    for option in [None, Some("--distinct-names")] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("transcript.jsonl");
        let options = ["--lines", "0", "--transcript", path.to_str().unwrap()];
        let server = Server::start(&[&options, option.as_slice()].concat());
        let (mut listener, mut lines, mut al) = (server.join(), line_client(&server), server.join());
        for (sent, texts) in ENDS {
            let _row = Row::of(&(option, sent));
            al.sends(sent);
            for text in texts {
                assert_eq!(lines.line()[11..], format!("al : {text}\n"));
            }
            if option.is_none() {
                listener.hears([sent, "\0"].concat());
            }
        }
        // Alone, a newline is a message.
        for sent in ["\n", "al : fin\n"] {
            al.sends(sent);
            assert_eq!(lines.line()[11..], *sent);
        }
        let transcript = std::fs::read_to_string(&path).unwrap();
        let objects = transcript.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut said: Vec<String> =
            ENDS.iter().flat_map(|(_, texts)| texts.iter()).map(|text| text.to_string()).collect();
        said.extend(["", "fin"].map(str::to_string));
        let texts: Vec<String> =
            objects.clone().map(|object| object["text"].as_str().unwrap().to_string()).collect();
        assert_eq!(texts, said);
        assert_eq!(objects.filter(|object| object["name"] == "al").count(), said.len() - 1);
    }
}

#[test]
fn a_text_longer_than_a_read_is_cut_as_in_the_original_and_no_byte_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("transcript.jsonl");
    let server = Server::start(&["--transcript", path.to_str().unwrap()]);
    let mut listener = server.join();
    let text = format!("al : {}", "😀".repeat(300));
    server.join().sends(format!("{text}\0"));
    let (front, rest) = text.as_bytes().split_at(1023);
    listener.hears([front, b"\0", rest, b"\0\0"].concat());
    // The first piece ends within a character.
    assert!(std::fs::read_to_string(&path).unwrap().contains("\"bytes\""));
}
