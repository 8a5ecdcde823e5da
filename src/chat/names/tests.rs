use super::*;

type Verdict = Result<(), NameTaken>;
const FINE: Verdict = Ok(());

fn taken(name: &str) -> Verdict {
    Err(NameTaken { name: name.into(), times: 1 })
}

const ALICE: Pid = Pid::from_raw(1);
const EVE: Pid = Pid::from_raw(2);

fn with_alice() -> NameRegistry {
    let mut names = NameRegistry::new("chat_serveur");
    assert_eq!(names.judge(ALICE, b"alice : bonjour\0", |_| true), FINE);
    names
}

fn eve_says(message: impl AsRef<[u8]>) -> Verdict {
    with_alice().judge(EVE, message.as_ref(), |_| true)
}

#[test]
fn nobody_speaks_under_anothers_name_or_one_that_looks_like_it() {
    let look_alikes = [
        "alice",
        "Alice",
        "ALICE",
        " alice ",
        "a\u{200b}lice",
        "\u{430}lice",
        "al\u{456}ce",
        "aIice",
        "ａｌｉｃｅ",
        "alic\u{435}",
        "\u{202e}alice",
        "al\u{1}ice",
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
            assert_eq!(
                eve_says(before.repeat(count) + "alice : x\0"),
                taken("alice"),
                "{count} x {before:?}"
            );
        }
    }
    // The no-break space of an older encoding.
    assert_eq!(eve_says(b"\xa0alice\xa0: x\0"), taken("alice"));
}

#[test]
fn other_names_and_what_bears_none_are_fine() {
    let long = "x".repeat(MAX_LEN + 1) + " : x\0";
    let messages = [
        "eve : bonjour\0",
        "bonjour alice",
        "alicia : moi\0",
        " : rien",
        "bonjour alice : ça va\0",
        "\0",
        "",
    ];
    for message in messages.into_iter().chain([&*long]) {
        assert_eq!(eve_says(message), FINE, "{message:?}");
    }
}

#[test]
fn nobody_speaks_as_if_it_were_the_server() {
    for message in ["chat_serveur : message non transmis\0", "Chat_Serveur: x\0", "ch\u{430}t_serveur > x\0"]
    {
        assert_eq!(eve_says(message), taken("chat_serveur"), "{message:?}");
    }
}

#[test]
fn the_first_name_is_its_clients_own_and_the_colons_of_its_text_are_free() {
    let mut names = with_alice();
    for message in ["Question : comment faire ?\0", "Il est 10 h : on y va\0", "Alice : x\0", "NB: x\0"] {
        assert_eq!(names.judge(ALICE, message.as_bytes(), |_| true), FINE, "{message}");
    }
    // They made no name hers.
    assert_eq!(names.judge(EVE, b"NB: deux\0", |_| true), FINE);
    assert_eq!(names.judge(EVE, b"Question : deux\0", |_| true), FINE);
    assert_eq!(names.judge(ALICE, b"question : trois\0", |_| true), taken("Question"));
}

#[test]
fn refusals_are_counted_for_each_client() {
    let mut names = with_alice();
    for times in 1..4 {
        let refused = Err(NameTaken { name: "alice".into(), times });
        assert_eq!(names.judge(EVE, b"alice : x\0", |_| true), refused);
    }
    assert_eq!(names.judge(Pid::from_raw(3), b"alice : x\0", |_| true), taken("alice"));
}

#[test]
fn the_name_of_one_who_left_is_free() {
    let mut names = with_alice();
    assert_eq!(names.judge(EVE, b"alice : moi\0", |pid| pid != ALICE), FINE);
    assert_eq!(names.judge(ALICE, b"alice : moi\0", |pid| pid != ALICE), taken("alice"));
    // Its new owner keeps it.
    names.forget(ALICE);
    assert_eq!(names.judge(ALICE, b"alice : moi\0", |_| true), taken("alice"));
    names.forget(EVE);
    assert_eq!(names.judge(ALICE, b"alice : moi\0", |_| true), FINE);
}

#[test]
fn names_in_no_utf_8_are_told_apart_by_their_bytes() {
    let mut names = NameRegistry::new("chat_serveur");
    assert_eq!(names.judge(ALICE, b"Andr\xe9 : moi\0", |_| true), FINE);
    assert!(names.judge(EVE, b"andr\xe9 : moi\0", |_| true).is_err());
    for other in [b"Andr\xe8 : moi\0", b"Andr\x8a : moi\0", b"Andr\x9a : moi\0"] {
        assert_eq!(names.judge(Pid::from_raw(i32::from(other[4])), other, |_| true), FINE);
    }
}
