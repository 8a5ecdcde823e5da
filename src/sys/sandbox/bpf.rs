//! Assembles a seccomp(2) filter: the BPF program that the kernel runs before each system call.
//!
//! The crate seccompiler's program compares the number with each call in turn. The kernel runs that
//! program for every possible number at each installation, that is for each child: 125 µs measured,
//! added to 135 µs for fork, exit and wait. This one looks the number up in a bitmap, which the
//! kernel does not precompute: 45 µs, of which an empty filter costs 32.

use std::collections::BTreeMap;

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_IMM, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_MISC,
    BPF_RET, BPF_RSH, BPF_TAX, BPF_W, BPF_X, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS,
    c_long, sock_filter,
};

/// Offsets in `struct seccomp_data`, seccomp(2): the call's number, its architecture, and the low
/// word of its first argument (little-endian).
const NUMBER: u32 = 0;
const PROCESSOR: u32 = 4;
const ARGUMENT: u32 = 16;

/// Bits in a word of the table.
const WORD: u32 = u32::BITS;

/// An errno rather than a signal: an unforeseen call (of a panic's backtrace) fails like any other.
const REFUSED: u32 = SECCOMP_RET_ERRNO | libc::EPERM as u32;

/// The program that allows `calls` and refuses all others, and `on_own` of them for descriptors 0
/// to 2, which all children share with the first process. `processor` is an `AUDIT_ARCH_*` of
/// linux/audit.h. A call with another architecture's numbers, as a 32-bit one on a 64-bit kernel,
/// kills the process: its number means another call.
pub(super) fn assemble(processor: u32, calls: &[c_long], on_own: &[c_long]) -> Vec<sock_filter> {
    let table = table_of(calls);
    let mut program = vec![
        // X: the bit.
        instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, NUMBER),
        instruction(BPF_ALU | BPF_AND | BPF_K, 0, 0, WORD - 1),
        instruction(BPF_MISC | BPF_TAX, 0, 0, 0),
        instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, PROCESSOR),
        instruction(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, processor),
        instruction(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS),
        // A: the word's index, then the word, 0 where the table has none.
        instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, NUMBER),
        instruction(BPF_ALU | BPF_RSH | BPF_K, 0, 0, WORD.ilog2()),
    ];
    for (left, (&word, &bits)) in (0..table.len() as u32).rev().zip(&table) {
        program.extend([
            instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, word),
            instruction(BPF_LD | BPF_IMM, 0, 0, bits),
            instruction(BPF_JMP | BPF_JA, 0, 0, 3 * left + 1),
        ]);
    }
    program.extend([
        instruction(BPF_LD | BPF_IMM, 0, 0, 0),
        instruction(BPF_ALU | BPF_RSH | BPF_X, 0, 0, 0),
        instruction(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
        instruction(BPF_RET | BPF_K, 0, 0, REFUSED),
        instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, NUMBER),
    ]);
    for (left, &call) in (0..on_own.len() as u8).rev().zip(on_own) {
        program.push(instruction(BPF_JMP | BPF_JEQ | BPF_K, left + 1, 0, call as u32));
    }
    program.extend([
        instruction(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW),
        instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, ARGUMENT),
        instruction(BPF_JMP | BPF_JGE | BPF_K, 1, 0, 3),
        instruction(BPF_RET | BPF_K, 0, 0, REFUSED),
        instruction(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW),
    ]);
    program
}

/// The nonzero words of the bitmap, by index.
fn table_of(calls: &[c_long]) -> BTreeMap<u32, u32> {
    let mut table = BTreeMap::new();
    for number in calls.iter().map(|&call| call as u32) {
        *table.entry(number / WORD).or_default() |= 1 << (number % WORD);
    }
    table
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: u32 = 0xC000_003E;

    /// Interprets the instructions that [`assemble`] uses, as in bpf(4) of FreeBSD.
    fn verdict(program: &[sock_filter], processor: u32, number: u32, argument: u32) -> u32 {
        let (mut a, mut x, mut at) = (0, 0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            let step = |yes: bool| usize::from(if yes { jt } else { jf });
            at += 1;
            match u32::from(code) {
                c if c == BPF_LD | BPF_W | BPF_ABS => {
                    a = [(NUMBER, number), (PROCESSOR, processor), (ARGUMENT, argument)]
                        .into_iter()
                        .find_map(|(at, word)| (at == k).then_some(word))
                        .expect("one of the three");
                }
                c if c == BPF_LD | BPF_IMM => a = k,
                c if c == BPF_ALU | BPF_AND | BPF_K => a &= k,
                c if c == BPF_ALU | BPF_RSH | BPF_K => a >>= k,
                c if c == BPF_ALU | BPF_RSH | BPF_X => a >>= x,
                c if c == BPF_MISC | BPF_TAX => x = a,
                c if c == BPF_JMP | BPF_JEQ | BPF_K => at += step(a == k),
                c if c == BPF_JMP | BPF_JGE | BPF_K => at += step(a >= k),
                c if c == BPF_JMP | BPF_JSET | BPF_K => at += step(a & k != 0),
                c if c == BPF_JMP | BPF_JA => at += k as usize,
                c if c == BPF_RET | BPF_K => return k,
                c => panic!("no such instruction: {c:#x}"),
            }
        }
    }

    #[test]
    fn the_listed_calls_pass_and_no_other() {
        for calls in [&[][..], &[0], &[31, 32, 63, 64], &[0, 1, 3, 7, 44, 202, 231, 437]] {
            let program = assemble(HERE, calls, &[]);
            // Beyond all existing numbers; and those of x32, which have bit 30 set: seccomp(2).
            for number in (0..2000).chain(0x4000_0000..0x4000_0800).chain([u32::MAX]) {
                let expected =
                    if calls.contains(&c_long::from(number)) { SECCOMP_RET_ALLOW } else { REFUSED };
                assert_eq!(verdict(&program, HERE, number, 0), expected, "{number} of {calls:?}");
            }
        }
    }

    #[test]
    fn some_calls_are_refused_for_the_standard_descriptors_alone() {
        for calls in [&[0, 1, 32, 48][..], &[0, 1, 48], &[0, 1]] {
            let program = assemble(HERE, calls, &[48, 32]);
            for (number, argument) in
                [32, 48].into_iter().flat_map(|call| [0, 1, 2, 3, 4, 1023, u32::MAX].map(|fd| (call, fd)))
            {
                let is_allowed = argument > 2 && calls.contains(&c_long::from(number));
                let expected = if is_allowed { SECCOMP_RET_ALLOW } else { REFUSED };
                assert_eq!(verdict(&program, HERE, number, argument), expected, "{number} of {calls:?}");
                assert_eq!(verdict(&program, HERE, 1, argument), SECCOMP_RET_ALLOW, "{argument}");
            }
        }
    }

    #[test]
    fn the_numbers_of_another_architecture_kill_the_process() {
        let program = assemble(HERE, &[0, 1], &[1]);
        let i386 = 0x4000_0003;
        assert_eq!(verdict(&program, i386, 1, 3), SECCOMP_RET_KILL_PROCESS);
    }
}
