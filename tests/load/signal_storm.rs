//! A thousand signals a second, and a clock that falls: what is said meanwhile arrives, all of it, in one order, at its pace.

use crate::common::*;

use nix::sys::signal::Signal::{self, SIGCHLD, SIGCONT, SIGSTOP, SIGURG, SIGWINCH};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const STORM: usize = 10_000;
/// What a terminal, a job control or a child may send at any time.
const HARMLESS: [Signal; 4] = [SIGCHLD, SIGWINCH, SIGURG, SIGCONT];

/// Sends the first process and the children [`STORM`] signals in turn, a thousand a second if the machine can, and tells how
/// many are sent.
#[track_caller]
fn storm(family: &[i32], sent: &AtomicUsize) {
    let began = Instant::now();
    for i in 0..STORM {
        let member = family[i % family.len()];
        if i % 100 < 99 {
            send(member, HARMLESS[i / family.len() % HARMLESS.len()]);
        } else {
            // Now and then one of them sleeps until the next signal but one.
            send(family[i / 100 % family.len()], SIGSTOP);
        }
        let due = Duration::from_millis(i as u64 + 1);
        thread::sleep(due.saturating_sub(began.elapsed()));
        if i % 100 == 99 {
            send(family[i / 100 % family.len()], SIGCONT);
        }
        sent.store(i + 1, Ordering::Relaxed);
    }
}

#[test]
fn ten_thousand_signals_at_1_khz_to_all_processes_lose_nothing_of_a_conversation() {
    let _machine = crate::alone();
    let server = Server::start(&["-q"]);
    let peers: Vec<Peer> = (0..4).map(|_| server.connect()).collect();
    let family: Vec<i32> = server.wait_for_children(4).into_iter().chain([server.pid()]).collect();
    let sent = AtomicUsize::new(0);
    // Two speak as long as it storms: a message each for ten signals, and so 1000 each.
    let heard = one_order(&peers, STORM / 5, |_| {
        thread::scope(|scope| {
            scope.spawn(|| storm(&family, &sent));
            for i in 0..STORM / 10 {
                eventually("the storm to go on", || (sent.load(Ordering::Relaxed) >= i * 10).then_some(()));
                for (who, speaker) in ["alice", "bob"].into_iter().zip(&peers) {
                    let _row = Row::of(&who);
                    speaker.also().sends(format!("{who} : {i}\0"));
                }
            }
        });
    });
    all_said(&heard, "alice", STORM / 10);
    all_said(&heard, "bob", STORM / 10);
    let still: Vec<i32> = server.wait_for_children(4).into_iter().chain([server.pid()]).collect();
    assert_eq!(still, family);
    assert_eq!(server.program.err.so_far(), "");
}

/// How many times the server has sent one message alone, `size` bytes or one more, as it has told with `-v` until its end.
#[cfg(target_os = "linux")]
#[track_caller]
fn sent_alone(server: Server, size: usize) -> usize {
    server.program.signal(Signal::SIGTERM);
    let said = server.program.out.to_the_end();
    let sends = said.lines().filter_map(|line| line.split_once("send : ")?.1.split(' ').next());
    sends.filter(|sent| sent.parse() == Ok(size) || sent.parse() == Ok(size + 1)).count()
}

/// Each look at the time of day finds it earlier than the one before: c-compat/falling_clock.c.
#[cfg(target_os = "linux")]
#[test]
fn while_the_clock_of_the_wall_falls_messages_go_on_at_their_pace() {
    let _machine = crate::alone();
    const LINES: usize = 20;
    // A machine that keeps the server waiting for 200 ms turns the paste into a flood, but not five times.
    let paced = (0..5).any(|_| {
        let mut command = std::process::Command::new(SERVER);
        command.args(["--bind", "127.0.0.1", "--port", "0", "--lines", "0", "--pace", "5", "-v"]);
        let server = Server::from(command.env("LD_PRELOAD", c_compat("falling_clock.so")).env("TZ", "UTC"));
        let mut reads_lines = Peer::connect(server.lines_address());
        reads_lines.hears_line();
        let mut paste = server.join();
        let messages: Vec<String> = (10..10 + LINES).map(|i| format!("ligne {i}")).collect();
        paste.sends(messages.join("\0") + "\0");
        // The line door's stamps show that the server's clock falls.
        let stamps: Vec<String> = (0..LINES).map(|_| reads_lines.hears_line()[..10].to_string()).collect();
        assert!(stamps[0].as_str() < "[12:00:00]", "{stamps:?}");
        assert!(stamps.windows(2).all(|two| two[1] < two[0]), "{stamps:?}");
        // All arrive, each in a send of its own.
        assert_eq!(paste.strings(LINES), messages);
        sent_alone(server, "ligne 10\0".len()) == LINES
    });
    assert!(paced, "never sent one by one");
}
