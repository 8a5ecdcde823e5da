//! Colours, for those who want them. Pure, but for what the environment says.

use std::env::var_os;
use std::fmt::Display;

/// Of the 256, those that can be read on black and on white: each has a contrast of 4 and more to both (WCAG 2, 1.4.3).
const OF_256: [u8; 12] = [27, 28, 30, 63, 64, 97, 98, 130, 131, 133, 161, 163];
/// Of the first eight, those that most themes keep readable on their background.
const OF_8: [u8; 4] = [1, 2, 5, 6];

/// What a terminal can show, and its user wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// None: <https://no-color.org>.
    None,
    /// The first eight.
    Eight,
    /// 256.
    Many,
}

impl Colours {
    /// What NO_COLOR, COLORTERM and TERM say.
    pub fn of_environment() -> Colours {
        let is_set = |name| var_os(name).is_some_and(|value| !value.is_empty());
        let term = var_os("TERM").unwrap_or_default();
        let has_many = is_set("COLORTERM") || term.to_string_lossy().contains("256color");
        match (is_set("NO_COLOR"), has_many) {
            (true, _) => Colours::None,
            (false, true) => Colours::Many,
            (false, false) => Colours::Eight,
        }
    }

    /// `text` in the colour that `name` always has.
    pub fn of(self, name: &str, text: impl Display) -> String {
        let hash = fnv(name.as_bytes());
        let chosen = |among: &[u8]| among[hash as usize % among.len()];
        match self {
            Colours::None => text.to_string(),
            Colours::Eight => format!("\x1b[3{}m{text}\x1b[39m", chosen(&OF_8)),
            Colours::Many => format!("\x1b[38;5;{}m{text}\x1b[39m", chosen(&OF_256)),
        }
    }
}

/// FNV-1a (RFC 9923): the same in every run, on every machine, so that a name has one colour for all.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_documented_one() {
        assert_eq!((fnv(b""), fnv(b"a"), fnv(b"foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
    }

    #[test]
    fn every_colour_can_be_read_on_black_and_on_white() {
        let level = |step: u8| [0.0, 95.0, 135.0, 175.0, 215.0, 255.0][usize::from(step)] / 255.0f64;
        let linear = |c: f64| if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        for colour in OF_256 {
            let step = colour - 16;
            let [red, green, blue] = [step / 36, step / 6 % 6, step % 6].map(|step| linear(level(step)));
            let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            let contrast = (1.05 / (luminance + 0.05)).min((luminance + 0.05) / 0.05);
            assert!(contrast >= 4.0, "{colour}: {contrast}");
        }
    }

    #[test]
    fn a_name_has_its_colour_or_none() {
        assert_eq!(Colours::None.of("bob", "bob"), "bob");
        let bob = Colours::Many.of("bob", "bob");
        assert!(bob.starts_with("\x1b[38;5;") && bob.ends_with("mbob\x1b[39m"));
        assert_eq!(bob, Colours::Many.of("bob", "bob"));
        assert_ne!(bob, Colours::Many.of("alice", "bob"));
    }
}
