//! Clients that never end a message.

use super::*;

#[test]
fn a_mebibyte_without_an_end_is_relayed_in_pieces_and_not_kept_in_memory() {
    let server = Server::start(&[]);
    let (eve, mut alice) = (server.join(), server.join());
    let child = server.child_of(&eve);
    let before = private_kb(child);
    let text: Vec<u8> = (0..1 << 20).map(|i| b'a' + (i % 23) as u8).collect();
    let sent = text.clone();
    let mut speaker = eve.duplicate();
    let sends = std::thread::spawn(move || speaker.sends(sent));
    let listens = std::thread::spawn(move || eve.duplicate().strings(1 << 20).concat());
    let mut heard = String::new();
    while heard.len() < text.len() {
        heard += &alice.strings(1)[0];
    }
    assert!(heard.as_bytes() == text, "something was lost, or came twice");
    sends.join().unwrap();
    assert!(private_kb(child) <= before + 64, "{before} kB before, {} after", private_kb(child));
    drop(server);
    assert_eq!(listens.join().unwrap().len(), text.len());
}

/// Bounds the memory of the child and the delay of others. Each byte arrives alone and waits for an
/// end that never comes.
#[test]
fn single_bytes_without_an_end_are_relayed_and_delay_no_client() {
    let server = Server::start(&[]);
    let (mut slow, mut alice) = (server.join(), server.join());
    let child = server.child_of(&slow);
    let before = private_kb(child);
    for i in 0..200 {
        slow.sends("x");
        slow.hears("x\0");
        alice.hears("x\0");
        alice.sends(format!("alice : {i}\0"));
        for peer in [&mut slow, &mut alice] {
            peer.hears(format!("alice : {i}\0\0"));
        }
    }
    assert!(private_kb(child) <= before + 64, "{before} kB before, {} after", private_kb(child));
}

#[test]
fn a_mebibyte_of_nuls_is_ignored() {
    let server = Server::start(&[]);
    let (mut eve, mut alice) = (server.join(), server.join());
    eve.sends(vec![0; 1 << 20]);
    eve.sends("eve : fin\0");
    assert_eq!(alice.strings(1), ["eve : fin"]);
}
