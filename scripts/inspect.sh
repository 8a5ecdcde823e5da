#!/bin/sh
# The course's exercise: shows what ps, ss and /proc report about each running chat_serveur, and
# explains each part in a line. Read-only: starts and stops no process.
# Status: 0 shown; 1 no such server here, a tool is missing, or not Linux; 2 usage.
end=
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
[ -z "${ZSH_VERSION-}" ] || emulate sh # Else zsh splits no words.
(: >&2) || exec 2>/dev/null # Closed: a redirection to it would fail.
set -u
me=${0##*/}

fail() { # STATUS REASON
    printf '%s : %s\n' "$me" "$2" >&2
    exit "$1"
}

usage() {
    printf '%s\n' "Usage : $me [NOM | PID]" "" \
        "Montre ce que ps, ss et /proc disent de chaque serveur NOM qui tourne (sans argument :" \
        "chat_serveur), ou de celui dont le processus PID fait partie : ses processus, sa socket" \
        "d'écoute, les connexions de ses clients, les descripteurs du père et d'un fils. Puis" \
        "compte : n clients, n+1 processus. Ne lance rien, n'arrête rien." "" \
        "  -h, --help   affiche cette aide"
}

[ $# -le 1 ] || fail 2 "un seul argument, un nom ou un numéro de processus ; essayez $me --help"
case ${1-chat_serveur} in
-h | --help) usage; exit ;;
-*) fail 2 "option inconnue « $1 » ; essayez $me --help" ;;
'' | */) fail 2 "nom de programme vide ; essayez $me --help" ;;
esac
wanted=${1-chat_serveur}
wanted=${wanted##*/}

[ -d /proc/self/fd ] || fail 1 "il faut Linux : ce script lit /proc ; sur macOS, voyez ps -ef et lsof -nP -i"
# Runs ps instead of `command -v`: busybox's ps has none of these options.
ps -o pid= --pid $$ >/dev/null 2>&1 || fail 1 "il manque la commande ps ; installez le paquet procps"
command -v ss >/dev/null || fail 1 "il manque la commande ss ; installez le paquet iproute2"
command -v awk >/dev/null || fail 1 "il manque la commande awk ; installez le paquet mawk"

# Tables fit the terminal's width: wrapped rows are unreadable. 0: not a terminal, no limit.
width=0
if [ -t 1 ]; then
    { width=$(stty size <&3 2>/dev/null); } 3>&1
    width=${width#* }
    [ "${width:-0}" -ge 40 ] || width=80
fi

# Prints the pids of the servers' first processes: named $wanted, with a parent of another name. If
# $wanted is a pid, walks up from it. The kernel keeps 15 bytes of a name. Zombies are skipped.
first_processes() {
    ps -e -o pid=,ppid=,stat=,ucmd= | awk -v wanted="$wanted" '
        $3 !~ /^Z/ { parent[$1] = $2; name[$1] = $4 }
        END {
            if (wanted in name) {
                for (pid = wanted; name[parent[pid]] == name[pid]; pid = parent[pid]);
                print pid
            } else if (wanted !~ /^[0-9]+$/)
                for (pid in parent)
                    if (name[pid] == substr(wanted, 1, 15) && name[parent[pid]] != name[pid]) print pid
        }' | sort -n
}

# Formats lines of ss in columns. Where a row is too wide, its processes go below it, on one line or
# on one each.
sockets() { # LINES
    [ -n "$1" ] || { echo "(aucune)" && return; }
    printf '%s\n' "$1" | awk -v width="$width" '
        BEGIN {
            row = "%-6s %6s %6s %-20s %-20s "
            printf row "Process\n", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port"
        }
        {
            start = sprintf(row, $1, $2, $3, $4, $5)
            holders = substr($0, index($0, "users:"))
            sub(/ +$/, "", holders)
            if (width && length(start holders) > width) {
                sub(/ *$/, "\n  ", start)
                if (length(holders) + 2 > width) gsub(/\),\(/, "),\n         (", holders)
            }
            print start holders
        }'
}

# Lists a process's open descriptors; duplicates share a line. ss tells a listener from a client.
# The workers' pipe is created first, so it has numbers 3 and 4; a pipe with both ends in one
# process is the signal pipe.
descriptors() { # PID
    { printf '%s\n' "$listening" "$connected" && ls -lv "/proc/$1/fd" 2>/dev/null; } | awk -v pid="$1" -v kind="$kind" '
        match($0, "pid=" pid ",fd=[0-9]+") {
            fd = substr($0, RSTART, RLENGTH)
            sub(/.*=/, "", fd)
            role[fd] = $1 == "LISTEN" ? "socket d\047écoute, " $4 : "client " $5
            next
        }
        match($0, / [0-9]+ -> /) {
            fd = substr($0, RSTART + 1, RLENGTH - 5)
            target = substr($0, RSTART + RLENGTH)
            if (fd + 0 <= 2) {
                what = "standard : 0 entrée, 1 sortie, 2 erreur"
                if (fd > 0) standard[target]
            }
            else if (fd in role) what = role[fd]
            else if (target in standard) what = "sortie, ouverte à part, sans attente"
            else if (target ~ /^pipe:/) {
                reads = $1 ~ /^lr/
                if (reads) read[target]
                if (kind == "salle" && (fd == 3 || fd == 4)) what = "tube des fils au père, " (reads ? "lecture" : "écriture")
                else if (kind != "salle") what = "tube des signaux, ou dont la fin dit celle du père"
                else what = target in read ? "tube des signaux, à l\047écart" : "autre tube"
            } else if (target == "/dev/null") what = "entrée et sortie des fils"
            else what = target ~ /^\/dev\/(pts\/|tty)/ ? "terminal du père, à l\047écart des clients" : "autre"
            if (!((target, what) in numbers)) order[++many] = target SUBSEP what
            numbers[target, what] = numbers[target, what] fd " "
        }
        END {
            for (i = 1; i <= many; i++) {
                split(order[i], part, SUBSEP)
                printf "%-20s %-16s %s\n", numbers[order[i]], part[1], part[2]
            }
        }'
}

# Prints a server's kind: "salle", the first process writes to all clients; "fils", a child serves
# its client alone; "un", one process serves its clients one after the other, or a pair.
kind_of() { # PID
    case $(ps -o ucmd= --pid "$1") in
    relay_serveur*) echo un ;;
    chat_serveur* | direct_serveur*) echo salle ;;
    *) if ps -ww -o args= --pid "$1" | grep -q -e ' --iterative'; then echo un; else echo fils; fi ;;
    esac
}

expect() { # WHAT
    case $1-$kind in
    processes-un) echo "→ Attendu : un seul processus (serveur itératif) ; au relais, un fils de plus par autre paire." ;;
    processes-*) echo "→ Attendu : père + un fils par client ; même CMD, PPID des fils = PID du père." ;;
    clients-salle) echo "→ Attendu : chaque connexion est au père et à un seul fils, sous le même fd." ;;
    clients-fils) echo "→ Attendu : chaque connexion est à un seul fils ; le père a fermé la sienne après fork." ;;
    clients-un) echo "→ Attendu : chaque connexion est à un seul processus." ;;
    numbers-salle) echo "→ Le système donne le plus petit numéro libre : tube, écoute, puis clients." ;;
    numbers-*) echo "→ Le système donne le plus petit numéro libre : écoute, puis client." ;;
    esac
}

ps_to_fit() { # OPTION...
    if [ "$width" -gt 0 ]; then ps --cols "$width" "$@"; else ps -ww "$@"; fi
}

# Prints a process's network namespace, as `net:[4026531840]`, where this user may read it.
network_of() { # PID
    network=$(ls -l "/proc/$1/ns/net" 2>/dev/null)
    printf '%s\n' "${network##* }"
}

show() { # PID of a first process
    father=$1
    case $(network_of "$father") in
    "$(network_of $$)") ;;
    net:*) # ss would show other sockets.
        printf '%s : %s ; %s\n' "$me" "le serveur $father est dans un autre espace réseau (un conteneur ?)" \
            "avec les droits de root : nsenter -t $father -n $0 $father" >&2
        return 1
        ;;
    esac
    kind=$(kind_of "$father")
    processes=$(ps_to_fit -o pid,ppid,stat,ucmd,args --pid "$father" --ppid "$father")
    ours=$(printf '%s\n' "$processes" | awk 'NR > 1 { print $1 }')
    [ -n "$ours" ] || { echo "Le serveur $father vient de se terminer." && return; }
    printf '%s\n' "===== $(ps -o ucmd= --pid "$father"), processus $father =====" "" \
        "1. Processus : ps -o pid,ppid,stat,ucmd,args --pid $father --ppid $father" "$processes" \
        "$(expect processes)" ""
    # ss and /proc show a process's descriptors to its own user and to root only.
    if ! ls "/proc/$father/fd" >/dev/null 2>&1; then
        printf '%s\n' "Sockets et descripteurs cachés : ce serveur est à l'utilisateur $(ps -o user:32= --pid "$father")." \
            "Pour les voir : sudo $0 $father"
        return
    fi
    held="pid=($(printf '%s' "$ours" | tr '\n' '|')),"
    listening=$(ss -Hltnp | grep -E "$held")
    connected=$(ss -Htnp | grep -E "$held")
    printf '%s\n' "2. Écoute : ss -ltnp (les lignes de ce serveur)"
    sockets "$listening"
    printf '%s\n' "→ Attendu : l'écoute est au père seul. Send-Q = sa file d'attente (backlog)." "" \
        "3. Clients : ss -tnp (les lignes de ce serveur)"
    sockets "$connected"
    printf '%s\n' "$(expect clients)" "" \
        "4. Descripteurs du père : ls -lv /proc/$father/fd"
    descriptors "$father"
    printf '%s\n' "$(expect numbers)" ""
    child=$(printf '%s\n' "$processes" |
        awk -v father="$father" 'NR > 1 && $1 != father && $3 !~ /^Z/ { print $1; exit }')
    if [ -n "$child" ]; then
        printf '%s\n' "5. Descripteurs d'un fils : ls -lv /proc/$child/fd"
        descriptors "$child"
        printf '%s\n' "→ Attendu : fork a tout copié, le fils a fermé l'écoute et les autres clients."
        [ "$kind" != salle ] || echo "→ Ses numéros 0 et 1 ne mènent nulle part (/dev/null) : ni clavier, ni écran."
        echo
    fi
    verdict "$(printf '%s\n' "$connected" | grep -c .)" "$(printf '%s\n' "$ours" | grep -c .)" \
        "$(printf '%s\n' "$processes" | awk '$3 ~ /^Z/' | grep -c .)"
}

verdict() { # CLIENTS PROCESSES ZOMBIES
    clients="$1 client" living=$(($2 - $3)) expected=$(($1 + 1))
    [ "$1" -lt 2 ] || clients=${clients}s
    if [ "$kind" = un ]; then
        echo "Compte : $clients, $2 processus (et zombies : $3)."
    elif [ "$living $3" = "$expected 0" ]; then
        echo "Compte : $clients, $2 processus : n clients, n+1 processus, c'est juste."
    else
        # Not necessarily a fault: a client may have come or gone between ps and ss.
        echo "Compte faux : $clients mais $living processus (et zombies : $3), au lieu de $expected. Relancez ?"
    fi
}

is_ours() { # NAME
    case $1 in
    chat_serveur | relay_serveur | echo_serveur | calc_serveur | upload_serveur | direct_serveur) ;;
    *) return 1 ;;
    esac
}

servers=$(first_processes)
if [ -z "$servers" ]; then
    program=chat_serveur
    if is_ours "$wanted"; then
        program=$wanted
    elif [ -z "${wanted##*[!0-9]*}" ]; then # A name, no process.
        fail 1 "aucun serveur $wanted ne tourne, et ce dépôt n'en a pas : il a {chat,relay,echo,calc,upload,direct}_serveur"
    fi
    fail 1 "aucun serveur $wanted ne tourne ; pour en lancer un : cargo run --release --bin $program"
fi
case $wanted in
*[!0-9]*) ;;
*)
    name=$(ps -o ucmd= --pid "$servers")
    is_ours "$name" ||
        fail 1 "le processus $wanted ($name) n'est pas un des serveurs de ce dépôt ; pour un autre serveur : $me NOM"
    ;;
esac
between=
result=1
for server in $servers; do
    printf '%s' "$between"
    between='
'
    if show "$server"; then result=0; fi
done
exit $result
