#!/bin/sh
# Fuzzes the record reader and each codec: scripts/fuzz.sh [SECONDS [TARGET...]], by default every
# target for 60 seconds. Stops at the first input that breaks an assertion of fuzz/src/. `cargo
# test` asserts the same on the corpus and on a few random inputs.
end=
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
[ -z "${ZSH_VERSION-}" ] || emulate sh # Else zsh splits no words.
(: >&2) || exec 2>/dev/null # Closed: a redirection to it would fail.
set -eu
CDPATH="" cd -- "$(dirname -- "$0")/../fuzz"

usage() {
    echo "usage: scripts/fuzz.sh [SECONDS [TARGET...]]; the targets: $targets" >&2
    exit 2
}

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz.sh: cargo-fuzz is not installed: cargo install cargo-fuzz (a C++ compiler is needed as well)" >&2
    exit 1
fi
targets=$(cargo fuzz list)
targets=$(printf '%s' "$targets" | tr '\n' ' ')
seconds=${1:-60}
case $seconds in
0* | *[!0-9]*) usage ;;
esac
[ $# -eq 0 ] || shift
# shellcheck disable=SC2086 # One argument for each target.
[ $# -gt 0 ] || set -- $targets
for target; do
    case " $targets " in
    *" $target "*) ;;
    *) usage ;;
    esac
done

# New inputs go to a temporary directory: the corpus in the repository does not change.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# `-s none`: sanitizers need a nightly compiler, and code without `unsafe` does not need them.
cargo fuzz build -s none

# Prints a target's runs, speed and coverage: TARGET LOG.
summary() {
    stat='s/^stat::number_of_executed_units: *//p' rate='s/^stat::average_exec_per_sec: *//p'
    cover='s/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 features/p'
    printf '%-9s %9s runs, %7s a second, %s\n' "$1" "$(sed -n "$stat" "$2")" "$(sed -n "$rate" "$2")" \
        "$(sed -n "$cover" "$2" | tail -n 1)"
}

for target; do
    log=$work/$target.log
    mkdir "$work/$target"
    # 8300 bytes hold two packets of PIPE_BUF. An input that takes 10 s counts as a hang. libFuzzer
    # writes to the first directory and only reads the second.
    if ! cargo fuzz run -s none "$target" "$work/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=8300 -timeout=10 -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "fuzz.sh: $target does not hold; the input: ${input:-none, see above}" >&2
        echo "fuzz.sh: once it does, put the input into fuzz/corpus/$target/, which cargo test reads" >&2
        exit 1
    fi
    summary "$target" "$log"
done
