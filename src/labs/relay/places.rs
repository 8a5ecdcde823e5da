//! Where the next client goes. Pure.

/// A place that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the pair that the first process serves.
    Here,
    /// In the pair of this child.
    Child(usize),
    /// In a pair of its own, with a child to be made.
    NewChild,
}

/// Chooses among the pair `here`, those of the `children` (each: how many of its two places are taken) and those that may
/// still be made, up to `most` pairs in all. `None`: the client has to wait.
///
/// Somebody who waits for a partner comes first, then whatever costs no process.
pub fn next(here: usize, children: &[usize], most: usize) -> Option<Place> {
    if here == 1 {
        return Some(Place::Here);
    }
    let half_empty = children.iter().position(|&taken| taken < 2).map(Place::Child);
    let empty = (here == 0).then_some(Place::Here);
    let new = (1 + children.len() < most).then_some(Place::NewChild);
    half_empty.or(empty).or(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_who_waits_for_a_partner_comes_first_then_an_empty_pair_then_a_process_then_the_line() {
        assert_eq!(next(0, &[], 3), Some(Place::Here));
        assert_eq!(next(1, &[1], 3), Some(Place::Here));
        assert_eq!(next(2, &[2, 1], 3), Some(Place::Child(1)));
        assert_eq!(next(0, &[2, 1], 3), Some(Place::Child(1)));
        assert_eq!(next(0, &[2, 2], 3), Some(Place::Here));
        assert_eq!(next(2, &[2], 3), Some(Place::NewChild));
        assert_eq!(next(2, &[2, 2], 3), None);
        assert_eq!(next(2, &[], 1), None);
    }
}
