//! Bytes of clients that were not written for our servers.

/// PuTTY's first bytes in its telnet mode (RFC 854): WILL NAWS, TSPEED, TTYPE, NEW-ENVIRON, DO
/// ECHO, WILL and DO SGA.
pub const PUTTY: &[u8] =
    b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03";

/// The bytes of telnet(1) at Ctrl+C: Interrupt Process, DO TIMING-MARK.
pub const INTERRUPT: &[u8] = b"\xff\xf4\xff\xfd\x06";

/// The same at Ctrl+Z: Suspend, DO TIMING-MARK.
pub const SUSPEND: &[u8] = b"\xff\xed\xff\xfd\x06";

/// The answer without which telnet(1) shows nothing more: WONT TIMING-MARK.
pub const NO_TIMING_MARK: &[u8] = b"\xff\xfc\x06";

/// The writes of a client in C that reuses one buffer of `size` bytes and writes it whole: behind
/// the NUL of a text are leftovers of older ones.
pub fn blocks(size: usize, texts: &[&str]) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; size];
    let block = |text: &&str| {
        let string = [text.as_bytes(), b"\0"].concat();
        buffer[..string.len()].copy_from_slice(&string);
        buffer.clone()
    };
    texts.iter().map(block).collect()
}
