//! Turns a fuzzer's bytes into a codec's input: some bytes are instructions, the others are data.

use std::time::Duration;

/// Bytes consumed from the front. Past the end they are zeros, or fewer than asked for.
#[derive(Clone, Copy)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A stream as TCP delivers it: in pieces, some time apart. Encoded as a number (up to 15), that
/// many steps, and the stream.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    steps: &'a [u8],
    /// All bytes of the stream.
    pub stream: &'a [u8],
}

/// How long a piece without an end waits for its rest.
pub const HOLD: Duration = Duration::from_millis(20);

/// The pause between two pieces: none, less than any wait, exactly a wait, more than any wait.
const PAUSES: [Duration; 4] = [Duration::ZERO, Duration::from_millis(7), HOLD, Duration::from_millis(90)];

impl<'a> Arrival<'a> {
    /// The rest of `input`.
    pub fn of(mut input: Input<'a>) -> Arrival<'a> {
        let steps = usize::from(input.byte() % 16);
        Arrival { steps: input.take(steps), stream: input.0 }
    }

    /// The pieces, and how long each is after the one before. A step holds the pause in its two
    /// high bits, and in the others the length of the piece: 1 to 48, then 64, 128, up to 1024.
    pub fn pieces(&self) -> impl Iterator<Item = (Duration, &'a [u8])> {
        let (mut rest, mut steps) = (Input(self.stream), self.steps.iter().cycle());
        std::iter::from_fn(move || {
            let step = steps.next().copied();
            let length = step.map_or(usize::MAX, |step| match usize::from(step & 0x3f) {
                short @ 0..48 => short + 1,
                long => (long - 47) * 64,
            });
            let pause = step.map_or(Duration::ZERO, |step| PAUSES[usize::from(step >> 6)]);
            (!rest.is_empty()).then(|| (pause, rest.take(length)))
        })
    }

    /// True when the stream has no pause.
    pub fn is_without_pause(&self) -> bool {
        self.steps.iter().all(|step| step >> 6 == 0)
    }
}
