//! Skeletons of names: strings that are equal for names that look alike. UTS #39, section 4,
//! adapted to names whose case does not count. Pure.

use unicode_security::skeleton;

/// The number of a reading of [`skeletons`], and its skeleton. Equal only within one reading.
pub type Skeleton = (u8, String);

/// The skeletons of a name in three readings; two names with an equal skeleton can be confused. The
/// case of letters does not count.
///
/// 1. As it is.
/// 2. A capital I behind the first letter reads as a small l, as in many fonts. In a name of
///    capitals, a small l reads as I.
/// 3. The same for the first letter, but with its case: `Ian` reads as `lan`, not as `Lan`.
///
/// Folding the case first, or last, in all three would make `Clara` and `Ciara` equal, since
/// `CLARA` has an L.
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

/// True for a colon, for the `>` of some students' clients, and for their look-alikes.
pub fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ':' | '>');
    }
    let mut buffer = [0; 4];
    let mut skeletons = skeleton(c.encode_utf8(&mut buffer));
    matches!((skeletons.next(), skeletons.next()), (Some(':' | '>'), None))
}

/// Lower case, then [`plain`] again: some characters have a look-alike in one case only.
fn folded(text: &str) -> String {
    text.to_lowercase().chars().flat_map(plain).collect()
}

/// The skeleton of `c`, except that ASCII letters and digits are their own: by UTS #39, `Arnaud`
/// would equal `Amaud` and `poste1` `postel`. So a skeleton `rn` becomes m, and l becomes I unless
/// `c` is a small letter.
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
    fn different_names_differ_in_capitals_too() {
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
    fn look_alikes_of_many_fonts_are_equal() {
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
