#!/bin/sh
# Lets one system call of chat_serveur or chat_client fail at a time, by strace(1), and prints a table
# (Markdown) of what became of its clients: docs/RELIABILITY.md has it. Each case is a server of its own
# on port 0 with two clients that talk; the call fails once, or from then on for ever; then SIGTERM.
# Status: 0 no case is bad; 1 one is, and is named on standard error, or a tool is missing; 2 usage.
end=
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
(: >&2) || exec 2>/dev/null # Closed: a redirection to it would fail.
set -u
export LC_ALL=C
me=${0##*/}
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1

fail() { # STATUS REASON
    printf '%s: %s\n' "$me" "$2" >&2
    exit "$1"
}

usage() {
    printf '%s\n' "usage: $me [-b SERVER] [-j JOBS] [PROCESS:CALL[:ERROR[:WHEN]]...]" "" \
        "Lets the system calls of a server fail, one at a time, and prints what became of it." \
        "Without cases, all: some minutes. PROCESS is hub, worker, start (a worker before it serves)," \
        "client or receiver (the first and the second process of chat_client), CALL a system call," \
        "ERROR an errno, WHEN once or ever. For example:" "" \
        "    $me hub:accept4:EPERM:ever worker:write" "" \
        "  -b SERVER  the program (default: target/release/chat_serveur); chat_client is beside it" \
        "  -j JOBS    cases at once (default: 8; most of their time is waiting)" \
        "  -h         prints this"
}

server=$here/target/release/chat_serveur
jobs=8
while getopts b:j:h option; do
    case $option in
    b) server=$OPTARG ;;
    j) jobs=$OPTARG ;;
    h) usage; exit ;;
    *) fail 2 "try $me -h" ;;
    esac
done
shift $((OPTIND - 1))
case $server in /*) ;; *) server=$PWD/$server ;; esac
case $jobs in '' | *[!0-9]* | 0*) fail 2 "-j takes a number: $jobs" ;; esac
client=${server%/*}/chat_client
for program in "$server" "$client"; do
    [ -x "$program" ] || fail 1 "no $program; build it (cargo build --release) or name a server with -b"
done
command -v strace >/dev/null || fail 1 "strace is missing; install the package strace"
command -v nc >/dev/null || fail 1 "nc is missing; install the package netcat-openbsd"
ps -o pid= --pid $$ >/dev/null 2>&1 || fail 1 "ps is missing; install the package procps"

# It attaches to a process that is not its child: for root, or with kernel.yama.ptrace_scope 0.
sleep 1 &
strace -qq -o /dev/null -p $! 2>/dev/null || fail 1 "strace may not trace another process; run this as root"

errors="EINTR EAGAIN ENOMEM EPERM EIO ENOBUFS"
calls="hub:accept4 hub:clone hub:close hub:fcntl hub:getrandom hub:poll hub:read hub:sendto hub:shutdown
    hub:wait4 hub:write worker:poll worker:recvfrom worker:write start:close_range
    start:dup2 start:openat start:prctl start:prlimit64 start:rt_sigaction start:seccomp
    client:poll client:read client:recvfrom client:sendto receiver:poll receiver:recvfrom receiver:write"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
# A client that the server has closed takes no more.
trap '' PIPE

# Waits until a command succeeds, for at most SECONDS.
await() { # SECONDS COMMAND...
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

has() { # TEXT FILE
    grep -qaF -e "$1" "$2"
}

lives() { # PID
    kill -0 "$1" 2>/dev/null && [ "$(ps -o stat= --pid "$1" | cut -c 1)" != Z ]
}

ended() { ! lives "$1"; }

workers() { # SERVER; the pids of its children that are no zombies, oldest first
    ps -o pid=,stat= --ppid "$1" --sort=start_time,pid | awk '$2 !~ /^Z/ { print $1 }'
}

# The calls of a set are told apart by the processor: ppoll where there is no poll.
named() { # CALL
    case $1 in poll | dup2 | clone) echo "/^p?$1[23]?\$" ;; *) echo "$1" ;; esac
}

connect() { # NAME
    mkfifo "$1.in"
    nc 127.0.0.1 "$port" <"$1.in" >"$1.out" 2>/dev/null &
    echo $! >>clients
}

# Starts chat_client as bob. Its second process comes before its first line.
talk() {
    mkfifo bob.in
    "$client" "127.0.0.1:$port" bob <bob.in >bob.out 2>bob.err &
    bob=$!
    exec 4>bob.in
    await 20 has Connect bob.out
}

# Attaches strace to processes. Its options end with the pids.
inject() { # CALL ERROR WHEN STRACE_OPTIONS...
    case $3 in once) when=1 ;; *) when=1+ ;; esac
    call=$(named "$1")
    error=$2
    shift 3
    strace -o trace -e trace="$call" -e signal=none -e inject="$call:error=$error:when=$when" "$@" 2>attached &
    tracer=$!
    # The pid it has attached to, or why it has not.
    await 20 [ -s attached ]
}

talked() {
    has "bob : B" alice.out && has "alice : A" bob.out && has "alice : A" alice.out
}

settled() {
    # Again: bob may have come after it was said.
    [ "$process" = client ] || [ $((tries % 5)) -ne 0 ] || printf 'alice : A\0' >&3
    talked || ended "$hub" || { [ -n "$bob" ] && ended "$bob"; } || has vous bob.out || has serveur bob.out
}

# What became of the exchange of two clients.
verdict() { # sets said
    await 9 settled
    if ended "$hub"; then
        wait "$hub"
        said=$(ending $? err)
    elif talked; then
        said=on
    elif has serveur bob.out; then
        said=refused
    elif [ "$(cat out err | wc -l)" -le "$printed" ]; then
        said=SILENT
    elif [ "$process" = hub ] && [ "$(wc -l <err)" -gt "$told" ]; then
        if has "alice : A" alice.out; then said=waits; else said=stalls; fi
    elif [ "$(workers "$hub" | wc -l)" -lt 2 ]; then
        said=lost
    else
        said=SILENT
    fi
}

ending() { # STATUS FILE; with a line of the reason in FILE
    if [ -s "$2" ] && [ "$1" -lt 128 ]; then echo "ends ($1)"; else echo "DIES ($1)"; fi
}

# The same of a client: it goes on, or ends with a line.
client_verdict() { # sets said
    await 20 settled
    if talked; then
        said=on
    elif lives "$bob"; then
        said=SILENT
    else
        wait "$bob"
        said=$(ending $? bob.err)
    fi
}

# One case, in its own directory; the outcome goes to the file "verdict".
run() { # PROCESS CALL ERROR WHEN
    process=$1
    "$server" --bind 127.0.0.1 --port 0 >out 2>err &
    hub=$!
    await 20 has 127.0.0.1: out || { echo "NO START" >verdict && return; }
    port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\).*/\1/p' out)
    bob=
    connect alice
    exec 3>alice.in
    printf 'alice : ici\0' >&3
    await 20 has ici alice.out
    [ "$process" = hub ] && inject "$2" "$3" "$4" -p "$hub"
    [ "$process" = start ] && inject "$2" "$3" "$4" -f -p "$hub"
    told=$(wc -l <err) printed=$(cat out err | wc -l)
    case $process in
    client | receiver)
        talk
        traced=$bob
        [ "$process" = client ] || traced=$(workers "$bob")
        inject "$2" "$3" "$4" -p "$traced"
        printf 'b\n' >&4
        printf 'alice : A\0' >&3
        await 2 has "bob : b" alice.out
        printf 'B\n' >&4
        client_verdict
        ended "$bob" || said=$said$(spins && printf ' SPINS')$(end "$bob")
        finish
        return
        ;;
    esac
    connect bob
    exec 4>bob.in
    if [ "$process" = worker ]; then
        printf 'bob : ici\0' >&4
        await 20 has "bob : ici" alice.out
        bob=$(workers "$hub" | tail -n 1)
        inject "$2" "$3" "$4" -p "$bob"
        printed=$(cat out err | wc -l)
    fi
    # The second of bob's follows what the first has failed with.
    printf 'bob : b\0' >&4
    printf 'alice : A\0' >&3
    await 2 has "bob : b" alice.out
    printf 'bob : B\0' >&4
    verdict
    lives "$hub" && said=$said$(aftermath)
    finish
}

# Writes the verdict. No process of this case outlives it.
finish() {
    exec 3>&- 4>&-
    # shellcheck disable=SC2046
    kill -KILL $(workers "$hub") "$hub" "${bob:-$hub}" $(cat clients) "$tracer" 2>/dev/null
    wait 2>/dev/null
    has INJECTED trace || said=-
    has attached attached || said="NO STRACE"
    echo "$said" >verdict
}

# Without news, few calls are made.
spins() {
    before=$(wc -l <trace)
    sleep 1
    [ $(($(wc -l <trace) - before)) -ge 1000 ]
}

# SIGTERM ends it.
end() { # PID
    kill -TERM "$1"
    await 9 ended "$1" || printf ' DEAF'
}

# The quiet room makes few calls; bob leaves no zombie; SIGTERM ends the server.
aftermath() {
    ! spins || printf ' SPINS'
    exec 4>&-
    kill -KILL "$(tail -n 1 clients)" 2>/dev/null
    await 5 has_no_zombie || printf ' zombie'
    left=$(workers "$hub")
    end "$hub"
    for worker in $left; do
        await 5 ended "$worker" || printf ' ORPHAN'
    done
}

has_no_zombie() {
    [ "$(ps -o pid= --ppid "$hub" | wc -l)" -le 1 ] && [ -z "$(ps -o stat= --ppid "$hub" | tr -dc Z)" ]
}

# The cases asked for, one a line: PROCESS CALL ERROR WHEN.
cases() {
    for asked in "$@"; do
        # shellcheck disable=SC2046
        set -- $(echo "$asked" | tr : ' ')
        [ $# -ge 2 ] && [ $# -le 4 ] || return 1
        case $1 in hub | worker | start | client | receiver) ;; *) return 1 ;; esac
        case ${4-once} in once | ever) ;; *) return 1 ;; esac
        for error in ${3-$errors}; do
            for when in ${4-once ever}; do
                echo "$1 $2 $error $when"
            done
        done
    done
}

# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $calls
cases "$@" >"$work/cases" || fail 2 "a case is PROCESS:CALL[:ERROR[:WHEN]]; try $me -h"

# Every JOBSth case, from the FIRST on.
run_some() { # FIRST
    awk -v first="$1" -v jobs="$jobs" 'NR % jobs == first' "$work/cases" |
        while read -r process call error when; do
            place=$work/$process.$call.$error.$when
            mkdir "$place"
            echo "NO VERDICT" >"$place/verdict"
            (cd "$place" && run "$process" "$call" "$error" "$when") </dev/null 2>"$place/log"
        done
}

first=0
while [ "$first" -lt "$jobs" ]; do
    run_some "$first" &
    first=$((first + 1))
done
wait

# One row for each call: what a single failure did / what failures without end did.
awk '{ print $1, $2 }' "$work/cases" | uniq >"$work/rows"
columns=$(awk '{ print $3 }' "$work/cases" | awk '!seen[$0]++')
printf '| process | call |'
for error in $columns; do printf ' %s |' "$error"; done
printf '\n| --- | --- |'
for error in $columns; do printf ' --- |'; done
echo
while read -r process call; do
    printf '| %s | %s |' "$process" "$call"
    for error in $columns; do
        cell=
        for when in once ever; do
            file=$work/$process.$call.$error.$when/verdict
            [ ! -e "$file" ] || cell="${cell:+$cell / }$(cat "$file")"
        done
        printf ' %s |' "$cell"
    done
    echo
done <"$work/rows"
# What is bad is written in capitals.
status=0
for place in "$work"/*/; do
    if grep -q '[A-Z]\{3\}' "$place/verdict"; then
        case=$(basename "$place" | tr . :)
        printf '%s\n' "$me: $case: $(cat "$place/verdict")" >&2
        # What strace said, then the server, then the client.
        (cd "$place" && cat attached err bob.err 2>/dev/null) | head -n 5 | sed 's/^/    /' >&2
        status=1
    fi
done
[ "$status" -eq 0 ]
