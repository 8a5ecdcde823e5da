//! Where the next client goes. Pure.

/// A place that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement<C> {
    /// In the pair that the first process serves.
    Here,
    /// In the pair of this child.
    Child(C),
    /// In a pair of its own, with a child to be made.
    NewChild,
}

/// Chooses among the pair `here`, those of the `children` (each: who it is, and how many of its two places are taken) and those
/// that may still be made, up to `most` pairs in all. `None`: the client has to wait.
///
/// Somebody who waits for a partner comes first, then whatever costs no process.
pub fn next<C>(here: usize, children: impl Iterator<Item = (C, usize)>, most: usize) -> Option<Placement<C>> {
    if here == 1 {
        return Some(Placement::Here);
    }
    let mut pairs = 1;
    let half_empty = children.inspect(|_| pairs += 1).find(|(_, taken)| *taken < 2);
    let half_empty = half_empty.map(|(child, _)| Placement::Child(child));
    let empty = (here == 0).then_some(Placement::Here);
    let new = (pairs < most).then_some(Placement::NewChild);
    half_empty.or(empty).or(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(here: usize, children: &[usize], most: usize) -> Option<Placement<usize>> {
        crate::labs::relay::placement::next(here, children.iter().copied().enumerate(), most)
    }

    #[test]
    fn somebody_who_waits_for_a_partner_comes_first_then_an_empty_pair_then_a_process_then_the_line() {
        assert_eq!(next(0, &[], 3), Some(Placement::Here));
        assert_eq!(next(1, &[1], 3), Some(Placement::Here));
        assert_eq!(next(2, &[2, 1], 3), Some(Placement::Child(1)));
        assert_eq!(next(0, &[2, 1], 3), Some(Placement::Child(1)));
        assert_eq!(next(0, &[2, 2], 3), Some(Placement::Here));
        assert_eq!(next(2, &[2], 3), Some(Placement::NewChild));
        assert_eq!(next(2, &[2, 2], 3), None);
        assert_eq!(next(2, &[], 1), None);
    }
}
