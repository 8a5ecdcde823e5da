#!/bin/sh
# Compares the messenger's benchmark of this working tree with that of another commit:
# scripts/compare_bench.sh COMMIT [ROUNDS [ROW...]], by default 5 rounds of rows 3 5 7 8 10 11 13.
# Runs the two in turn (A B A B) on one machine, since figures of different hours do not compare.
# Prints a row's number, the median of either and the range. Status: 1 failed; 2 usage.
end=
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
[ -z "${ZSH_VERSION-}" ] || emulate sh # Else zsh splits no words.
(: >&2) || exec 2>/dev/null # Closed: a redirection to it would fail.
set -eu
CDPATH="" cd -- "$(dirname -- "$0")/.."

usage() {
    echo "usage: scripts/compare_bench.sh COMMIT [ROUNDS [ROW...]]" >&2
    exit 2
}

[ $# -gt 0 ] || usage
commit=$(git rev-parse --verify --quiet --end-of-options "$1^{commit}") || {
    echo "compare_bench.sh: no commit $1 in this repository (git log shows them)" >&2
    exit 2
}
rounds=${2:-5}
case $rounds in
'' | 0* | *[!0-9]*) usage ;;
esac
shift
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- 3 5 7 8 10 11 13
for row; do
    case $row in
    '' | 0* | *[!0-9]*) usage ;;
    esac
done

work=$(mktemp -d)
remove() {
    git worktree remove --force "$work/before" >/dev/null 2>&1 || :
    rm -rf "$work"
}
trap remove EXIT
trap 'exit 1' HUP INT TERM
git worktree add --quiet --detach "$work/before" "$commit"

# Builds the benchmark in DIRECTORY, with programs of its own, and prints the path of its executable.
build() {
    (cd "$1" && cargo bench --bench messenger --no-run --locked --target-dir target --message-format=json) |
        sed -n 's/.*"name":"messenger".*"executable":"\([^"]*\)".*/\1/p'
}
before=$(build "$work/before")
now=$(build .)
if [ -z "$before" ] || [ -z "$now" ]; then
    echo "compare_bench.sh: no benchmark was built: see cargo's reason above" >&2
    exit 1
fi

# Appends a round's figures to the log: NAME ROW FIGURE.
measure() { # NAME DIRECTORY EXECUTABLE ROW...
    name=$1 directory=$2 executable=$3
    shift 3
    if ! (cd "$directory" && "$executable" --bench "$@") >"$work/table"; then
        echo "compare_bench.sh: a figure could not be measured: see the reason above" >&2
        exit 1
    fi
    sed -n "s/^| *\([0-9][0-9]*\)\. [^|]*| *\([0-9][0-9.]*\).*/$name \1 \2/p" "$work/table" >>"$work/log"
}
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    echo "round $round of $rounds" >&2
    measure before "$work/before" "$before" "$@"
    measure now . "$now" "$@"
done

sort -k1,1 -k2,2n -k3,3n "$work/log" | awk '
    function report() {
        if (n) printf "%-3s %-7s %8.2f  %s to %s\n", row, name, (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2, v[1], v[n]
        n = 0
    }
    $1 != name || $2 != row { report(); name = $1; row = $2 }
    { v[++n] = $3 }
    END { report() }' | sort -s -k1,1n
