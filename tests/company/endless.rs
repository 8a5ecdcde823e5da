//! Clients whose words have no end.

use super::*;

/// Kilobytes of memory that a process has to itself.
fn private_kb(pid: i32) -> usize {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_mebibyte_without_an_end_is_relayed_whole_in_pieces_and_kept_by_nobody() {
    let server = Server::start(&[]);
    let (eve, mut alice) = (server.join(), server.join());
    let child = server.child_of(&eve);
    let before = private_kb(child);
    let text: Vec<u8> = (0..1 << 20).map(|i| b'a' + (i % 23) as u8).collect();
    let sent = text.clone();
    let mut speaker = eve.also();
    let sends = std::thread::spawn(move || speaker.sends(sent));
    let listens = std::thread::spawn(move || eve.also().strings(1 << 20).concat());
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

#[test]
fn an_hour_of_one_byte_a_second_is_heard_and_holds_up_nobody() {
    let server = Server::start(&[]);
    let (mut slow, mut alice, mut bob) = (server.join(), server.join(), server.join());
    // An hour's worth: what matters is that each byte comes alone, and never an end.
    for second in 0..3600 {
        slow.sends("x");
        if second % 100 == 0 {
            alice.sends(format!("alice : {second}\0"));
            bob.hears_up_to(&format!("alice : {second}\0"));
        }
    }
    slow.half_closes();
    let mut heard = 0;
    let mut alice = alice;
    while heard < 3600 {
        let string = alice.strings(1).remove(0);
        heard += if string.starts_with("alice : ") { 0 } else { string.len() };
    }
    assert_eq!(heard, 3600);
}

#[test]
fn as_many_newlines_or_nuls_as_one_likes_are_no_harm() {
    let server = Server::start(&[]);
    let (mut eve, mut alice) = (server.join(), server.join());
    eve.sends(vec![0; 1 << 20]);
    eve.sends("eve : fin\0");
    assert_eq!(alice.strings(1), ["eve : fin"]);
}
