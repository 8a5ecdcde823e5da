//! Places in a full server: which client gives its own to a newcomer. Pure.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::source::{oldest_of_heavier, source};

/// A client that was heard within this time takes part.
const ACTIVE: Duration = Duration::from_secs(300);

/// A client that has a place.
#[derive(Clone, Copy, Debug)]
pub struct Occupant<T> {
    pub id: T,
    pub source: IpAddr,
    pub silence: Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Silence {
    /// When the client was last heard, or else came.
    pub since: Instant,
    pub was_heard: bool,
}

impl Silence {
    /// Of a client that has just come.
    pub fn new(now: Instant) -> Silence {
        Silence { since: now, was_heard: false }
    }

    pub fn end(&mut self, now: Instant) {
        *self = Silence { since: now, was_heard: true };
    }
}

/// The occupant of a full server that gives way to a newcomer: of the source, or else the network,
/// that [`oldest_of_heavier`] finds, the one that has been silent for longest. One that takes part
/// comes last, and only where its source has more than half of all.
pub fn gives_way<T: Copy + Ord>(
    mut occupants: Vec<Occupant<T>>,
    newcomer: IpAddr,
    now: Instant,
) -> Option<T> {
    let newcomer = source(newcomer);
    let own = occupants.iter().filter(|one| one.source == newcomer).count();
    if 2 * own >= occupants.len() {
        // No other has more. A flood of refused connections of one source costs no sorting.
        return None;
    }
    let is_active = |Silence { since, was_heard }| was_heard && now.saturating_duration_since(since) < ACTIVE;
    occupants.sort_unstable_by_key(|one| (is_active(one.silence), one.silence, one.id));
    let sources: Vec<IpAddr> = occupants.iter().map(|one| one.source).collect();
    let may = |at: usize, weight: usize| !is_active(occupants[at].silence) || 2 * weight > sources.len();
    oldest_of_heavier(newcomer, &sources, may).map(|at| occupants[at].id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of the occupant that gives way to a newcomer of source `to`. An occupant is its
    /// source and the seconds of its silence, in parentheses for one that was never heard. Capital
    /// letters have a network of their own.
    #[track_caller]
    fn gives_way_to(to: char, occupants: &str) -> Option<usize> {
        let by_letter = |letter: char| IpAddr::from([10, 0, letter.is_uppercase().into(), letter as u8]);
        let now = Instant::now() + Duration::from_secs(10_000);
        let parsed = occupants.split_whitespace().enumerate().map(|(id, one)| {
            let (source, seconds) = one.split_at(1);
            let was_heard = !seconds.starts_with('(');
            let seconds = seconds.trim_matches(['(', ')']).parse().unwrap();
            let silence = Silence { since: now - Duration::from_secs(seconds), was_heard };
            Occupant { id, source: by_letter(source.chars().next().unwrap()), silence }
        });
        gives_way(parsed.collect(), by_letter(to), now)
    }

    #[test]
    fn the_client_that_was_silent_for_longest_gives_way() {
        for (to, occupants, expected) in [
            ('x', "", None),
            // Nobody has two places more than the newcomer's source.
            ('x', "a(9) b(9) c(9)", None),
            ('a', "a(9) a(9) a(9)", None),
            ('x', "a(9) a(8) b(99)", Some(0)),
            ('b', "a(9) a(8) b(99)", None),
            ('b', "a(8) a(9) a(7) b(99)", Some(1)),
            // One message long ago is no longer a reason to stay.
            ('x', "a301 a(200) b(9) c(9)", Some(0)),
            ('x', "a400 a301 b(9) c(9)", Some(0)),
        ] {
            assert_eq!(gives_way_to(to, occupants), expected, "{to}, {occupants}");
        }
    }

    #[test]
    fn a_client_that_takes_part_keeps_its_place_unless_its_source_has_more_than_half() {
        for (to, occupants, expected) in [
            ('x', "a299 a60 b60 c60", None),
            ('x', "a299 a(1) b60 c60", Some(1)),
            // Of another source, which has a silent client.
            ('x', "a9 a9 a9 b(5) b(6) c60", Some(4)),
            ('x', "a60 a61 a1 b99 c99", Some(1)),
            ('x', "a1 a2 a3", Some(2)),
            ('x', "a1 a9 a(3)", Some(2)),
            ('x', "a1 a2 x3", None),
        ] {
            assert_eq!(gives_way_to(to, occupants), expected, "{to}, {occupants}");
        }
    }

    #[test]
    fn a_silent_client_of_the_heaviest_network_gives_way_where_no_address_has_two_places_more() {
        for (to, occupants, expected) in [
            ('X', "a(8) b(9) c(7)", Some(1)),
            ('X', "a9 b301 c(9)", Some(1)),
            ('X', "a9 b9 c9", None),
            // X's network has two places less, or not.
            ('X', "a(9) b(8) c(7) Y(99)", Some(0)),
            ('X', "a(9) b(8) Y(99)", None),
            // A second place is for one address no reason to take another's only one.
            ('X', "a(9) b(8) c(7) X(99)", None),
            // An address comes before a network.
            ('X', "Y(9) Y(8) a(99) b(99) c(99)", Some(0)),
            ('X', "a9 a8 b(7) Y(99)", Some(2)),
        ] {
            assert_eq!(gives_way_to(to, occupants), expected, "{to}, {occupants}");
        }
    }
}
