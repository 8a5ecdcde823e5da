use super::*;

const ALICE: Pid = Pid::from_raw(1);
const EVE: Pid = Pid::from_raw(2);

fn taken(name: &str) -> Result<(), NameTaken> {
    Err(NameTaken { name: name.into(), times: 1 })
}

/// `NameRegistry::check` while every client is connected.
fn check(names: &mut NameRegistry, pid: Pid, message: impl AsRef<[u8]>) -> Result<(), NameTaken> {
    names.check(pid, message.as_ref(), |_| true)
}

fn with_alice() -> NameRegistry {
    let mut names = NameRegistry::new("chat_serveur");
    assert_eq!(check(&mut names, ALICE, "alice : bonjour\0"), Ok(()));
    names
}

fn eve_says(message: impl AsRef<[u8]>) -> Result<(), NameTaken> {
    check(&mut with_alice(), EVE, message)
}

#[test]
fn a_taken_name_and_its_look_alikes_are_refused() {
    #[rustfmt::skip]
    let look_alikes = [
        "alice", "Alice", "ALICE", " alice ", "a\u{200b}lice", "\u{430}lice", "al\u{456}ce", "aIice", "ａｌｉｃｅ",
        "alic\u{435}", "\u{202e}alice", "al\u{1}ice",
    ];
    for name in look_alikes {
        for form in [" : bonjour\0", ": bonjour\n", "： bonjour", " > bonjour\n", ":bonjour", "\u{a0}: x"] {
            assert_eq!(eve_says(format!("{name}{form}")), taken("alice"), "{name:?}{form:?}");
        }
    }
}

#[test]
fn nothing_before_a_name_hides_it() {
    for before in ["\u{200d}", " ", ": ", "\u{2f8}", ">", "\n", "\u{a0}", "\t", "\u{1b}", "\u{2800}"] {
        for count in [1, 100, 300] {
            let message = before.repeat(count) + "alice : x\0";
            assert_eq!(eve_says(message), taken("alice"), "{count} x {before:?}");
        }
    }
    // The no-break space of ISO 8859-1.
    assert_eq!(eve_says(b"\xa0alice\xa0: x\0"), taken("alice"));
}

#[test]
fn free_names_and_messages_without_a_name_pass() {
    let long = "x".repeat(MAX_LEN + 1) + " : x\0";
    #[rustfmt::skip]
    let messages = [
        "eve : bonjour\0", "bonjour alice", "alicia : moi\0", " : rien", "bonjour alice : ça va\0", "\0", "", &long,
    ];
    for message in messages {
        assert_eq!(eve_says(message), Ok(()), "{message:?}");
    }
}

#[test]
fn the_servers_name_is_taken() {
    for message in ["chat_serveur : message non transmis\0", "Chat_Serveur: x\0", "ch\u{430}t_serveur > x\0"]
    {
        assert_eq!(eve_says(message), taken("chat_serveur"), "{message:?}");
    }
}

#[test]
fn only_the_first_name_is_claimed_and_later_colons_are_text() {
    let names = &mut with_alice();
    for message in ["Question : comment faire ?\0", "Il est 10 h : on y va\0", "Alice : x\0", "NB: x\0"] {
        assert_eq!(check(names, ALICE, message), Ok(()), "{message}");
    }
    // None of these words became a name of hers.
    assert_eq!(check(names, EVE, "NB: deux\0"), Ok(()));
    assert_eq!(check(names, EVE, "Question : deux\0"), Ok(()));
    assert_eq!(check(names, ALICE, "question : trois\0"), taken("Question"));
}

#[test]
fn refusals_are_counted_for_each_client() {
    let names = &mut with_alice();
    for times in 1..4 {
        let refused = Err(NameTaken { name: "alice".into(), times });
        assert_eq!(check(names, EVE, "alice : x\0"), refused);
    }
    assert_eq!(check(names, Pid::from_raw(3), "alice : x\0"), taken("alice"));
}

#[test]
fn the_name_of_a_client_that_left_is_free() {
    let mut names = with_alice();
    assert_eq!(names.check(EVE, b"alice : moi\0", |pid| pid != ALICE), Ok(()));
    assert_eq!(names.check(ALICE, b"alice : moi\0", |pid| pid != ALICE), taken("alice"));
    // Forgetting its former owner does not free it.
    names.forget(ALICE);
    assert_eq!(check(&mut names, ALICE, "alice : moi\0"), taken("alice"));
    names.forget(EVE);
    assert_eq!(check(&mut names, ALICE, "alice : moi\0"), Ok(()));
}

#[test]
fn names_that_are_not_utf_8_differ_by_their_bytes() {
    let names = &mut NameRegistry::new("chat_serveur");
    assert_eq!(check(names, ALICE, b"Andr\xe9 : moi\0"), Ok(()));
    assert!(check(names, EVE, b"andr\xe9 : moi\0").is_err());
    for other in [b"Andr\xe8 : moi\0", b"Andr\x8a : moi\0", b"Andr\x9a : moi\0"] {
        assert_eq!(check(names, Pid::from_raw(i32::from(other[4])), other), Ok(()), "{other:?}");
    }
}
