//! A thousand signals a second, and a wall clock that runs backwards: every message arrives, in one
//! order, at its pace.

use crate::common::*;

use nix::sys::signal::Signal::{self, SIGCHLD, SIGCONT, SIGSTOP, SIGURG, SIGWINCH};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const STORM: usize = 10_000;
/// Signals that a terminal, job control or a child may send at any time.
const HARMLESS: [Signal; 4] = [SIGCHLD, SIGWINCH, SIGURG, SIGCONT];

/// Sends the parent and its children [`STORM`] signals in turn, at most a thousand a second, and
/// counts them in `sent`.
#[track_caller]
fn storm(family: &[i32], sent: &AtomicUsize) {
    let began = Instant::now();
    for i in 0..STORM {
        let member = family[i % family.len()];
        if i % 100 < 99 {
            send(member, HARMLESS[i / family.len() % HARMLESS.len()]);
        } else {
            // Stops one process for the next interval.
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
fn ten_thousand_signals_at_1_khz_to_all_processes_lose_no_message() {
    let _machine = crate::alone();
    let server = Server::start(&["-q"]);
    let peers: Vec<Peer> = (0..4).map(|_| server.connect()).collect();
    let family: Vec<i32> = server.wait_for_children(4).into_iter().chain([server.pid()]).collect();
    let sent = AtomicUsize::new(0);
    // Two clients send during the storm: one message each for ten signals, 1000 each.
    let heard = hear_in_one_order(&peers, STORM / 5, |_| {
        thread::scope(|scope| {
            scope.spawn(|| storm(&family, &sent));
            for i in 0..STORM / 10 {
                eventually("the storm to go on", || (sent.load(Ordering::Relaxed) >= i * 10).then_some(()));
                for (who, speaker) in ["alice", "bob"].into_iter().zip(&peers) {
                    let _row = Row::of(&who);
                    speaker.duplicate().sends(format!("{who} : {i}\0"));
                }
            }
        });
    });
    contains_all_messages(&heard, "alice", STORM / 10);
    contains_all_messages(&heard, "bob", STORM / 10);
    let still: Vec<i32> = server.wait_for_children(4).into_iter().chain([server.pid()]).collect();
    assert_eq!(still, family);
    assert_eq!(server.program.err.so_far(), "");
}

/// Counts the sends of one message alone, of `size` bytes or one more, in the output of a server
/// with `-v`. Ends the server.
#[cfg(target_os = "linux")]
#[track_caller]
fn sent_alone(server: Server, size: usize) -> usize {
    server.program.signal(Signal::SIGTERM);
    let said = server.program.out.to_the_end();
    let sends = said.lines().filter_map(|line| line.split_once("send : ")?.1.split(' ').next());
    sends.filter(|sent| sent.parse() == Ok(size) || sent.parse() == Ok(size + 1)).count()
}

/// c-compat/falling_clock.c: each reading of the wall clock is earlier than the last.
#[cfg(target_os = "linux")]
#[test]
fn while_the_wall_clock_runs_backwards_messages_keep_their_pace() {
    let _machine = crate::alone();
    const LINES: usize = 20;
    // A pause of the server of 200 ms turns the paste into a flood. A busy machine may cause one,
    // not five times.
    let paced = (0..5).any(|_| {
        let mut command = std::process::Command::new(SERVER);
        command.args(["--bind", "127.0.0.1", "--port", "0", "--lines", "0", "--pace", "5", "-v"]);
        let server = Server::from(command.env("LD_PRELOAD", c_compat("falling_clock.so")).env("TZ", "UTC"));
        let mut reads_lines = Peer::connect(server.lines_address());
        reads_lines.hears_line();
        let mut paste = server.join();
        let messages: Vec<String> = (10..10 + LINES).map(|i| format!("ligne {i}")).collect();
        paste.sends(messages.join("\0") + "\0");
        // The time stamps of the line client show that the clock runs backwards.
        let stamps: Vec<String> = (0..LINES).map(|_| reads_lines.hears_line()[..10].to_string()).collect();
        assert!(stamps[0].as_str() < "[12:00:00]", "{stamps:?}");
        assert!(stamps.windows(2).all(|two| two[1] < two[0]), "{stamps:?}");
        // All messages arrive, each in its own send.
        assert_eq!(paste.strings(LINES), messages);
        sent_alone(server, "ligne 10\0".len()) == LINES
    });
    assert!(paced, "never sent one by one");
}
