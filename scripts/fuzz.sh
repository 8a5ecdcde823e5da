#!/usr/bin/env bash
# Fuzzes the hub's reader and each codec: scripts/fuzz.sh [SECONDS [TARGET...]], 60 seconds for each target unless told otherwise.
# Stops at the first input that breaks one. What each target asserts stands in fuzz/src/; `cargo test` tries a little of the same.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

usage() {
    echo "usage: scripts/fuzz.sh [SECONDS [TARGET...]]; the targets: ${targets[*]}" >&2
    exit 2
}

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz.sh: cargo-fuzz is not installed: cargo install cargo-fuzz (a C++ compiler is needed as well)" >&2
    exit 1
fi
mapfile -t targets < <(cargo fuzz list)
seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || usage
chosen=("${@:2}")
[ "${#chosen[@]}" -gt 0 ] || chosen=("${targets[@]}")
for target in "${chosen[@]}"; do
    [[ " ${targets[*]} " == *" $target "* ]] || usage
done

# What is new goes here, so that the corpus in the repository stays as it is.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# `-s none`: no sanitizer, which a stable compiler does not have, and which code without `unsafe` does not need.
cargo fuzz build -s none

# How often a target ran, and how much of the code it reached.
summary() {
    local stat='s/^stat::number_of_executed_units: *//p' rate='s/^stat::average_exec_per_sec: *//p'
    local cover='s/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 features/p'
    printf '%-9s %9s runs, %7s a second, %s\n' "$1" "$(sed -n "$stat" "$2")" "$(sed -n "$rate" "$2")" \
        "$(sed -n "$cover" "$2" | tail -n 1)"
}

for target in "${chosen[@]}"; do
    log=$work/$target.log
    mkdir "$work/$target"
    # Two packets of PIPE_BUF fit; an input that takes 10 s hangs. The last directory is only read.
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
