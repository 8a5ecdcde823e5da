//! Telnet commands in a client's bytes: RFC 854, 855. Pure.
//!
//! PuTTY's telnet mode begins with a negotiation, and `telnet` sends an interrupt at Ctrl+C.
//! Commands are removed and not answered: to an option that is never agreed to, RFC 1143 lets
//! either side wait for ever. Only a timing mark (RFC 860) is answered: until then, `telnet` shows
//! nothing more.

use memchr::memchr;

/// Interpret As Command.
pub(super) const IAC: u8 = 255;
/// Begin and end of a subnegotiation.
const SB: u8 = 250;
const SE: u8 = 240;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
/// From End of File (RFC 1184) to Go Ahead: commands of two bytes.
const EOF: u8 = 236;
const GA: u8 = 249;

/// An option: DO asks for an answer in the place of its bytes.
const TIMING_MARK: u8 = 6;

/// The answer to it. What the client has said is not acted upon yet, so that the mark is refused.
pub const NO_TIMING_MARK: &[u8] = &[IAC, WONT, TIMING_MARK];

/// Options with a number from here on are left to bytes that are no telnet: IANA has assigned 0 to
/// 49, and 138 to 141, which no client offers first.
const OPTIONS: u8 = 50;

/// Bytes of a subnegotiation, at most. One that does not end is none.
const MAX_SUBNEGOTIATION: usize = 512;

/// Finds commands in a stream, in any segmentation.
#[derive(Clone, Debug, Default)]
pub struct Telnet {
    state: State,
    /// A command has come: the client is one of telnet.
    is_spoken: bool,
    /// An answer to DO TIMING-MARK is due.
    is_marked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    /// In a subnegotiation of so many bytes, the last of which is an IAC or not.
    Subnegotiation(usize, bool),
}

/// Bytes that begin with an IAC; of no length where none does.
struct Command {
    length: usize,
    /// They are one IAC of data.
    is_data: bool,
}

impl Telnet {
    /// Moves the data of `bytes` to their front. Returns the number of bytes of data, and how many
    /// bytes behind them may begin a command: to be given again with those that follow, or taken as
    /// data if none does.
    pub fn strip(&mut self, bytes: &mut [u8]) -> (usize, usize) {
        let (mut at, mut kept) = (0, 0);
        while at < bytes.len() {
            if let State::Subnegotiation(length, after_iac) = self.state {
                self.state = subnegotiation(length, after_iac, bytes[at]);
                at += 1;
                continue;
            }
            let data = memchr(IAC, &bytes[at..]).unwrap_or(bytes.len() - at);
            if at != kept {
                bytes.copy_within(at..at + data, kept);
            }
            (at, kept) = (at + data, kept + data);
            match self.command(&bytes[at..]) {
                Some(Command { length, is_data }) => {
                    if is_data {
                        bytes[kept] = IAC;
                        kept += 1;
                    }
                    at += length;
                }
                None => {
                    bytes.copy_within(at.., kept);
                    return (kept, bytes.len() - at);
                }
            }
        }
        (kept, 0)
    }

    /// True where [`NO_TIMING_MARK`] is to be sent: a timing mark has come since the last call.
    pub fn take_timing_mark(&mut self) -> bool {
        std::mem::take(&mut self.is_marked)
    }

    /// Number of bytes at the front of `bytes` that are commands, whole ones or, in a
    /// subnegotiation, the part that has come.
    pub fn leading(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if let State::Subnegotiation(length, after_iac) = self.state {
                self.state = subnegotiation(length, after_iac, bytes[at]);
                at += 1;
            } else {
                match self.command(&bytes[at..]) {
                    Some(Command { length, is_data: false }) if length > 0 => at += length,
                    _ => break,
                }
            }
        }
        at
    }

    /// The command at the front of `bytes`. `None`: more bytes decide.
    fn command(&mut self, bytes: &[u8]) -> Option<Command> {
        let is_option = |option| option < OPTIONS && !matches!(option, b'\n' | b'\r');
        let length = match *bytes {
            [IAC] => return None,
            [IAC, EOF..=GA, ..] if self.is_spoken => 2,
            // telnet's Ctrl+C: an interrupt, and a timing mark. The first three bytes alone are
            // within words of code page 1251.
            [IAC, EOF..=GA, IAC, DO, TIMING_MARK, ..] => 2,
            [IAC, EOF..=GA] | [IAC, EOF..=GA, IAC] | [IAC, EOF..=GA, IAC, DO] => return None,
            // Two IACs are one of data.
            [IAC, IAC, ..] if self.is_spoken => return Some(Command { length: 2, is_data: true }),
            [IAC, SB..IAC] => return None,
            [IAC, SB, option, ..] if self.is_spoken || is_option(option) => {
                self.state = State::Subnegotiation(0, false);
                3
            }
            [IAC, verb @ (WILL | DO), option, ..] if is_option(option) => {
                self.is_marked |= (verb, option) == (DO, TIMING_MARK);
                3
            }
            // WONT and DONT are answers, never the first command. UTF-16 begins with FF FE.
            [IAC, WILL..=DONT, ..] if self.is_spoken => 3,
            [IAC, ..] => return Some(Command { length: 1, is_data: true }),
            _ => return Some(Command { length: 0, is_data: false }),
        };
        self.is_spoken = true;
        Some(Command { length, is_data: false })
    }
}

/// The state behind one more byte of a subnegotiation.
fn subnegotiation(length: usize, after_iac: bool, byte: u8) -> State {
    match (after_iac, byte) {
        (true, SE) => State::Data,
        _ if length == MAX_SUBNEGOTIATION => State::Data,
        // Two IACs are one of the option's own bytes.
        (false, IAC) => State::Subnegotiation(length + 1, true),
        _ => State::Subnegotiation(length + 1, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of a stream that comes in these reads.
    fn data(reads: &[&[u8]]) -> Vec<u8> {
        let (mut telnet, mut data, mut rest) = (Telnet::default(), Vec::new(), Vec::new());
        for read in reads {
            rest.extend_from_slice(read);
            let (kept, undecided) = telnet.strip(&mut rest);
            data.extend_from_slice(&rest[..kept]);
            rest.drain(..kept);
            rest.truncate(undecided);
        }
        data.extend(rest);
        data
    }

    #[test]
    fn commands_are_removed_in_any_segmentation() {
        let rows: [(&[u8], &[u8]); 16] = [
            // PuTTY, before the first line: NAWS, TSPEED, TTYPE, NEW-ENVIRON, ECHO, SGA.
            (
                b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03a\r\n",
                b"a\r\n",
            ),
            // Ctrl+C in telnet: Interrupt Process, DO TIMING-MARK.
            (b"a\xff\xf4\xff\xfd\x06b\n", b"ab\n"),
            // Ctrl+Z and Ctrl+\: Suspend, Break.
            (b"a\xff\xed\xff\xfd\x06b\n", b"ab\n"),
            (b"a\xff\xf3\xff\xfd\x06b\n", b"ab\n"),
            // Words in code page 1251: a nurse, a child.
            (b"\xed\xff\xed\xff \xf2\xff\xf2\xff", b"\xed\xff\xed\xff \xf2\xff\xf2\xff"),
            // Are You There, of a client that speaks telnet.
            (b"\xff\xfb\x1fa\xff\xf6b", b"ab"),
            // UTF-16 with its byte order mark.
            (b"\xff\xfe\x1f\x04@\x048\x04", b"\xff\xfe\x1f\x04@\x048\x04"),
            // Text in code page 1251.
            (b"\xe2\xe7\xff\xf2\xfc \xff\xf4", b"\xe2\xe7\xff\xf2\xfc \xff\xf4"),
            // A window size, with an escaped IAC in it.
            (b"\xff\xfa\x1f\0\x50\xff\xff\n\xff\xf0a", b"a"),
            // Refusals, of a client that speaks telnet.
            (b"\xff\xfb\x1f\xff\xfe\x01\xff\xfc\x03a", b"a"),
            // An escaped IAC, of such a client and of another.
            (b"\xff\xfb\x1f\xff\xff\xf4a", b"\xff\xf4a"),
            (b"\xff\xffa", b"\xff\xffa"),
            // Latin-1, UTF-16 and other data.
            (b"\xffa\xff\xefb\xff", b"\xffa\xff\xefb\xff"),
            (b"\xff\xfea\0", b"\xff\xfea\0"),
            (b"\xff\xfb\n\xff\xfd\xe9", b"\xff\xfb\n\xff\xfd\xe9"),
            (b"\xff\xfb", b"\xff\xfb"),
        ];
        for (stream, expected) in rows {
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(data(&bytes), expected, "{stream:?} byte by byte");
            (0..stream.len()).for_each(|cut| {
                assert_eq!(data(&[&stream[..cut], &stream[cut..]]), expected, "{stream:?} cut at {cut}");
            });
        }
    }

    #[test]
    fn a_timing_mark_is_to_be_answered_once() {
        let mut telnet = Telnet::default();
        for (bytes, is_marked) in [
            (&b"\xff\xfb\x06\xff\xfd\x03a"[..], false),
            (b"\xff\xf4\xff\xfd\x06\xff\xfd\x06", true),
            (b"a", false),
        ] {
            telnet.strip(&mut bytes.to_vec());
            assert_eq!(telnet.take_timing_mark(), is_marked, "{bytes:?}");
        }
    }

    #[test]
    fn a_subnegotiation_without_an_end_takes_no_more_than_its_bound() {
        let stream = [b"\xff\xfa\x1f", &[b'x'; 2 * MAX_SUBNEGOTIATION][..]].concat();
        assert_eq!(data(&[&stream]).len(), MAX_SUBNEGOTIATION - 1);
    }
}
