//! Which pair the next client joins. Pure.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement<C> {
    /// The pair that the first process serves.
    Here,
    Child(C),
    /// A further pair, with a child to be forked.
    NewChild,
}

/// Chooses among the first process's pair (`here` of its two places are taken), the pairs of
/// `children` (each with its number of clients), and pairs still to be made, `most` in all. `None`:
/// the client has to wait. A client that waits for a partner comes first, then what costs no
/// process.
pub fn next<C>(here: usize, children: impl Iterator<Item = (C, usize)>, most: usize) -> Option<Placement<C>> {
    if here == 1 {
        return Some(Placement::Here);
    }
    let mut pairs = 1;
    let half_empty = children.inspect(|_| pairs += 1).find(|(_, clients)| *clients < 2);
    let half_empty = half_empty.map(|(child, _)| Placement::Child(child));
    let empty = (here == 0).then_some(Placement::Here);
    let new = (pairs < most).then_some(Placement::NewChild);
    half_empty.or(empty).or(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_partner_comes_first_then_an_empty_pair_then_a_new_process_then_the_queue() {
        for (here, children, most, expected) in [
            (0, &[][..], 3, Some(Placement::Here)),
            (1, &[1], 3, Some(Placement::Here)),
            (2, &[2, 1], 3, Some(Placement::Child(1))),
            (0, &[2, 1], 3, Some(Placement::Child(1))),
            (0, &[2, 2], 3, Some(Placement::Here)),
            (2, &[2], 3, Some(Placement::NewChild)),
            (2, &[2, 2], 3, None),
            (2, &[], 1, None),
        ] {
            let placement = next(here, children.iter().copied().enumerate(), most);
            assert_eq!(placement, expected, "{here} here, children {children:?}, {most} pairs");
        }
    }
}
