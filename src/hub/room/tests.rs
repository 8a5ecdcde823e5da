use super::*;
use crate::hub::connection::MAX_PAUSES;
use std::net::TcpListener;

const LIMIT: u64 = 100_000;

/// A room, and the other ends of its clients' sockets, which nobody reads.
fn room_of(clients: i32) -> (Room, Vec<TcpStream>) {
    let mut room = Room::new(LIMIT);
    let channel = room.add_channel(Duration::ZERO, Instant::now());
    let others = (1..=clients).map(|pid| join(&mut room, pid, channel)).collect();
    (room, others)
}

fn join(room: &mut Room, pid: i32, channel: ChannelId) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    room.join(Pid::from_raw(pid), listener.accept().unwrap(), channel);
    other
}

fn say(room: &mut Room, bytes: usize) -> Delivery {
    let now = Instant::now();
    room.say(0, &vec![b'x'; bytes], now);
    room.deliver(now, |_, _| ())
}

/// Talks until the socket of client 1 is full and it is strained.
fn strain(room: &mut Room) {
    while !say(room, 10_000).under_pressure {}
}

#[test]
fn a_client_that_takes_nothing_is_given_a_bounded_number_of_moments() {
    let (mut room, _others) = room_of(1);
    strain(&mut room);
    for _ in 0..MAX_PAUSES {
        assert!(say(&mut room, 1).under_pressure);
        room.begin_pause();
        room.end_pause();
    }
    assert!(!say(&mut room, 1).under_pressure, "it has stopped: nobody waits for it any more");
}

#[test]
fn a_client_that_reads_again_is_given_moments_again() {
    let (mut room, mut others) = room_of(1);
    strain(&mut room);
    (0..MAX_PAUSES).for_each(|_| room.begin_pause());
    let mut taken = vec![0; 5_000_000];
    while room.client(Pid::from_raw(1)).unwrap().pauses > 0 {
        std::io::Read::read(&mut others[0], &mut taken).unwrap();
        room.end_pause();
        room.deliver(Instant::now(), |_, _| ());
    }
    strain(&mut room);
}

#[test]
fn who_comes_while_messages_wait_is_told_and_hears_on() {
    let (mut room, _others) = room_of(0);
    let (pace, start) = (Duration::from_millis(1), Instant::now());
    let channel = room.add_channel(pace, start);
    room.say(channel, b"a\0", start);
    room.say(channel, b"b\0", start);
    let (_other, pid) = (join(&mut room, 1, channel), Pid::from_raw(1));
    room.tell(pid, b"to you\0", start);
    room.tell(pid, b"not before that is taken\0", start);
    room.say(channel, b"c\0", start);
    // One by one, each a turn after the one before; what was said before it came is none of its business.
    assert_eq!(sizes_in_turns(&mut room, 5), [0, 0, 7, 2, 0]);
    room.tell(pid, b"again\0", Instant::now());
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
fn what_one_is_told_alone_is_no_news_to_the_others() {
    let (mut room, mut others) = room_of(2);
    let (pid, now) = (Pid::from_raw(1), Instant::now());
    room.tell(pid, b"notice", now);
    room.pong(pid, b"pong".to_vec(), now);
    assert!(!room.channels[0].has_news(), "nobody else is looked at");
    let mut sends = Vec::new();
    room.deliver(now, |descriptor, bytes| sends.push((descriptor, bytes)));
    assert_eq!(sends, [(room.client(pid).unwrap().descriptor(), 10)]);
    assert_eq!(received(&mut others[0], 10), b"noticepong");
    // And it hears on.
    say(&mut room, 3);
    assert_eq!(received(&mut others[0], 3), b"xxx");
}

#[test]
fn pongs_replace_each_other_and_take_no_notices_place() {
    let (mut room, mut others) = room_of(1);
    let (pid, now) = (Pid::from_raw(1), Instant::now());
    strain(&mut room);
    for i in 0..1000 {
        room.pong(pid, format!("pong {i:04} {}", "x".repeat(100)).into_bytes(), now);
    }
    room.tell(pid, b"notice", now);
    room.pong(pid, b"last".to_vec(), now);
    let rest = room.clients.get(pid).unwrap().rest(&room.channels[0]);
    assert!(rest.ends_with(b"xxxnoticelast"), "{}", String::from_utf8_lossy(&rest[rest.len() - 50..]));
    drop(others.pop());
}

fn received(other: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut taken = vec![0; bytes];
    std::io::Read::read_exact(other, &mut taken).unwrap();
    taken
}

#[test]
fn a_client_beyond_its_limit_is_a_laggard_and_the_log_is_kept_for_the_slowest() {
    let (mut room, _others) = room_of(2);
    strain(&mut room);
    let slow_readers = loop {
        let delivery = say(&mut room, 10_000);
        if !delivery.slow_readers.is_empty() {
            break delivery.slow_readers;
        }
    };
    let (_, lag, _) = room.slow_reader(slow_readers[0], Instant::now()).unwrap();
    assert!(lag.bytes > LIMIT && lag.since > Duration::ZERO);
    room.client(Pid::from_raw(1)).unwrap().gone = true;
    say(&mut room, 1);
    let needed = room.clients.iter().filter(|c| !c.gone).map(|c| c.cursor).min().unwrap();
    assert!(!room.channels[0].log.between(needed, room.channels[0].log.end()).is_empty());
}

#[test]
fn a_connection_that_is_gone_keeps_nothing_in_the_log() {
    let (mut room, mut others) = room_of(2);
    drop(others.remove(0));
    let mut heard = vec![0; 1000];
    while !room.client(Pid::from_raw(1)).unwrap().gone {
        say(&mut room, 1000);
        std::io::Read::read_exact(&mut others[0], &mut heard).unwrap();
    }
    say(&mut room, 1000);
    assert_eq!(room.channels[0].log.between(0, room.channels[0].log.end()), b"");
}

#[test]
fn who_is_sent_away_loses_its_child_and_no_other_process_that_has_its_number_by_then() {
    use std::os::unix::process::ExitStatusExt;
    let (mut room, _others) = room_of(0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for (was_reaped, expected) in [(false, Signal::SIGKILL), (true, Signal::SIGTERM)] {
        let mut process = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(process.id() as i32);
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        room.join(pid, (stream, listener.local_addr().unwrap()), 0);
        if was_reaped {
            room.reaped(pid);
        }
        room.send_away(pid, Vec::new());
        // It comes after the other, if there was another.
        sys::kill(pid, Signal::SIGTERM);
        assert_eq!(process.wait().unwrap().signal(), Some(expected as i32));
    }
}
