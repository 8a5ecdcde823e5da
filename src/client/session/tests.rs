use std::collections::VecDeque;

use super::input::{MAX_QUEUED, MAX_QUEUED_BYTES, has_room_for};

#[test]
fn waiting_lines_and_their_bytes_are_bounded() {
    let mut queue = VecDeque::from(vec![b"x".to_vec(); MAX_QUEUED]);
    assert!(!has_room_for(&queue, &["y"]));
    queue.pop_front();
    assert!(has_room_for(&queue, &["y"]) && !has_room_for(&queue, &["y", "z"]));
    let long = "x".repeat(MAX_QUEUED_BYTES - queue.len());
    assert!(has_room_for(&queue, &[&long]) && !has_room_for(&queue, &[&(long + "x")]));
}
