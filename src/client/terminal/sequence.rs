//! Finds where a control sequence of a terminal ends: a key, or a report that nobody has asked for,
//! or that another program has asked for. Pure.
//!
//! The forms are those of ECMA-48 (5.4 and 5.6) and ECMA-35 (13.2), with what terminals add: SS3
//! with parameters, the Linux console's `CSI [ A`, characters behind the mouse's `CSI M`, BEL as
//! the end of a string. `keys` and the crate terminput say what a sequence means. Parsers of
//! output, such as the crate vte, know none of these additions, and do not say whether a sequence
//! is incomplete.
//!
//! A sequence that never ends must not swallow the keyboard: CAN and SUB abort it (ECMA-48). So
//! does any other control character that it cannot have, which counts as the key it is: strings
//! alone have some. The caller gives up after [`super::keys::KeyDecoder::timeout`].

/// Bytes after which a sequence is given up.
const MAX_SEQUENCE: usize = 1 << 20;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// ST, the end of a string, as one byte.
const STRING_TERMINATOR: u8 = 0x9c;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;

#[derive(Debug, PartialEq, Eq)]
pub struct Sequence {
    form: Form,
    /// Bytes behind the introducer.
    length: usize,
    /// In a string: ESC came last, perhaps the first byte of its end.
    pub has_escape: bool,
    character: PartialCharacter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// CSI: parameters and intermediate bytes, then a final byte.
    Control,
    /// CSI and a number alone, so far: rxvt ends a key with Shift by `$`, elsewhere an intermediate
    /// byte.
    Numbered,
    /// SS3: perhaps digits, then a final byte.
    Shifted,
    /// nF: intermediate bytes, then a final byte.
    Escape,
    /// This many characters: NUL, or bytes of any value from 0x20 on. Two bytes that are a
    /// character in UTF-8 count as one.
    Counted(u8),
    /// DCS, OSC, PM, APC: text with format effectors, such as HT and LF. BEL ends it too.
    Text,
    /// SOS: any bytes.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    More,
    /// The byte is the last.
    End,
    /// The byte aborts the sequence.
    Abort,
    /// The byte does not belong to the sequence, which is over.
    Foreign,
}

impl Sequence {
    /// The sequence that ESC and `byte` begin; `None` where they do not.
    pub fn introduced_by(byte: u8) -> Option<Sequence> {
        let form = match byte {
            b'[' => Form::Control,
            b'O' => Form::Shifted,
            b' '..=b'/' => Form::Escape,
            // SS2.
            b'N' => Form::Counted(1),
            b'P' | b']' | b'^' | b'_' => Form::Text,
            b'X' => Form::Any,
            _ => return None,
        };
        Some(Sequence { form, length: 0, has_escape: false, character: PartialCharacter::default() })
    }

    pub fn feed(&mut self, byte: u8) -> Step {
        self.length += 1;
        if self.length > MAX_SEQUENCE {
            return Step::Foreign;
        }
        match (self.form, byte) {
            (Form::Text | Form::Any, _) => self.feed_string(byte),
            (_, CANCEL | SUBSTITUTE) => Step::Abort,
            // NUL: beyond the last column that the mouse can tell.
            (Form::Counted(left), 0 | 0x20..) => self.feed_counted(byte, left),
            (_, ..0x20) => Step::Foreign,
            (Form::Control, b'[') if self.length == 1 => self.goes_on_as(Form::Counted(1)),
            (Form::Control, b'M') if self.length == 1 => self.goes_on_as(Form::Counted(3)),
            // xterm's highlight tracking.
            (Form::Control, b't') if self.length == 1 => self.goes_on_as(Form::Counted(2)),
            (Form::Control, b'T') if self.length == 1 => self.goes_on_as(Form::Counted(6)),
            (Form::Control, b'0'..=b'9') if self.length == 1 => self.goes_on_as(Form::Numbered),
            (Form::Numbered, b'$') => Step::End,
            (Form::Numbered, b'0'..=b'9') => Step::More,
            (Form::Control | Form::Numbered, ..=0x3f) => self.goes_on_as(Form::Control),
            (Form::Escape, ..=0x2f) => Step::More,
            (Form::Shifted, b'0'..=b'9' | b';') => Step::More,
            (_, ..=0x7e) => Step::End,
            (_, 0x7f..) => Step::Foreign,
        }
    }

    fn goes_on_as(&mut self, form: Form) -> Step {
        self.form = form;
        Step::More
    }

    /// The mouse's coordinates beyond column 95 are one byte, or in mode 1005 two of UTF-8, and no
    /// byte tells the mode. Two bytes of the older mode that are a character in UTF-8 (from column
    /// 162, row 96 on) are taken for one coordinate: the pause behind them ends the sequence.
    fn feed_counted(&mut self, byte: u8, left: u8) -> Step {
        let is_second = self.character.left == 1 && matches!(byte, 0x80..=0xbf);
        self.character.left = usize::from(matches!(byte, 0xc2..=0xdf));
        match (left, is_second) {
            (0, true) => Step::End,
            (0, false) => Step::Foreign,
            (_, true) => Step::More,
            (1, false) if self.character.left == 0 => Step::End,
            (_, false) => self.goes_on_as(Form::Counted(left - 1)),
        }
    }

    fn feed_string(&mut self, byte: u8) -> Step {
        let is_end = byte == STRING_TERMINATOR && !self.character.continues_with(byte);
        self.character.feed(byte);
        match byte {
            b'\\' if self.has_escape => Step::End,
            _ if self.has_escape => Step::Foreign,
            ESCAPE => {
                self.has_escape = true;
                Step::More
            }
            CANCEL | SUBSTITUTE => Step::Abort,
            _ if is_end => Step::End,
            _ if self.form == Form::Any => Step::More,
            BELL => Step::End,
            0x08..=0x0d => Step::More,
            ..0x20 | 0x7f => Step::Foreign,
            _ => Step::More,
        }
    }
}

/// Tells the bytes 0x80 to 0x9f of a UTF-8 character from controls of one byte (C1).
#[derive(Debug, Default, PartialEq, Eq)]
struct PartialCharacter {
    first: u8,
    /// Bytes to come.
    left: usize,
}

impl PartialCharacter {
    /// False also for the second byte of U+0080 to U+009F, which are the same controls.
    fn continues_with(&self, byte: u8) -> bool {
        self.left > 0 && !(self.first == 0xc2 && byte < 0xa0)
    }

    fn feed(&mut self, byte: u8) {
        match byte {
            0x80..=0xbf => self.left = self.left.saturating_sub(1),
            _ => {
                self.first = byte;
                self.left = match byte {
                    0xc2..=0xdf => 1,
                    0xe0..=0xef => 2,
                    0xf0..=0xf4 => 3,
                    _ => 0,
                };
            }
        }
    }
}
