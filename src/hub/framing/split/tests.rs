use super::*;

#[test]
fn a_chunk_is_split_into_messages() {
    let rows: [(&[u8], &[&[u8]]); 12] = [
        // A run of NULs ends one message.
        (b"a\0\0\0b\0", &[b"a\0\0\0", b"b\0"]),
        // Newlines end messages only where there is no NUL.
        (b"a\nb\n", &[b"a\n", b"b\n"]),
        (b"a\nb\n\0", &[b"a\nb\n\0"]),
        (b"\n\n", &[b"\n", b"\n"]),
        // Line ends behind a NUL belong to it, a carriage return behind a newline as well.
        (b"a\0\nb\0\r\n", &[b"a\0\n", b"b\0\r\n"]),
        (b"a\0\n\0\0\nb\0", &[b"a\0\n\0\0\n", b"b\0"]),
        (b"\n\0a\0", &[b"\n\0", b"a\0"]),
        (b"a\n\rb\n\r", &[b"a\n\r", b"b\n\r"]),
        (b"a\n\r\nb\r\n\r\n", &[b"a\n", b"\r\n", b"b\r\n", b"\r\n"]),
        (b"a\rb\r", &[b"a\rb\r"]),
        // NULs alone are no message.
        (b"\0\0\0", &[]),
        (b"\0\0a\0", &[b"a\0"]),
    ];
    for (chunk, expected) in rows {
        assert_eq!(messages(chunk).collect::<Vec<_>>(), expected, "{chunk:?}");
    }
}

#[test]
fn line_text_is_trimmed_and_has_no_nul() {
    assert_eq!(line_text(b" \t deux mots \r\n"), b"deux mots");
    assert_eq!(line_text(b"a\0b\0\n"), b"ab");
    assert_eq!(line_text(b"\0 \x0b a\x0b\0\n"), b"a");
    assert_eq!(line_text(b"\r\n"), b"");
}

#[test]
fn a_separator_that_only_some_readers_know_forges_no_line() {
    assert_eq!(line_text(b"eve\r[09:00:00] prof\x0b\x0c!\n"), b"eve [09:00:00] prof  !");
    assert_eq!(line_text("eve\u{85}[09:00:00]\u{2028}prof\u{2029}\n".as_bytes()), b"eve [09:00:00] prof");
    // Removing a NUL does not join bytes to a separator; bytes that are not UTF-8 stay.
    assert_eq!(line_text(b"a\xc2\0\x85b\xe2\x80 \x85\xff\n"), b"a b\xe2\x80 \x85\xff");
}
