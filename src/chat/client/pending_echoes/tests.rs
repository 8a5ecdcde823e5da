use super::*;

/// None of these is to be shown yet; all have arrived.
#[track_caller]
fn sent(texts: &[&str]) -> (PendingEchoes, Instant) {
    let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
    texts.iter().for_each(|text| assert_eq!(echoes.sent(text.as_bytes().to_vec(), now), None, "{text}"));
    echoes.acknowledged_all_but(0);
    (echoes, now)
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn an_echo_is_ones_own_once() {
    let (mut echoes, now) = sent(&["a : x"]);
    assert_eq!(echoes.received(b"b : x", now), None);
    assert_eq!(echoes.received(b"a : x\r\n", now), Some(vec![]));
    assert_eq!(echoes.received(b"a : x", now), None);
    assert!(echoes.is_empty() && echoes.deadline().is_none() && echoes.end().is_empty());
}

#[test]
fn a_server_without_echoes_is_noticed_once() {
    let (mut echoes, now) = sent(&["a : x"]);
    assert_eq!(echoes.deadline(), Some(now + ECHO_TIMEOUT));
    assert_eq!(echoes.overdue(now + ECHO_TIMEOUT / 2), (vec![], false));
    assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (texts(&["a : x"]), true));
    assert_eq!((echoes.overdue(now + 2 * ECHO_TIMEOUT), echoes.late()), ((vec![], false), 0));
    // From then on messages are shown when sent. One that has not arrived may be lost.
    assert_eq!(echoes.sent(b"a : y".to_vec(), now), Some(b"a : y".to_vec()));
    echoes.acknowledged_all_but(0);
    assert_eq!(echoes.sent(b"a : z".to_vec(), now), Some(b"a : z".to_vec()));
    assert_eq!((echoes.sent.len(), echoes.deadline(), echoes.late()), (3, None, 0));
    // Another's message: the server has relayed what has arrived.
    assert_eq!(echoes.received(b"b : x", now), None);
    assert_eq!(echoes.end(), texts(&["a : z"]));
    // Another connection may lead to another server.
    assert_eq!(echoes.sent(b"a : y".to_vec(), now), None);
}

#[test]
fn on_a_dead_connection_messages_are_sent_and_kept_and_nothing_is_concluded() {
    let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
    for text in ["a : x", "a : y"] {
        assert_eq!(echoes.sent(text.as_bytes().to_vec(), now), None);
        echoes.acknowledged_all_but(echoes.bytes_sent);
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (texts(&[text]), false));
    }
    assert_eq!(echoes.sent(b"a : z".to_vec(), now), None);
    assert_eq!(echoes.late(), 2);
    // Had the connection come back, they would be said, in order.
    assert_eq!(echoes.received(b"a : x", now), Some(vec![]));
    assert_eq!((echoes.late(), echoes.end()), (1, texts(&["a : y", "a : z"])));
}

#[test]
fn a_server_that_is_only_stopped_may_lose_what_has_arrived() {
    let (mut echoes, now) = sent(&["a : x"]);
    assert!(echoes.overdue(now + ECHO_TIMEOUT).1);
    assert_eq!(echoes.end(), texts(&["a : x"]));
}

#[test]
fn a_server_that_has_echoed_never_becomes_one_without_echoes() {
    let (mut echoes, now) = sent(&["a : x"]);
    assert_eq!(echoes.received(b"a : x", now), Some(vec![]));
    // Its child is stopped; others' messages still come.
    for text in ["a : y", "a : z"] {
        assert_eq!(echoes.sent(text.as_bytes().to_vec(), now), None);
        echoes.acknowledged_all_but(0);
        assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (texts(&[text]), false));
        assert_eq!(echoes.received(b"b : x", now), None);
    }
    assert_eq!((echoes.late(), echoes.end()), (2, texts(&["a : y", "a : z"])));
}

#[test]
fn an_end_in_order_may_lose_what_a_server_that_echoes_has_not_sent_back() {
    let (mut echoes, now) = sent(&["a : x", "a : y"]);
    assert!(echoes.end_in_order().is_empty());
    assert_eq!(echoes.received(b"a : x", now), Some(vec![]));
    assert_eq!(echoes.end_in_order(), texts(&["a : y"]));
    // Another's message tells nothing, a notice of our server does.
    let (mut echoes, now) = sent(&["a : x"]);
    assert_eq!(echoes.received(b"b : x", now), None);
    assert!(echoes.end_in_order().is_empty());
    assert_eq!(echoes.received(b"chat_serveur : la salle est pleine", now), None);
    assert_eq!(echoes.end_in_order(), texts(&["a : x"]));
}

#[test]
fn a_message_that_is_not_echoed_is_shown_in_its_place_and_kept() {
    let (mut echoes, now) = sent(&["1", "2", "3", "4"]);
    assert_eq!(echoes.received(b"1", now + ECHO_TIMEOUT), Some(vec![]));
    assert_eq!(echoes.received(b"3", now + ECHO_TIMEOUT), Some(texts(&["2"])));
    // The timeout counts from the last echo; one missing echo does not change the policy.
    assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (vec![], false));
    assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (texts(&["4"]), false));
    assert_eq!(echoes.sent(b"5".to_vec(), now), None);
    // Shown already, 4 is not shown again.
    assert_eq!((echoes.received(b"5", now), echoes.late()), (Some(vec![]), 2));
    assert!(!echoes.is_empty());
    assert_eq!(echoes.end_in_order(), texts(&["2", "4"]));
}

#[test]
fn a_message_passed_over_is_said_when_it_comes_back_in_another_order() {
    let (mut echoes, now) = sent(&["1", "2", "3"]);
    assert_eq!(echoes.received(b"3", now), Some(texts(&["1", "2"])));
    assert_eq!((echoes.late(), echoes.deadline()), (2, None));
    assert_eq!(echoes.received(b"2", now), Some(vec![]));
    assert_eq!(echoes.sent(b"4".to_vec(), now), None);
    assert_eq!(echoes.received(b"1", now), Some(vec![]));
    assert_eq!((echoes.late(), echoes.show_hidden()), (0, texts(&["4"])));
    assert_eq!(echoes.end(), texts(&["4"]));
}

#[test]
fn an_echo_is_that_of_the_message_in_order_and_not_of_an_earlier_one_with_its_text() {
    let (mut echoes, now) = sent(&["ok", "1", "ok", "2"]);
    assert_eq!(echoes.received(b"1", now), Some(texts(&["ok"])));
    assert_eq!(echoes.received(b"ok", now), Some(vec![]));
    assert_eq!((echoes.late(), echoes.received(b"2", now)), (1, Some(vec![])));
    assert_eq!(echoes.end(), texts(&["ok"]));
}

#[test]
fn what_others_spoke_after_is_no_longer_said_once_a_later_message_comes_back() {
    let (mut echoes, now) = sent(&["1", "2"]);
    assert!(echoes.overdue(now + ECHO_TIMEOUT).1);
    assert_eq!(echoes.received(b"b : x", now), None);
    assert_eq!(echoes.received(b"2", now), Some(vec![]));
    assert_eq!(echoes.end(), texts(&["1"]));
}

#[test]
fn a_message_lost_with_its_connection_hides_none_of_the_next() {
    let (mut echoes, now) = sent(&["a : x"]);
    assert_eq!(echoes.end(), texts(&["a : x"]));
    echoes.sent(b"a : x".to_vec(), now);
    assert_eq!((echoes.received(b"a : x", now), echoes.deadline()), (Some(vec![]), None));
}

#[test]
fn a_refused_message_is_not_awaited() {
    let (mut echoes, now) = sent(&["a : x", "b : y"]);
    assert_eq!(echoes.refused(now), Some(b"a : x".to_vec()));
    assert_eq!(echoes.received(b"b : y", now), Some(vec![]));
    assert_eq!((echoes.refused(now), echoes.deadline()), (None, None));
    // A refusal is about none that was passed over.
    let (mut echoes, now) = sent(&["a : x", "b : y", "a : z"]);
    assert_eq!(echoes.received(b"b : y", now), Some(texts(&["a : x"])));
    assert_eq!((echoes.refused(now), echoes.refused(now)), (Some(b"a : z".to_vec()), None));
    assert_eq!(echoes.end(), texts(&["a : x"]));
}

#[test]
fn a_slow_server_is_recognized_as_echoing() {
    let (mut echoes, now) = sent(&["1"]);
    assert!(echoes.overdue(now + ECHO_TIMEOUT).1);
    // Shown as sent, then as said.
    assert_eq!(echoes.received(b"1", now), Some(vec![]));
    assert_eq!((echoes.sent(b"2".to_vec(), now), echoes.received(b"2", now)), (None, Some(vec![])));
}

#[test]
fn pending_messages_are_bounded_and_none_is_lost() {
    let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
    let shown = (0..2 * MAX).filter_map(|i| echoes.sent(i.to_string().into_bytes(), now)).count();
    assert_eq!((shown, echoes.overdue(now + ECHO_TIMEOUT).0.len()), (MAX, MAX));
    // Of those passed over, the newest stay.
    let last = (2 * MAX - 1).to_string();
    assert_eq!(echoes.received(last.as_bytes(), now), Some(vec![]));
    let more = (2 * MAX..2 * MAX + 3).filter_map(|i| echoes.sent(i.to_string().into_bytes(), now)).count();
    assert_eq!((more, echoes.refused(now)), (0, Some((2 * MAX).to_string().into_bytes())));
    assert_eq!(echoes.end().len(), MAX - 1);
}

#[test]
fn an_echo_is_ones_own_whatever_stands_around_it() {
    for heard in ["a : x\n\r", "\na : x", "\r\na : x\r\n", " \u{feff}a : x ", "\u{feff}\na : x"] {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.received(heard.as_bytes(), now), Some(vec![]), "{heard:?}");
    }
}

#[test]
fn an_echo_is_ones_own_in_each_form_that_distinct_names_gives_it() {
    for (said, heard) in [
        ("a : un\x0bdeux\x0c ", "a : un^Kdeux^L "),
        ("a : \u{feff}x", "a : <U+FEFF>x"),
        ("a : \u{202e}\x1b[2Jx", "a : ??[2Jx"),
        ("a : fin\r", "a : fin"),
        ("a : un\tdeux", "a : un\tdeux"),
    ] {
        let (mut echoes, now) = sent(&[said]);
        assert_eq!(echoes.received(b"a : un^Jdeux", now), None);
        assert_eq!(echoes.received(heard.as_bytes(), now), Some(vec![]), "{said:?}");
    }
}

#[test]
fn each_form_of_what_is_awaited_is_known_and_no_other() {
    let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
    let text = |i: usize| format!("a : \u{1b}{i}").into_bytes();
    let sent = [0..MAX, 0..MAX / 2];
    sent.clone().into_iter().flatten().for_each(|i| drop(echoes.sent(text(i), now)));
    // The oldest are no longer awaited, but for those sent again; three forms of each are known.
    assert_eq!((echoes.sent.len(), echoes.forms.len()), (MAX, 3 * MAX));
    let mut others = (0..MAX).map(|i| [b"b : ", &text(i)[..]].concat());
    assert!(others.all(|other| echoes.received(&other, now).is_none()));
    (MAX / 2..MAX).for_each(|i| drop(echoes.sent(text(i + MAX), now)));
    assert!((0..MAX).all(|i| echoes.received(&text(i), now).is_some() == (i < MAX / 2)));
    assert!((MAX / 2..MAX).all(|i| echoes.received(&text(i + MAX), now).is_some()));
    assert_eq!((echoes.sent.len(), echoes.forms.len()), (0, 0));
}
