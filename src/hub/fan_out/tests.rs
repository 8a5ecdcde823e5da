//! Delivery without a supervisor: clients, channels and backpressure, as a hub holds them.

use super::*;
use crate::hub::backpressure::{LONG_PAUSE, MAX_LATE, MAX_PAUSE, STOPPED_AFTER};
use crate::hub::message_log::ChannelId;
use crate::hub::record_reader::CAPACITY;
use crate::sys::{self, Signal};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const LIMIT: u64 = 100_000;

struct Room {
    clients: ClientTable<()>,
    channels: Channels,
    backpressure: Backpressure,
    channel: ChannelId,
}

impl Room {
    fn new(pace: Duration, now: Instant) -> Room {
        let mut channels = Channels::default();
        let channel = channels.add(pace, now);
        Room { clients: ClientTable::default(), channels, backpressure: Backpressure::new(LIMIT), channel }
    }

    /// A room of unpaced clients 1, 2, ..., and the other ends of their sockets.
    fn of(clients: i32) -> (Room, Vec<TcpStream>) {
        let mut room = Room::new(Duration::ZERO, Instant::now());
        let others = (1..=clients).map(|pid| room.join(pid)).collect();
        (room, others)
    }

    #[track_caller]
    fn join(&mut self, pid: i32) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        let mut connection = Connection::new(Pid::from_raw(pid), (socket, peer.into()));
        connection.join(self.channel, &mut self.channels);
        self.clients.insert(connection, ());
        other
    }

    #[track_caller]
    fn client(&mut self, pid: i32) -> &mut Connection {
        &mut self.clients.get_mut(Pid::from_raw(pid)).unwrap().0
    }

    #[track_caller]
    fn tell(&mut self, pid: i32, notice: &[u8], now: Instant) {
        let connection = &mut self.clients.get_mut(Pid::from_raw(pid)).unwrap().0;
        connection.tell(notice, &mut self.channels, now);
    }

    #[track_caller]
    fn pong(&mut self, pid: i32, pong: &[u8], now: Instant) {
        let (connection, _) = self.clients.get_mut(Pid::from_raw(pid)).unwrap();
        connection.pong(pong.to_vec(), &mut self.channels, now);
    }

    fn deliver(&mut self, now: Instant, sent: impl FnMut(RawFd, usize)) -> Vec<Pid> {
        fan_out(&mut self.clients, &mut self.channels, &mut self.backpressure, now, sent)
    }

    /// Says a message of so many bytes. Returns the slow readers.
    fn say(&mut self, bytes: usize) -> Vec<Pid> {
        self.say_at(bytes, Instant::now())
    }

    /// A message of so many bytes at this time. Returns the slow readers.
    fn say_at(&mut self, bytes: usize, now: Instant) -> Vec<Pid> {
        self.channels.say(self.channel, &vec![b'x'; bytes], now);
        self.deliver(now, |_, _| ())
    }

    /// Talks until the socket of client 1 is full and there is pressure.
    fn press(&mut self) {
        while self.backpressure.pressure.is_none() {
            self.say(10_000);
        }
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.channels.all.iter().filter_map(|channel| channel.pacer.due()).chain(self.clients.due(now)).min()
    }

    fn logged(&self, from: u64) -> &[u8] {
        let log = &self.channels[self.channel].log;
        log.between(from, log.end())
    }
}

#[track_caller]
fn received(other: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut taken = vec![0; bytes];
    other.read_exact(&mut taken).unwrap();
    taken
}

#[test]
fn a_client_that_takes_nothing_is_given_pauses_for_a_bounded_time_until_it_reads_again() {
    let (mut room, mut others) = Room::of(1);
    room.press();
    room.backpressure.bytes = CAPACITY;
    let stalled = room.client(1).stalled_since.unwrap();
    room.backpressure.pause(stalled);
    let until = room.backpressure.paused_until.expect("a pause");
    room.backpressure.resume(&mut room.clients, &room.channels, until);
    assert_eq!(room.backpressure.paused_until, None);
    room.say_at(1, stalled + STOPPED_AFTER - Duration::from_nanos(1));
    assert!(room.backpressure.pressure.is_some(), "it may still be reading");
    room.say_at(1, stalled + STOPPED_AFTER);
    assert_eq!(room.backpressure.pressure, None, "it has stopped: the pipe is not paused for it any more");
    let mut taken = vec![0; 5_000_000];
    while room.client(1).stalled_since == Some(stalled) {
        assert!(others[0].read(&mut taken).unwrap() > 0);
        room.client(1).is_writable = true;
        room.clients.any_writable = true;
        room.deliver(Instant::now(), |_, _| ());
    }
    room.press();
}

#[test]
fn what_one_turn_made_is_nobodys_lag() {
    let (mut room, mut others) = Room::of(1);
    assert_eq!(room.say(50_000_000), [], "all of it from one turn");
    let mut taken = vec![0; 1 << 20];
    let mut left = 50_000_000;
    while left > 0 {
        left -= others[0].read(&mut taken).unwrap();
        room.client(1).is_writable = true;
        room.clients.any_writable = true;
        // A turn that makes nothing, once it has read.
        if left < LIMIT as usize {
            assert_eq!(room.deliver(Instant::now(), |_, _| ()), []);
        } else {
            let Room { clients, channels, channel, .. } = &mut room;
            clients.get_mut(Pid::from_raw(1)).unwrap().0.catch_up(&channels[*channel], Instant::now());
        }
    }
    assert_eq!(room.say(1), []);
}

#[test]
fn a_client_beyond_the_soft_limit_has_some_seconds_to_come_back() {
    let (mut room, _others) = Room::of(1);
    while room.backpressure.judge_at.is_none() {
        assert_eq!(room.say(1000), []);
    }
    let since = room.client(1).late_since.unwrap();
    assert_eq!(room.backpressure.judge_at, Some(since + MAX_LATE));
    assert_eq!(room.say_at(1, since + MAX_LATE - Duration::from_nanos(1)), []);
    // Nothing more is said.
    room.backpressure.resume(&mut room.clients, &room.channels, since + MAX_LATE);
    assert_eq!(room.deliver(since + MAX_LATE, |_, _| ()), [Pid::from_raw(1)]);
}

/// A room of three in which the sockets of `late` are full, and they have been beyond their limit
/// since then.
fn room_with_late(late: usize) -> (Room, Vec<TcpStream>, Instant) {
    let (mut room, mut others) = Room::of(3);
    for other in &others[late..] {
        other.set_nonblocking(true).unwrap();
    }
    let mut dropped = vec![0; 1 << 20];
    while room.backpressure.judge_at.is_none() {
        assert_eq!(room.say(10_000), []);
        for other in &mut others[late..] {
            while other.read(&mut dropped).is_ok_and(|read| read > 0) {}
        }
    }
    let since = room.client(1).late_since.unwrap();
    (room, others, since)
}

/// When a pause that begins at `since` ends, with those that follow it.
fn end_of_pauses(room: &mut Room, since: Instant) -> Instant {
    room.backpressure.bytes = CAPACITY;
    let mut now = since;
    loop {
        room.backpressure.pause(now);
        let Some(until) = room.backpressure.paused_until else { return now };
        now = until;
        room.backpressure.resume(&mut room.clients, &room.channels, now);
        room.deliver(now, |_, _| ());
    }
}

#[test]
fn pauses_follow_each_other_where_half_of_the_readers_are_late() {
    let (mut room, _others, since) = room_with_late(1);
    assert_eq!(end_of_pauses(&mut room, since) - since, LONG_PAUSE, "one of three does not slow the others");
    let (mut room, _others, since) = room_with_late(2);
    // Their sockets take nothing: from STOPPED_AFTER on they get no pause.
    let stalled = room.client(1).stalled_since.unwrap().min(room.client(2).stalled_since.unwrap());
    let end = end_of_pauses(&mut room, since);
    assert!(end >= stalled + STOPPED_AFTER && end <= since + MAX_PAUSE, "{:?}", end - since);
    let (mut room, _others, since) = room_with_late(2);
    room.backpressure.is_ending = true;
    assert_eq!(end_of_pauses(&mut room, since) - since, LONG_PAUSE, "the rest of the pipe is read");
}

#[test]
fn pauses_end_once_fewer_readers_are_late() {
    let (mut room, mut others, since) = room_with_late(2);
    room.backpressure.bytes = CAPACITY;
    room.backpressure.pause(since);
    assert_eq!(room.backpressure.paused_until, Some(since + LONG_PAUSE));
    let mut taken = vec![0; 1 << 20];
    while room.client(2).late_since.is_some() {
        assert!(others[1].read(&mut taken).unwrap() > 0);
        room.client(2).is_writable = true;
        room.clients.any_writable = true;
        assert_eq!(room.deliver(since, |_, _| ()), []);
    }
    room.backpressure.resume(&mut room.clients, &room.channels, since + LONG_PAUSE);
    room.deliver(since + LONG_PAUSE, |_, _| ());
    room.backpressure.pause(since + LONG_PAUSE);
    assert_eq!(room.backpressure.paused_until, None, "the pipe is read");
}

#[test]
fn a_client_that_joins_while_messages_wait_gets_its_notices_and_what_is_said_later() {
    let start = Instant::now();
    let mut room = Room::new(Duration::from_millis(1), start);
    room.channels.say(room.channel, b"a\0", start);
    room.channels.say(room.channel, b"b\0", start);
    let _other = room.join(1);
    room.tell(1, b"to you\0", start);
    room.tell(1, b"not before that is taken\0", start);
    room.channels.say(room.channel, b"c\0", start);
    // One by one, each a turn after the one before; what was said before it joined is not for it.
    assert_eq!(sizes_in_turns(&mut room, 5), [0, 0, 7, 2, 0]);
    room.tell(1, b"again\0", Instant::now());
    assert_eq!(sizes_in_turns(&mut room, 2), [6, 0]);
    assert_eq!(room.due(Instant::now()), None, "an idle room does not wake");
}

/// The bytes that each of so many turns of the pacer sends.
fn sizes_in_turns(room: &mut Room, turns: usize) -> Vec<usize> {
    let turn = |_| {
        let (now, mut sizes) = (room.due(Instant::now()).unwrap_or_else(Instant::now), 0);
        room.deliver(now, |_, bytes| sizes += bytes);
        sizes
    };
    (0..turns).map(turn).collect()
}

#[test]
fn a_private_notice_is_no_news_to_the_others() {
    let (mut room, mut others) = Room::of(2);
    let now = Instant::now();
    room.tell(1, b"notice", now);
    room.pong(1, b"pong", now);
    assert!(!room.channels[room.channel].has_news(), "the others are not looked at");
    let mut sends = Vec::new();
    room.deliver(now, |descriptor, bytes| sends.push((descriptor, bytes)));
    assert_eq!(sends, [(room.client(1).descriptor(), 10)]);
    assert_eq!(received(&mut others[0], 10), b"noticepong");
    room.say(3);
    assert_eq!(received(&mut others[0], 3), b"xxx");
}

#[test]
fn a_pong_replaces_an_earlier_one_and_takes_no_room_of_a_notice() {
    let (mut room, mut others) = Room::of(1);
    let now = Instant::now();
    room.press();
    for i in 0..1000 {
        room.pong(1, format!("pong {i:04} {}", "x".repeat(100)).as_bytes(), now);
    }
    room.tell(1, b"notice", now);
    room.pong(1, b"last", now);
    let mut taken = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    while room.client(1).blocked_since.is_some() {
        let read = others[0].read(&mut buffer).unwrap();
        taken.extend_from_slice(&buffer[..read]);
        room.client(1).is_writable = true;
        room.clients.any_writable = true;
        room.deliver(now, |_, _| ());
    }
    drop(room.clients.remove(Pid::from_raw(1)));
    others[0].read_to_end(&mut taken).unwrap();
    assert!(taken.ends_with(b"xxxnoticelast"), "{}", String::from_utf8_lossy(&taken[taken.len() - 50..]));
}

#[test]
fn a_client_beyond_its_limit_is_a_slow_reader_and_the_log_is_kept_for_the_slowest() {
    let (mut room, _others) = Room::of(2);
    room.press();
    let slow_readers = loop {
        let slow_readers = room.say(10_000);
        if !slow_readers.is_empty() {
            break slow_readers;
        }
    };
    let (connection, _) = room.clients.get_mut(slow_readers[0]).unwrap();
    let lag = connection.lag(&room.channels, Instant::now()).unwrap();
    assert!(lag.bytes > LIMIT && lag.since > Duration::ZERO);
    room.client(1).is_closed = true;
    room.say(1);
    let needed = room.client(2).cursor;
    assert!(!room.logged(needed).is_empty());
}

#[test]
fn a_closed_connection_keeps_nothing_in_the_log() {
    let (mut room, mut others) = Room::of(2);
    drop(others.remove(0));
    while !room.client(1).is_closed {
        room.say(1000);
        received(&mut others[0], 1000);
    }
    room.say(1000);
    assert_eq!(room.logged(0), b"");
}

#[test]
fn a_disconnect_kills_the_worker_and_no_other_process_that_has_its_pid_by_then() {
    use std::os::unix::process::ExitStatusExt;
    let (mut room, _others) = Room::of(0);
    for (is_reaped, expected) in [(false, Signal::SIGKILL), (true, Signal::SIGTERM)] {
        let mut process = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = process.id() as i32;
        let _other = room.join(pid);
        room.client(pid).is_reaped = is_reaped;
        room.client(pid).disconnect(Vec::new());
        // Comes after the other signal, if there was one.
        sys::kill(Pid::from_raw(pid), Signal::SIGTERM);
        assert_eq!(process.wait().unwrap().signal(), Some(expected as i32), "reaped: {is_reaped}");
    }
}

#[test]
fn logs_for_each_client_hold_a_bounded_amount_in_all() {
    let (mut room, _others) = Room::of(0);
    room.backpressure = Backpressure::new(1 << 20);
    let now = Instant::now();
    let mut others = Vec::new();
    for pid in 1..=100 {
        // As directed messages have it.
        room.channel = room.channels.unused(now);
        others.push(room.join(pid));
        room.client(pid).blocked_since = Some(now);
        // The last ones are of another address, and farther behind.
        let (host, bytes) = if pid > 95 { (2, 1 << 20) } else { (1, 900_000) };
        room.client(pid).peer.socket = std::net::SocketAddr::from(([192, 0, 2, host], 1)).into();
        room.channels.say(room.channel, &vec![b'x'; bytes], now);
    }
    let mut dropped = 0;
    // What one turn made is not counted.
    assert_eq!(room.deliver(now, |_, _| ()), []);
    while let [pid] = room.say_at(1, now)[..] {
        assert!(pid.as_raw() <= 95, "{pid} is of the address that holds less");
        room.client(pid.as_raw()).is_closed = true;
        dropped += 1;
    }
    let held: usize = room.channels.all.iter().map(|channel| channel.log.between(0, u64::MAX).len()).sum();
    assert!(held < 65 << 20 && (20..40).contains(&dropped), "{held} bytes, {dropped} dropped");
}
