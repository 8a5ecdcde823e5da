//! Colours of names. Pure, but for reading the environment.

use std::env::var_os;
use std::fmt::Display;

pub const DIM: &str = "\x1b[2m";
pub const PLAIN: &str = "\x1b[m";

/// Of the 256 colours, readable on black and on white: contrast of at least 4 to both. WCAG 2
/// (1.4.3) asks for 4.5 to one background; no colour has more than 4.58 to both, and those near it
/// look alike.
const OF_256: [u8; 12] = [27, 28, 30, 63, 64, 97, 98, 130, 131, 133, 161, 163];
/// Of the first 8, which a theme may change: distinct from black and white in the palettes of xterm
/// and VGA. Yellow is lost on white, blue on black.
const OF_8: [u8; 4] = [1, 2, 5, 6];

/// Number of colours to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// <https://no-color.org>
    None,
    Eight,
    Many,
}

impl Colours {
    /// From NO_COLOR, COLORTERM and TERM.
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

    /// `text` in the colour of `name`.
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

/// FNV-1a (RFC 9923): a name has the same colour in every run, on every machine.
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

    /// The smaller of the WCAG 2 contrasts to black and to white.
    fn contrast(rgb: [u8; 3]) -> f64 {
        let share = |level: u8| f64::from(level) / 255.0;
        let linear = |c: f64| if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let [red, green, blue] = rgb.map(|level| linear(share(level)));
        let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        (1.05 / (luminance + 0.05)).min((luminance + 0.05) / 0.05)
    }

    #[test]
    fn every_colour_is_readable_on_black_and_on_white() {
        let level = |step: u8| [0, 95, 135, 175, 215, 255][usize::from(step)];
        for colour in OF_256 {
            let step = colour - 16;
            let contrast = contrast([step / 36, step / 6 % 6, step % 6].map(level));
            assert!(contrast >= 4.0, "{colour}: {contrast}");
        }
    }

    #[test]
    fn of_the_first_8_only_readable_ones_are_used() {
        let bright = |colour: u8, level: u8| [1, 2, 4].map(|bit| if colour & bit != 0 { level } else { 0 });
        let xterm = |colour| if colour == 4 { [0, 0, 0xee] } else { bright(colour, 0xcd) };
        let vga = |colour| if colour == 3 { [0xaa, 0x55, 0] } else { bright(colour, 0xaa) };
        let is_lost = |&colour: &u8| contrast(xterm(colour)) < 1.9 || contrast(vga(colour)) < 2.5;
        let readable: Vec<u8> = (0..8).filter(|colour| !is_lost(colour)).collect();
        assert_eq!(readable, OF_8);
        let used = (0..100).map(|name| Colours::Eight.of(&name.to_string(), "x"));
        let used: std::collections::BTreeSet<String> = used.collect();
        let expected = OF_8.map(|colour| format!("\x1b[3{colour}mx\x1b[39m"));
        assert_eq!(used.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_name_always_has_the_same_colour() {
        assert_eq!(Colours::None.of("bob", "bob"), "bob");
        let bob = Colours::Many.of("bob", "bob");
        assert!(bob.starts_with("\x1b[38;5;") && bob.ends_with("mbob\x1b[39m"));
        assert_eq!(bob, Colours::Many.of("bob", "bob"));
        assert_ne!(bob, Colours::Many.of("alice", "bob"));
    }
}
