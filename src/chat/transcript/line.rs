//! The line of one message: a JSON object. Pure.

use std::fmt::Display;
use std::io::Write;

use chrono::{DateTime, Local, Timelike};

use crate::chat::message::ParsedMessage;
use crate::hub::record::Record;
use crate::text::is_plain;

/// Local time to the millisecond by RFC 3339: `2026-11-21T16:58:07.123+01:00`.
pub type Stamp = [u8; 29];

/// Written by hand, since chrono's `format` allocates: each heap page that the hub writes after a
/// fork is copied (copy-on-write).
pub fn stamp(now: DateTime<Local>) -> Stamp {
    let mut stamp: Stamp = [b' '; 29];
    let (millis, offset) = (now.timestamp_subsec_millis(), now.offset());
    // A year of five digits would be cut.
    let (date, hour, minute, second) = (now.date_naive(), now.hour(), now.minute(), now.second());
    let _ = write!(&mut stamp[..], "{date}T{hour:02}:{minute:02}:{second:02}.{millis:03}{offset}");
    stamp
}

/// Adds the line of one message.
pub fn push_line(lines: &mut Vec<u8>, time: &Stamp, record: &Record, peer: impl Display) {
    let ParsedMessage { name, text } = ParsedMessage::of(record.body);
    lines.extend_from_slice(br#"{"time":""#);
    lines.extend_from_slice(time);
    // Writing to a Vec cannot fail.
    let _ = write!(lines, r#"","pid":{},"address":"{peer}""#, record.pid);
    if let Some(name) = name {
        lines.extend_from_slice(br#","name":"#);
        push_string(lines, name);
    }
    lines.extend_from_slice(br#","text":"#);
    push_string(lines, text);
    if std::str::from_utf8(record.body).is_err() {
        lines.extend_from_slice(br#","bytes":""#);
        record.body.iter().for_each(|byte| drop(write!(lines, "{byte:02x}")));
        lines.push(b'"');
    }
    lines.extend_from_slice(b"}\n");
}

/// Adds a JSON string. Beyond RFC 8259, 7, characters that control a terminal or mislead a reader
/// are escaped too. Bytes that are not UTF-8 become U+FFFD.
fn push_string(lines: &mut Vec<u8>, bytes: &[u8]) {
    let start = lines.len();
    let _ = serde_json::to_writer(&mut *lines, &*String::from_utf8_lossy(bytes));
    // Fast path: printable ASCII.
    if lines[start..].iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return;
    }
    let string = lines.split_off(start);
    for c in String::from_utf8_lossy(&string).chars() {
        let mut buffer = [0; 4];
        let plain = c.encode_utf8(&mut buffer);
        if is_plain(plain) {
            lines.extend_from_slice(plain.as_bytes());
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| drop(write!(lines, "\\u{unit:04x}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::record::Kind;
    use crate::sys::Pid;
    use proptest::prelude::*;
    use serde_json::Value;

    fn object(body: &[u8]) -> (String, Value) {
        let mut lines = Vec::new();
        let record = Record { pid: Pid::from_raw(7), kind: Kind::Message, body };
        push_line(&mut lines, b"2026-11-21T16:58:07.123+01:00", &record, "127.0.0.1:54050");
        let line = String::from_utf8(lines).unwrap();
        let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        (line, value)
    }

    #[test]
    fn a_message_is_one_object_on_one_line() {
        let expected = r#"{"time":"2026-11-21T16:58:07.123+01:00","pid":7,"address":"127.0.0.1:54050","name":"alice","text":"bon \"jour\""}"#;
        assert_eq!(object(b"alice : bon \"jour\"\0\0").0, format!("{expected}\n"));
        let (_, nameless) = object(b"bonjour\n\0");
        assert_eq!(
            (nameless.get("name"), &nameless["text"], nameless.get("bytes")),
            (None, &"bonjour".into(), None)
        );
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_kept_in_hexadecimal() {
        let (_, object) = object(b"\xe9ve : \xff\0");
        assert_eq!((&object["name"], &object["text"]), (&"\u{fffd}ve".into(), &"\u{fffd}".into()));
        assert_eq!(object["bytes"], "e97665203a20ff00");
    }

    #[test]
    fn a_stamp_is_a_time_of_rfc_3339() {
        let now = Local::now();
        let expected = now.to_rfc3339_opts(chrono::SecondsFormat::Millis, false);
        assert_eq!(String::from_utf8_lossy(&stamp(now)), expected);
    }

    proptest! {
        #[test]
        fn every_line_is_plain_and_parses_to_its_message(body in "(al : )?([a-z\"\\\\\u{0}-\u{ff}\u{202e}\u{2028}\u{e0041}👍]{0,40})\0") {
            let (line, object) = object(body.as_bytes());
            prop_assert!(is_plain(line.strip_suffix('\n').unwrap()), "{line:?}");
            let ParsedMessage { name, text } = ParsedMessage::of(body.as_bytes());
            prop_assert_eq!(object["text"].as_str().unwrap().as_bytes(), text);
            prop_assert_eq!(object["name"].as_str().map(str::as_bytes), name);
        }
    }
}
