//! A compromised worker writes records in another worker's name: none is taken for the other's, and
//! the writer is ended where its key gives it away.

use super::pipe::{OpenServer, Sender, pipe_of, record, write_packet};
use crate::common::*;

use std::fs::File;
use std::os::unix::fs::FileExt;

use forklab::hub::record::{Key, Kind};

/// A message in the name of bob, which eve's worker must not be able to send.
const FORGED: &[u8] = b"bob : c'est moi\0";

const OF_NOBODY: &str = "le tube contient des enregistrements sans la clé de leur fils";

/// Alice, bob and eve, in the order in which they connected.
struct Room {
    open: OpenServer,
    peers: [Peer; 3],
    bobs: Sender,
    eves: Sender,
    pipe: File,
}

impl Room {
    /// `None`: the test is skipped.
    #[track_caller]
    fn enter() -> Option<Room> {
        let open = OpenServer::start(&[])?;
        let peers = [open.server.join(), open.server.join(), open.server.join()];
        let (bobs, eves) = (open.sender(&peers[1], 1), open.sender(&peers[2], 2));
        let pipe = pipe_of(eves.pid);
        Some(Room { open, peers, bobs, eves, pipe })
    }

    /// A client that is not concerned is heard: the pipe keeps the order of writes.
    #[track_caller]
    fn alice_is_heard(&mut self, by: std::ops::Range<usize>, text: &str) {
        self.peers[0].sends(format!("alice : {text}\0"));
        for peer in &mut self.peers[by] {
            peer.hears(format!("alice : {text}\0\0"));
        }
    }
}

#[test]
fn a_worker_that_writes_in_anothers_name_is_ended_and_the_other_loses_nothing() {
    // The name of bob, of the hub, of init, of no process.
    for name in 0..4 {
        let Some(mut room) = Room::enter() else { return };
        let pid = [room.bobs.pid, room.open.server.pid(), 1, i32::MAX][name];
        let _row = Row::of(&(&name, &pid));
        for (kind, body) in [(Kind::Message, FORGED), (Kind::Left, &104i32.to_ne_bytes())] {
            write_packet(&room.pipe, &record(Sender { pid, ..room.eves }, kind as u8, body));
        }
        let (forger, claimed) = (room.eves.pid.to_string(), pid.to_string());
        room.open.server.program.err.line_with(&["a écrit au nom", &forger, &claimed]);
        assert_eq!(room.peers[2].hears_the_end(), b"");
        room.open.server.wait_for_children(2);
        room.alice_is_heard(0..2, "qui est là ?");
        room.peers[1].sends("bob : moi\0");
        room.peers[0].hears("bob : moi\0\0");
        let told = room.open.server.program.err.so_far();
        assert_eq!(told.matches("a écrit au nom").count(), 1, "{told}");
        assert!(!room.open.server.program.out.so_far().contains("c'est moi"));
    }
}

#[test]
fn a_key_of_no_living_worker_is_counted_and_ends_no_worker() {
    let Some(mut room) = Room::enter() else { return };
    // A fourth client leaves: its key is that of a dead worker.
    let carol = room.open.server.join();
    let dead = room.open.sender(&carol, 3);
    drop(carol);
    room.open.server.wait_for_children(3);
    let keys: [Key; 3] = [[0; 8], *b"random!!", dead.key];
    let pids = [room.bobs.pid, room.eves.pid, dead.pid];
    for (at, pid) in pids.into_iter().enumerate() {
        for key in keys {
            write_packet(&room.pipe, &record(Sender { pid, key }, Kind::Message as u8, FORGED));
        }
        let text = format!("{at}");
        room.alice_is_heard(0..3, &text);
    }
    for times in ["(1 fois)", "(2 fois)", "(4 fois)", "(8 fois)"] {
        room.open.server.program.err.line_with(&[OF_NOBODY, times]);
    }
    room.open.server.wait_for_children(3);
}

#[test]
fn a_record_that_another_key_completes_is_dropped_whole() {
    let Some(mut room) = Room::enter() else { return };
    let open = record(room.eves, Kind::Message as u8, b"bob : c'est moi");
    let rest = record(Sender { key: *b"random!!", ..room.eves }, Kind::Message as u8, b"\0");
    write_packet(&room.pipe, &[open, rest].concat());
    room.alice_is_heard(0..3, "bonjour");
}

/// True if these bytes are anywhere in the memory of a process: proc_pid_mem(5).
#[track_caller]
fn memory_holds(pid: i32, wanted: &[u8]) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).expect("the memory of a descendant");
    maps.lines().filter(|line| line.contains(" rw")).any(|line| {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|digits| u64::from_str_radix(digits, 16).unwrap());
        let mut bytes = vec![0; (end - start) as usize];
        memory.read_exact_at(&mut bytes, start).expect("mapped memory");
        bytes.windows(wanted.len()).any(|bytes| bytes == wanted)
    })
}

#[test]
fn no_later_worker_has_the_key_of_an_earlier_one_in_its_memory() {
    let Some(mut room) = Room::enter() else { return };
    // Their keys pass through the hub, and a forgery makes it look for one.
    for round in 0..10 {
        room.alice_is_heard(0..3, &format!("{round}"));
        let forged = Sender { key: *b"random!!", ..room.bobs };
        write_packet(&room.pipe, &record(forged, Kind::Message as u8, FORGED));
        let later = room.open.server.join();
        let worker = room.open.sender(&later, 3 + round);
        assert!(memory_holds(worker.pid, &worker.key), "its own key, so that the search can fail");
        for (nth, key) in room.open.keys(4 + round)[..3 + round].iter().enumerate() {
            assert!(!memory_holds(worker.pid, key), "key {nth} in worker {round}");
        }
    }
}
