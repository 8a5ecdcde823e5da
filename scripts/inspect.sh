#!/usr/bin/env bash
# The course's exercise: what ps, ss and /proc say of each running chat_serveur, with a line to explain each thing shown.
# It only looks: it starts nothing and stops nothing. Status 0: shown; 1: nothing to show, or a tool is missing; 2: usage.
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
-h | --help) usage && exit ;;
-*) fail 2 "option inconnue « $1 » ; essayez $me --help" ;;
'' | */) fail 2 "nom de programme vide ; essayez $me --help" ;;
esac
wanted=${1-chat_serveur}
wanted=${wanted##*/}

# Not `command -v` for ps: busybox has one that knows none of these options.
ps -o pid= --pid $$ >/dev/null 2>&1 || fail 1 "il manque la commande ps ; installez le paquet procps"
command -v ss >/dev/null || fail 1 "il manque la commande ss ; installez le paquet iproute2"
command -v awk >/dev/null || fail 1 "il manque la commande awk ; installez le paquet mawk"

# On a terminal no table may be wider than it, for a folded one cannot be read. In a file or a pipe, lines stay whole (0).
width=0
if [ -t 1 ]; then
    { width=$(stty size <&3 2>/dev/null); } 3>&1
    width=${width#* }
    [ "${width:-0}" -ge 40 ] || width=80
fi

# Those wanted whose parent is not one of the same name; from a child's number, up to its server.
# The kernel keeps 15 bytes of a name. A zombie has ended: it serves nobody.
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

# What ss said, in columns. Where that is too wide, the holders go below: on one line, or else on one each.
sockets() { # LINES
    [ -n "$1" ] || { echo "(aucune)" && return; }
    awk -v width="$width" '
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
        }' <<<"$1"
}

# What a process has open, the same thing under several numbers on one line. What ss said of it tells a listener from a
# client. The children's pipe is made first, so it is 3 and 4; one that a process writes to itself is for signals.
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
            } else what = target ~ /^\/dev\/(pts\/|tty)/ ? "terminal du père, à l\047écart des clients" : "autre"
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

# What to expect of a server: "salle", whose first process writes to all clients; "fils", where a child serves its client alone;
# "un", where one process serves one client after the other, or a pair.
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

show() { # PID of a first process
    local father=$1 look=(--cols "$width") kind processes ours child listening connected
    [ "$width" -gt 0 ] || look=(-ww)
    kind=$(kind_of "$father")
    processes=$(ps "${look[@]}" -o pid,ppid,stat,ucmd,args --pid "$father" --ppid "$father")
    ours=$(awk 'NR > 1 { print $1 }' <<<"$processes")
    [ -n "$ours" ] || { echo "Le serveur $father vient de se terminer." && return; }
    printf '%s\n' "===== $(ps -o ucmd= --pid "$father"), processus $father =====" "" \
        "1. Processus : ps -o pid,ppid,stat,ucmd,args --pid $father --ppid $father" "$processes" \
        "$(expect processes)" ""
    # ss and /proc tell what a process has open to its user and to root alone.
    if ! ls "/proc/$father/fd" >/dev/null 2>&1; then
        printf '%s\n' "Sockets et descripteurs cachés : ce serveur est à l'utilisateur $(ps -o user:32= --pid "$father")." \
            "Pour les voir : sudo $0 $father"
        return
    fi
    listening=$(ss -Hltnp | grep -E "pid=(${ours//$'\n'/|}),")
    connected=$(ss -Htnp | grep -E "pid=(${ours//$'\n'/|}),")
    printf '%s\n' "2. Écoute : ss -ltnp (les lignes de ce serveur)"
    sockets "$listening"
    printf '%s\n' "→ Attendu : l'écoute est au père seul. Send-Q = sa file d'attente (backlog)." "" \
        "3. Clients : ss -tnp (les lignes de ce serveur)"
    sockets "$connected"
    printf '%s\n' "$(expect clients)" "" \
        "4. Descripteurs du père : ls -lv /proc/$father/fd"
    descriptors "$father"
    printf '%s\n' "$(expect numbers)" ""
    child=$(awk -v father="$father" 'NR > 1 && $1 != father && $3 !~ /^Z/ { print $1; exit }' <<<"$processes")
    if [ -n "$child" ]; then
        printf '%s\n' "5. Descripteurs d'un fils : ls -lv /proc/$child/fd"
        descriptors "$child"
        printf '%s\n' "→ Attendu : fork a tout copié, le fils a fermé l'écoute et les autres clients."
        [ "$kind" != salle ] || echo "→ Ses numéros 0 et 1 ne mènent nulle part (/dev/null) : ni clavier, ni écran."
        echo
    fi
    verdict "$(grep -c . <<<"$connected")" "$(grep -c . <<<"$ours")" "$(awk '$3 ~ /^Z/' <<<"$processes" | grep -c .)"
}

verdict() { # CLIENTS PROCESSES ZOMBIES
    local clients="$1 client" living=$(($2 - $3)) expected=$(($1 + 1))
    [ "$1" -lt 2 ] || clients+=s
    if [ "$kind" = un ]; then
        echo "Compte : $clients, $2 processus (et zombies : $3)."
    elif [ "$living $3" = "$expected 0" ]; then
        echo "Compte : $clients, $2 processus : n clients, n+1 processus, c'est juste."
    else
        # Perhaps no fault: ps and ss look one after the other, and a client may have come or gone in between.
        echo "Compte faux : $clients mais $living processus (et zombies : $3), au lieu de $expected. Relancez ?"
    fi
}

servers=$(first_processes)
if [ -z "$servers" ]; then
    case $wanted in
        chat_serveur | relay_serveur | echo_serveur | calc_serveur | upload_serveur | direct_serveur) ours=$wanted ;;
        *) ours=chat_serveur ;;
    esac
    fail 1 "aucun serveur $wanted ne tourne ; pour en lancer un : cargo run --release --bin $ours"
fi
for server in $servers; do
    [ "$server" = "${servers%%$'\n'*}" ] || echo
    show "$server"
done
