//! What names look like: UTS #39, section 4, made fit for names in which capitals do not count. Pure.

use unicode_security::skeleton;

/// One look of a name, and which of the looks it is: each is compared with its like.
pub type Skeleton = (u8, String);

/// What a name looks like in three ways of reading it; another with one of them can be taken for it. The case of letters does
/// not count.
///
/// 1. As it is.
/// 2. A capital I behind the first letter is a small l, as many screens show it. In a name of capitals, a small l is an I.
/// 3. The same for the first letter, but with its case: `Ian` can be taken for `lan`, not for `Lan`.
///
/// To take the letters' case away first, or last, of all three would make `Clara` and `Ciara` one, for `CLARA` has an L.
pub fn skeletons(name: &str) -> [Skeleton; 3] {
    let plain: String = name.chars().flat_map(plain).collect();
    let first = plain.chars().next().map_or(0, char::len_utf8);
    let (initial, rest) = plain.split_at(first);
    let is_in_capitals = !plain.contains(|c: char| c.is_lowercase() && c != 'l')
        && plain.contains(|c: char| c.is_uppercase() && c != 'I');
    let (from, to) = if is_in_capitals { ('l', "I") } else { ('I', "l") };
    let rest = folded(&rest.replace(from, to));
    let within = if is_in_capitals { initial.replace(from, to) } else { initial.to_string() };
    let whole = initial.replace(from, to) + &rest;
    [(1, folded(&plain)), (2, folded(&within) + &rest), (3, whole)]
}

/// True for a colon, for the `>` of some students' clients, and for what looks like them.
pub fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ':' | '>');
    }
    let mut buffer = [0; 4];
    let mut skeletons = skeleton(c.encode_utf8(&mut buffer));
    matches!((skeletons.next(), skeletons.next()), (Some(':' | '>'), None))
}

/// In small letters. Once more plain, since some are so only in one case.
fn folded(text: &str) -> String {
    text.to_lowercase().chars().flat_map(plain).collect()
}

/// The simplest characters that look like `c`. Letters and digits of ASCII are their own: `Arnaud` is not `Amaud`, nor `poste1`
/// `postel`, whatever UTS #39 says of them; so what it takes for m is m, and for l, I where it is not a small letter.
fn plain(c: char) -> std::vec::IntoIter<char> {
    let mut buffer = [0; 4];
    let mut skeleton: Vec<char> =
        if c.is_ascii_alphanumeric() { vec![c] } else { skeleton(c.encode_utf8(&mut buffer)).collect() };
    if !c.is_ascii_alphanumeric() && skeleton.starts_with(&['r', 'n']) {
        skeleton.splice(..2, ['m']);
    } else if skeleton.first() == Some(&'l') && !c.is_lowercase() {
        skeleton[0] = 'I';
    }
    skeleton.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_alike(one: &str, other: &str) -> bool {
        skeletons(one).iter().zip(skeletons(other)).any(|(one, other)| *one == other)
    }

    #[rustfmt::skip]
    const NAMES: [&str; 84] = [
        "Adam", "Adèle", "Agathe", "Alain", "Alice", "Amaud", "Amélie", "André", "Andrée", "Anna", "Anne", "Antoine", "Ariel",
        "Arnaud", "Axel", "Benoît", "Camille", "Céline", "Chloé", "Ciara", "Claire", "Clara", "Clément", "Colin", "Corinne",
        "Daniel", "Danielle", "Élia", "Élie", "Elin", "Élise", "Ella", "Emile", "Emilie", "Émilien", "Emma", "Éric", "Fabien",
        "Gaël", "Gaëlle", "Gilles", "Hélène", "Hugo", "Ian", "Iana", "Ilan", "Iliana", "Inès", "Irène", "Isaac", "Iris",
        "Jean-Isaac", "Jules", "Julia", "Julie", "Juliette", "Lan", "Lana", "Léa", "Léo", "Lia", "Lian", "Liliana", "Lina",
        "Lisa", "Loïc", "Lola", "Lou", "Louis", "Louise", "Maël", "Marie", "Marc", "Michel", "Michèle", "Noël", "Paul", "Paule",
        "poste0", "poste1", "postel", "posteo", "Zoé", "Zoë",
    ];

    #[test]
    fn different_names_do_not_look_alike_in_capitals_or_without() {
        let forms = |name: &str| [name.to_string(), name.to_lowercase(), name.to_uppercase()];
        for one in NAMES {
            assert!(forms(one).iter().all(|form| are_alike(form, one)), "{one}");
            for other in NAMES.into_iter().filter(|&other| other != one) {
                assert!(!are_alike(one, other), "{one} {other}");
                let (one, other) = (forms(one), forms(other));
                assert!(!are_alike(&one[2], &other[2]), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_many_screens_show_alike_is_alike() {
        #[rustfmt::skip]
        let pairs = [
            ("alice", "aIice"), ("Alice", "AIice"), ("ALICE", "aIice"), ("ALICE", "ALlCE"), ("alice", "ALlCE"), ("louis", "Iouis"),
            ("lilian", "IiIian"), ("Lilian", "LiIian"), ("lilian", "LiIian"), ("alice", "a|ice"), ("ALICE", "AL|CE"),
            ("alice", "\u{430}lice"), ("alice", "al\u{456}ce"), ("alice", "alic\u{435}"), ("ALICE", "AL\u{406}CE"),
            ("alice", "\u{410}L\u{406}C\u{415}"), ("alice", "ａｌｉｃｅ"), ("alice", "ＡＬＩＣＥ"), ("Bob", "\u{412}ob"),
            ("Amaud", "A\u{217f}aud"), ("al", "Al"), ("Al", "AI"), ("Élise", "e\u{301}lise"), ("jean-isaac", "Jean-Isaac"),
        ];
        for (one, other) in pairs {
            assert!(are_alike(one, other), "{one} {other}");
        }
    }
}
