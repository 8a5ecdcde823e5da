//! Names that are refused, that never come, and that become free again.

use super::*;

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use std::io::Write;
use std::time::Duration;

/// Sends `name`, expects one line of error and then the end of the connection, and returns the
/// line.
#[track_caller]
fn is_refused(server: &Server, name: &[u8]) -> String {
    let mut peer = nameless(server);
    peer.sends(name);
    let told = String::from_utf8(peer.hears_the_end()).expect("an error in UTF-8");
    assert!(told.starts_with("[ERROR] direct_serveur: ") && told.ends_with('\n'), "{name:?}: {told}");
    assert_eq!(told.lines().count(), 1, "{name:?}: {told}");
    let address = address_of(&peer);
    let why = told.trim_start_matches("[ERROR] direct_serveur: ").trim_end();
    server.program.out.line_with(&["(parent) client", &address, "refused as", why]);
    server.program.out.line_with(&[&format!("client {address} was sent away")]);
    told
}

#[test]
fn a_taken_name_is_refused_and_its_owner_stays() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    for same in ["bob\n", "  bob \n", "bob"] {
        let _row = Row::of(&same);
        assert_eq!(
            is_refused(&server, same.as_bytes()),
            "[ERROR] direct_serveur: the name \"bob\" is taken\n"
        );
    }
    alice.sends("%bob%still you\n");
    bob.hears("still you\n");
    // Names that differ in case only are distinct.
    join(&server, "Bob");
}

#[test]
fn an_invalid_name_is_refused_with_the_reason() {
    let server = server(&[]);
    let (long, longer) = ([b'x'; 65].as_slice(), [b'x'; 3000].as_slice());
    for (name, why) in [
        (&b"\n"[..], "a name cannot be empty"),
        (b"\r\n", "a name cannot be empty"),
        (b" \t \n", "a name cannot be empty"),
        ("\u{200d}\n".as_bytes(), "a name cannot be empty"),
        (b"bo%b\n", "a name holds no %"),
        (b"%alice%hello\n", "a name holds no %"),
        (b"b\x1b[2Jb\n", "a name holds no control characters"),
        (b"b\x08b\n", "a name holds no control characters"),
        ("b\u{202e}b\n".as_bytes(), "a name holds no control characters"),
        (b"b\xffb\n", "a name is UTF-8 text"),
        (long, "a name has at most 64 bytes"),
        (longer, "a name has at most 64 bytes"),
    ] {
        let _row = Row::of(&(&name, &why));
        assert_eq!(is_refused(&server, name), format!("[ERROR] direct_serveur: {why}\n"), "{name:?}");
    }
    join(&server, &"x".repeat(64));
}

#[test]
fn messages_after_a_refused_name_are_not_delivered() {
    let server = server(&[]);
    let mut bob = join(&server, "bob");
    is_refused(&server, b"bob\n%bob%not from bob\n");
    bob.sends("%bob%from bob\n");
    bob.hears("from bob\n");
    assert!(!server.program.out.so_far().contains("not from bob"));
}

#[test]
fn a_name_is_free_again_when_its_client_has_left() {
    let server = server(&[]);
    let mut alice = join(&server, "alice");
    for way in ["close", "reset", "killed child"] {
        let _row = Row::of(&way);
        let bob = join(&server, "bob");
        match way {
            "close" => drop(bob),
            "reset" => bob.resets(),
            _ => {
                let child = nix::unistd::Pid::from_raw(server.child_of(&bob));
                nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
            }
        }
        server.wait_for_children(1);
        let mut next = join(&server, "bob");
        alice.sends(format!("%bob%after {way}\n"));
        next.hears(format!("after {way}\n"));
        drop(next);
        server.wait_for_children(1);
    }
}

#[test]
fn the_name_of_a_client_that_is_gone_is_taken_until_its_child_cannot_speak_as_it() {
    let server = server(&[]);
    let (mut alice, bob) = (join(&server, "alice"), join(&server, "bob"));
    let child = server.child_of(&bob);
    stop(child);
    bob.resets();
    // The server finds the reset as it sends.
    for text in ["one", "two"] {
        alice.sends(format!("%bob%{text}\n%alice%{text}\n"));
        alice.hears_up_to(&format!("{text}\n"));
    }
    assert_eq!(is_refused(&server, b"bob\n"), "[ERROR] direct_serveur: the name \"bob\" is taken\n");
    send(child, SIGCONT);
    server.wait_for_children(1);
    join(&server, "bob");
}

#[test]
fn a_client_that_sends_no_name_in_time_is_disconnected_with_an_error() {
    let server = server(&["--name-timeout", "1"]);
    // A client that has sent its name may be silent. The server is stopped until the name is in the
    // socket: the timeout of 1 s has not begun.
    server.program.signal(SIGSTOP);
    let mut alice = server.connect();
    alice.sends("alice\n");
    server.program.signal(SIGCONT);
    server.program.out.line_with(&[&format!("(parent) alice is {},", address_of(&alice))]);
    let mut silent = nameless(&server);
    let address = address_of(&silent);
    assert_eq!(silent.hears_the_end(), b"[ERROR] direct_serveur: no name within 1 s\n");
    server
        .program
        .out
        .line_with(&[&format!("(parent) client {address} gave no name in time"), "1 connected: alice"]);
    alice.sends("%alice%still here\n");
    alice.hears("still here\n");
}

#[test]
fn nuls_do_not_count_as_a_name() {
    let server = server(&["--name-timeout", "1"]);
    let mut peer = nameless(&server);
    let mut speaker = peer.stream.try_clone().unwrap();
    // Often enough that there is always something to read, until the connection ends.
    std::thread::spawn(move || {
        while speaker.write_all(&[0; 16]).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    peer.hears("[ERROR] direct_serveur: no name within 1 s\n");
    peer.stream.shutdown(std::net::Shutdown::Both).unwrap();
    server.wait_for_children(0);
}

#[test]
fn without_a_name_timeout_a_client_may_send_its_name_late() {
    let (without, with) = (server(&["--name-timeout", "0"]), server(&["--name-timeout", "1"]));
    let mut slow = nameless(&without);
    nameless(&with).hears_the_end();
    slow.sends("slow\n%slow%at last\n");
    slow.hears("at last\n");
}

#[test]
fn a_client_that_leaves_before_it_has_a_name_is_printed_by_address() {
    let server = server(&[]);
    let peer = nameless(&server);
    let address = address_of(&peer);
    drop(peer);
    server.program.out.line_with(&[&format!("(parent) client {address} left; child"), "0 connected"]);
}
