//! Names of files: one path component that stays in its directory and is safe to print. Pure.

use std::fmt;

use crate::text::{is_blank, is_plain, visible};

/// Bytes of a name, at most: `NAME_MAX` of the common file systems, limits.h(0p).
pub const MAX_LEN: usize = 255;

/// Bytes of an extension, its dot included. A longer end of a name is none.
const MAX_EXTENSION: usize = 32;

/// Characters of a refused name that the error shows.
const SHOWN: usize = 40;

/// UTF-8, 1 to [`MAX_LEN`] bytes, without `/`, `\`, a leading dot, control characters and
/// characters that mislead a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Checks a name from the network or the command line. The error is one line.
    pub fn check(bytes: &[u8]) -> Result<Name, String> {
        let refuse = |why: &str| Err(format!("file name \"{}\" refused: {why}", excerpt(bytes)));
        match std::str::from_utf8(bytes) {
            Ok("") => Err("file name refused: it is empty".to_string()),
            // Before the checks of its bytes: it may be of any length.
            _ if bytes.len() > MAX_LEN => {
                refuse(&format!("it has {} bytes, {MAX_LEN} are the most", bytes.len()))
            }
            Err(_) => refuse("it is not UTF-8"),
            Ok(name) if name.starts_with('.') => refuse("it begins with a dot"),
            // `\` is a separator on systems that the file may be copied to.
            Ok(name) if name.contains(['/', '\\']) => refuse("it holds a separator"),
            Ok(name) if !is_plain(name) => refuse("it holds a control character"),
            Ok(name) if is_blank(name) => refuse("it shows nothing"),
            Ok(name) => Ok(Name(name.to_string())),
        }
    }

    /// The name of a text without a header.
    pub fn received() -> Name {
        Name("received.txt".to_string())
    }

    /// Puts a number before the extension: `report-2.txt`, `archive-2.tar.gz`. A name that would
    /// become too long is cut in front of it, between characters.
    pub fn numbered(&self, number: impl fmt::Display) -> Name {
        let (stem, extension) = self.0.split_at(self.stem_len());
        let end = format!("-{number}{extension}");
        let most = stem.len().min(MAX_LEN.saturating_sub(end.len()));
        let cut = (0..=most).rev().find(|&at| stem.is_char_boundary(at)).unwrap_or_default();
        Name(format!("{}{end}", &stem[..cut]))
    }

    /// The extension may begin with `.tar`.
    fn stem_len(&self) -> usize {
        let at = self.0.rfind('.').unwrap_or(self.0.len());
        let at = self.0[..at].strip_suffix(".tar").filter(|stem| !stem.is_empty()).map_or(at, str::len);
        if self.0.len() - at > MAX_EXTENSION { self.0.len() } else { at }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn excerpt(bytes: &[u8]) -> String {
    let shown = visible(bytes);
    match shown.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", &shown[..at]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::check(text.as_bytes()).unwrap()
    }

    #[test]
    fn ordinary_names_of_any_language_are_accepted_unchanged() {
        let names = "report.txt|a|été 2026 (final).pdf|日本語.txt|-rf|x..y|a.|~|received.txt";
        for text in names.split('|') {
            assert_eq!(name(text).as_str(), text);
        }
        assert_eq!(name(&"é".repeat(127)).as_str().len(), 254);
        assert_eq!(name(Name::received().as_str()), Name::received());
    }

    #[test]
    fn an_unsafe_name_is_refused_with_its_reason() {
        let long = "x".repeat(256);
        let refused: [(&str, &[&[u8]]); 7] = [
            ("it shows nothing", &[b" ", "\u{a0}\u{200d}".as_bytes()]),
            ("it is empty", &[b""]),
            ("begins with a dot", &[b".", b"..", b"../x", b".bashrc", b".upload-7.part"]),
            ("a separator", &[b"/etc/x", b"a/b", b"a\\b", b"a/"]),
            (
                "a control character",
                &[b"a\0b", b"a\nb", b"a\x1b[31m", "exe.\u{202e}txt".as_bytes(), "a\u{9b}".as_bytes()],
            ),
            ("not UTF-8", &[b"a\xff"]),
            ("it has 256 bytes, 255 are the most", &[long.as_bytes()]),
        ];
        for (why, name) in refused.iter().flat_map(|(why, names)| names.iter().map(move |name| (why, name))) {
            let reason = Name::check(name).unwrap_err();
            assert!(reason.contains(why) && is_plain(&reason) && reason.len() < 250, "{name:?}: {reason}");
        }
    }

    #[test]
    fn a_number_goes_before_the_extension() {
        for (text, numbered) in [
            ("report.txt", "report-2.txt"),
            ("archive.tar.gz", "archive-2.tar.gz"),
            ("tar.gz", "tar-2.gz"),
            ("archive.tar", "archive-2.tar"),
            ("my.file.txt", "my.file-2.txt"),
            ("Makefile", "Makefile-2"),
            ("odd.", "odd-2."),
            ("report-2.txt", "report-2-2.txt"),
        ] {
            assert_eq!(name(text).numbered(2).as_str(), numbered, "{text}");
        }
        let no_extension = format!("a.{}", "b".repeat(100));
        assert_eq!(name(&no_extension).numbered(10).as_str(), format!("{no_extension}-10"));
        // Cut between characters to make room for the number.
        let long = name(&format!("{}.txt", "é".repeat(125)));
        assert_eq!(long.numbered(10).as_str(), format!("{}-10.txt", "é".repeat(124)));
    }
}
