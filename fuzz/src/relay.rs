//! The relay's strings: the server's decoder of a client's socket, and the client's decoder of a
//! server.
//!
//! Input: a stream that arrives in pieces.

use forklab::labs::relay::MAX_LEN;
use forklab::labs::relay::message::{Frame, FrameDecoder, Message, WINDOW};
use forklab::labs::relay::server_message::{ServerMessage, ServerMessageDecoder};
use forklab::text::BOM;

use super::input::{Arrival, Input};

/// Every byte but leftovers of a block is relayed, in order and in bounded texts, whenever it
/// comes; and a client decodes any server.
pub fn holds(bytes: &[u8]) {
    let arrival = Arrival::of(Input(bytes));
    server_holds(arrival);
    client_holds(arrival);
}

/// Decodes the bytes of a client that come in `pieces`, before its turn or in it; true if any had
/// leftovers. A pause ends the wait for more.
fn said(pieces: impl Iterator<Item = (bool, Vec<u8>)>, is_early: bool) -> (Vec<Message>, bool) {
    let (mut cutter, mut socket, mut said) = (FrameDecoder::default(), Vec::new(), Vec::new());
    let (mut before, mut has_leftovers) = (Vec::new(), false);
    let mut hear = |socket: &mut Vec<u8>, late: bool| {
        while let Some(cut) = look(&mut cutter, socket, late, is_early) {
            has_leftovers |= account_for(&cut, socket, &before);
            before.extend(socket.drain(..cut.length));
            said.extend(cut.message);
        }
    };
    for (is_after_pause, piece) in pieces {
        if is_after_pause {
            hear(&mut socket, true);
        }
        socket.extend(piece);
        hear(&mut socket, false);
    }
    hear(&mut socket, true);
    assert!(socket.is_empty(), "what waits for its rest goes at last");
    (said, has_leftovers)
}

/// One peek at the socket, where bytes stay until their message is complete. A full window ends the
/// wait.
fn look(cutter: &mut FrameDecoder, socket: &[u8], late: bool, is_early: bool) -> Option<Frame> {
    let window = &socket[..socket.len().min(WINDOW)];
    cutter
        .decode(window, false, is_early)
        .or_else(|| (late || window.len() == WINDOW).then(|| cutter.decode(window, true, is_early))?)
}

/// The bytes that a message takes from the socket are its text, and only line ends and NULs around
/// it; or, in a block as long as the one before, which may be several messages, the bytes of that
/// at the same place. True for those.
fn account_for(cut: &Frame, socket: &[u8], before: &[u8]) -> bool {
    assert!((1..=socket.len()).contains(&cut.length));
    let taken = &socket[..cut.length];
    let (text, is_end): (&[u8], fn(&u8) -> bool) = match &cut.message {
        // A late line end, or late padding.
        None if b"\r\n\0".contains(&taken[0]) => (b"", |byte| b"\r\n\0".contains(byte)),
        // A byte order mark alone, before the first text.
        None if taken == BOM => (b"", |_| true),
        // Commands of telnet, or the rest of a long one.
        None => {
            assert!(taken[0] == 0xff || before.contains(&0xff));
            return false;
        }
        Some(Message::Fin) => (b"fin", |byte| b"\r\n\0".contains(byte)),
        Some(Message::Exit) => (b"exit", |byte| b"\r\n\0".contains(byte)),
        Some(Message::Text(text)) => (text, |byte| b"\r\n\0".contains(byte)),
    };
    assert!(text.len() <= MAX_LEN && !text.contains(&0));
    // A mark in front of the first text is no part of it.
    let begun = if ends(text) { taken } else { without_line_ends_before(taken) };
    let unmarked = begun.strip_prefix(BOM).filter(|_| !text.starts_with(BOM)).unwrap_or(begun);
    let end = unmarked.strip_prefix(text).expect("a text is what was sent");
    let padding = end.iter().take_while(|&byte| is_end(byte)).count();
    let at = taken.len() - end.len() + padding;
    let has_leftovers = at < taken.len();
    let block = &before[before.len().saturating_sub(taken.len())..];
    assert!(!has_leftovers || block.get(at..) == Some(&taken[at..]), "{taken:?}");
    has_leftovers
}

fn server_holds(arrival: Arrival) {
    let stream = arrival.stream;
    let pieces = || arrival.pieces().map(|(pause, piece)| (!pause.is_zero(), piece.to_vec()));
    let strings: Vec<&[u8]> = stream.split(|&byte| byte == 0).collect();
    for (is_early, (heard, has_leftovers)) in
        [(false, said(joined_in_runs(pieces().collect()).into_iter(), false)), (true, said(pieces(), true))]
    {
        // Without a NUL and after a pause, only the rules above hold.
        if arrival.is_without_pause()
            && !has_leftovers
            && !stream.contains(&0xff)
            && stream.ends_with(b"\0")
            && !strings.iter().any(|string| without_line_ends_before(string).starts_with(BOM))
            && strings.iter().all(|string| string.len() < WINDOW)
            && !stream.chunk_by(|a, b| is_line_end(a) && is_line_end(b)).any(|run| run.len() >= MAX_LEN)
        {
            let has_text = |string: &&[u8]| !without_line_ends_before(string).is_empty();
            let texts: Vec<&[u8]> = strings.iter().copied().filter(has_text).collect();
            // NULs and line ends alone are one empty message.
            let texts = if texts.is_empty() { vec![&b""[..]] } else { texts };
            let expected: Vec<Message> = texts.into_iter().flat_map(meaning).collect();
            assert_eq!(heard, expected, "before the turn: {is_early}");
        }
    }
}

/// Pieces that do not cut a run of NULs and line ends: in the client's turn, the rest of a run that
/// comes later may be an empty message.
fn joined_in_runs(pieces: Vec<(bool, Vec<u8>)>) -> Vec<(bool, Vec<u8>)> {
    let mut joined: Vec<(bool, Vec<u8>)> = Vec::new();
    for (is_after_pause, piece) in pieces {
        match joined.last_mut() {
            Some((_, before)) if before.last().is_some_and(is_padding) && is_padding(&piece[0]) => {
                before.extend(piece)
            }
            _ => joined.push((is_after_pause, piece)),
        }
    }
    joined
}

/// A command with line ends or none, or a text without those in front: several where it is too
/// long. The rest of one is no `fin`, and no message if it is line ends alone.
fn meaning(string: &[u8]) -> Vec<Message> {
    let mut parts: Vec<&[u8]> = without_line_ends_before(string).chunks(MAX_LEN).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| without_line_ends_before(last).is_empty()) {
        parts.pop();
    }
    let meaning = |(at, part): (usize, &&[u8])| match without_line_ends(part) {
        b"fin" if at == 0 => Message::Fin,
        b"exit" => Message::Exit,
        _ => Message::Text(part.to_vec()),
    };
    if parts.is_empty() {
        vec![Message::Text(Vec::new())]
    } else {
        parts.iter().enumerate().map(meaning).collect()
    }
}

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn is_padding(byte: &u8) -> bool {
    *byte == 0 || is_line_end(byte)
}

fn without_line_ends(text: &[u8]) -> &[u8] {
    let text = without_line_ends_before(text);
    &text[..text.iter().rposition(|byte| !is_line_end(byte)).map_or(0, |at| at + 1)]
}

fn client_holds(arrival: Arrival) {
    let mut answers = ServerMessageDecoder::default();
    let stream = without_line_ends_behind_nuls(arrival.stream);
    let is_padded = stream.windows(3).any(|three| three == [0; 3]);
    let understood: Vec<ServerMessage> = match is_padded {
        // Where padding is cut, its rest is a message.
        true => answers.feed(arrival.stream),
        false => arrival.pieces().flat_map(|(_, piece)| answers.feed(piece)).collect(),
    };
    assert_eq!(understood, understood_slowly(&without_padding(&stream)));
}

/// They belong to the string that the NUL ends.
fn without_line_ends_behind_nuls(stream: &[u8]) -> Vec<u8> {
    let mut is_behind = false;
    let mut kept = stream.to_vec();
    kept.retain(|byte| {
        is_behind = *byte == 0 || (is_behind && is_line_end(byte));
        !is_behind || *byte == 0
    });
    kept
}

/// One NUL in the place of three or more.
fn without_padding(stream: &[u8]) -> Vec<u8> {
    let runs = stream.chunk_by(|one, other| (*one == 0) == (*other == 0));
    runs.flat_map(|run| if run.len() > 2 && run[0] == 0 { &run[..1] } else { run }).copied().collect()
}

fn without_line_ends_before(bytes: &[u8]) -> &[u8] {
    let begin = bytes.iter().position(|byte| !is_line_end(byte)).unwrap_or(bytes.len());
    &bytes[begin..]
}

fn is_role(text: &[u8]) -> bool {
    text.starts_with(b"emi") || text.starts_with(b"rec")
}

fn ends(text: &[u8]) -> bool {
    text.first().is_some_and(is_line_end)
}

/// String by string: number and role first, which need no NUL where neither has one; over-long ones
/// in parts; `exit` anywhere. Where two NULs end a string before the role, they end every string.
fn understood_slowly(stream: &[u8]) -> Vec<ServerMessage> {
    let (mut stage, mut found) = (0, Vec::new());
    let (mut has_two_nuls, mut is_ended) = (false, false);
    let mut strings = stream.split(|&byte| byte == 0).peekable();
    while let Some(whole) = strings.next() {
        let mut string = whole;
        let lacks_end = stage == 0 && matches!(string, [b'1' | b'2', role @ ..] if is_role(role));
        if lacks_end || (stage == 0 && matches!(string, [b'1' | b'2', rest @ ..] if ends(rest))) {
            found.push(ServerMessage::Number(string[0] - b'0'));
            (stage, string) = (1, without_line_ends_before(&string[1..]));
        }
        if stage == 1 && is_role(string) && (lacks_end || ends(&string[3..])) {
            let is_emitter = string.starts_with(b"emi");
            found.push(if is_emitter { ServerMessage::Emitter } else { ServerMessage::Receiver });
            (stage, string) = (2, without_line_ends_before(&string[3..]));
        }
        if string.is_empty() && !whole.is_empty() {
            // After the role, a second NUL is another string's.
            is_ended = stage == 2;
            continue;
        }
        if whole.is_empty() && strings.peek().is_some() {
            has_two_nuls |= stage < 2;
            if stage < 2 || (has_two_nuls && std::mem::take(&mut is_ended)) {
                continue;
            }
        }
        is_ended = true;
        while string.len() > MAX_LEN {
            found.push(ServerMessage::Part(string[..MAX_LEN].to_vec()));
            string = &string[MAX_LEN..];
        }
        if strings.peek().is_none() {
            // Its NUL has not come.
            break;
        }
        let answer = match (stage, without_line_ends(string)) {
            (_, b"exit") => ServerMessage::Exit,
            (0, b"1") => ServerMessage::Number(1),
            (0, b"2") => ServerMessage::Number(2),
            (1, b"emi") => ServerMessage::Emitter,
            (1, b"rec") => ServerMessage::Receiver,
            (2, text) => ServerMessage::Message(text.to_vec()),
            (_, text) => ServerMessage::Notice(text.to_vec()),
        };
        stage += usize::from(matches!(
            answer,
            ServerMessage::Number(_) | ServerMessage::Emitter | ServerMessage::Receiver
        ));
        found.push(answer);
    }
    found
}
