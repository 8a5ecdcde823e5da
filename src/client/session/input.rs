//! Typed lines that wait to be sent: how many may, and how many never will.

use std::collections::VecDeque;
use std::io::IsTerminal;

use crate::client::{LineBuffer, Ui, UiMode};
use crate::sys;

/// At most the lines of the largest paste.
pub const MAX_QUEUED: usize = 10_000;
pub const MAX_QUEUED_BYTES: usize = 1 << 20;

pub fn has_room_for(queue: &VecDeque<Vec<u8>>, more: &[&str]) -> bool {
    let bytes = queue.iter().map(Vec::len).chain(more.iter().map(|line| line.len()));
    queue.len() + more.len() <= MAX_QUEUED && bytes.sum::<usize>() <= MAX_QUEUED_BYTES
}

/// Reads of lines that are only counted.
const LAST_READS: usize = 256;

/// Number of lines that stand unread in a pipe or a file, as far as [`LAST_READS`] find them. A
/// terminal is not read: its lines are the shell's now.
pub fn count_unread(ui: &mut dyn Ui, lines: &mut LineBuffer) -> usize {
    let is_readable = |ui: &dyn Ui| {
        let keyboard = ui.sources().keyboard.filter(|keyboard| !keyboard.is_terminal());
        keyboard.is_some_and(sys::is_readable_now)
    };
    let mut count = 0;
    for _ in 0..LAST_READS {
        if ui.mode() == UiMode::Tui || !is_readable(ui) {
            break;
        }
        let Ok(input) = ui.read_keyboard(true, &|_| None) else { break };
        lines.feed(&input.bytes, |_| count += 1);
        if input.has_ended {
            return count + lines.finish().iter().count();
        }
    }
    count
}
