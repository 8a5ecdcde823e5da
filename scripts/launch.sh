#!/bin/sh
# Run by launch_server.sh and launch_client.sh: builds a lab's program if needed, clears the screen
# and execs the program in the caller's directory. Arguments: the caller's name, the role (`serveur`
# or `client`), the caller's arguments.
# Status: the program's; 1 it could not be built; 2 no such lab.
end=
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
(: >&2) || exec 2>/dev/null # Closed: a redirection to it would fail.
[ $# -ge 2 ] || { echo "launch.sh : lancez plutôt launch_server.sh ou launch_client.sh" >&2 && exit 2; }
me=$1
role=$2
shift 2
root=${0%/scripts/*}

fail() { # STATUS REASON
    printf '%s : %s\n' "$me" "$2" >&2
    exit "$1"
}

usage() {
    other="--pairs 2" chat="--port 5016" unknown="Une option pour premier argument va à relay_serveur."
    [ "$role" = serveur ] || other="192.168.1.7" chat="127.0.0.1 alice" \
        unknown="Un premier argument qui n'en est pas un va à relay_client."
    printf '%s\n' "Usage : $me [TP] [ARGUMENT...]" "" \
        "Compile s'il le faut le $role d'un TP, efface l'écran, puis le lance avec chaque ARGUMENT" \
        "dans le répertoire courant. TP : relay (sans argument : celui-ci), chat, echo, calc," \
        "upload ou direct. $unknown" "" &&
        printf '  %-40s %s\n' "$me" "relay_$role" "$me $other" "relay_$role $other" \
            "$me chat $chat" "chat_$role $chat" "$me relay --help" "l'aide du programme lui-même" &&
        printf '%s\n' "" "  -h, --help   seul : affiche cette aide"
}

# Lets cargo rebuild what is out of date. Drops its `Finished` line, all that it prints when nothing
# is. Standard input and output are left to the program. Without pipefail, which not every sh has,
# cargo's status comes through descriptor 3.
build() {
    status=$({
        {
            (cd -- "$root/" && cargo build --release --bin "$program" --target-dir "$target" --color never) \
                </dev/null 2>&1 3>&-
            echo $? >&3
        } | without_finished >&2
    } 3>&1)
    [ "$status" = 0 ]
}

without_finished() {
    while IFS= read -r line; do
        case $line in
        '    Finished '*) ;;
        *) printf '%s\n' "$line" ;;
        esac
    done
}

case $#${1-} in
1-h | 1--help) usage; exit ;;
esac
lab=relay
case ${1-} in
relay | chat | echo | calc | upload | direct) lab=$1 && shift ;;
-* | '') ;;
*) # A host, for relay_client. relay_serveur takes no such argument: a mistyped lab.
    [ "$role" = client ] || fail 2 "« $1 » n'est pas un TP : relay, chat, echo, calc, upload ou direct (voir --help)"
    ;;
esac
program=${lab}_$role

# A relative CARGO_TARGET_DIR counts from the repository's root, where cargo runs.
target=${CARGO_TARGET_DIR:-target}
case $target in
/*) ;;
*) target=$root/$target ;;
esac

if command -v cargo >/dev/null; then
    build || fail 1 "la compilation de $program a échoué ; rien n'est lancé"
elif [ ! -x "$target/release/$program" ]; then
    fail 1 "$program n'est pas compilé et il manque la commande cargo ; installez Rust : https://rustup.rs"
fi

# Errors are ignored: an unknown terminal type must not prevent the start.
[ ! -t 1 ] || tput clear 2>/dev/null
exec "$target/release/$program" "$@"
