#!/usr/bin/env bash
# The course's exercise: what ps, ss and /proc say of each running chat_serveur, with a line to explain each thing shown.
# It only looks: it starts nothing and stops nothing. Status 0: shown; 1: nothing to show, or a tool is missing; 2: usage.
set -u

me=${0##*/}

usage() {
    printf '%s\n' \
        "Usage : $me [NOM | PID]" \
        "" \
        "Montre, pour chaque serveur NOM qui tourne (chat_serveur si rien n'est dit), ou pour" \
        "celui dont fait partie le processus PID, ce qu'en disent ps, ss et /proc :" \
        "  1. ses processus : le père et un fils par client ;" \
        "  2. sa socket d'écoute ;" \
        "  3. les connexions de ses clients, et qui les tient ;" \
        "  4. les descripteurs ouverts du père et d'un fils ;" \
        "puis compte : n clients, n+1 processus. Ne lance et n'arrête rien." \
        "" \
        "  -h, --help   affiche cette aide"
}

fail() {
    printf '%s : %s\n' "$me" "$2" >&2
    exit "$1"
}

counted() { # NUMBER SINGULAR PLURAL: French takes the singular for 0.
    if [ "$1" -lt 2 ]; then printf '%s %s' "$1" "$2"; else printf '%s %s' "$1" "$3"; fi
}

[ $# -le 1 ] || fail 2 "un seul argument, un nom ou un numéro de processus ; essayez $me --help"
case ${1-chat_serveur} in
-h | --help) usage && exit ;;
-*) fail 2 "option inconnue « $1 » ; essayez $me --help" ;;
'') fail 2 "nom de programme vide ; essayez $me --help" ;;
esac
wanted=${1-chat_serveur}
wanted=${wanted##*/}

command -v ss >/dev/null || fail 1 "il manque la commande ss ; installez le paquet iproute2"
command -v awk >/dev/null || fail 1 "il manque la commande awk ; installez le paquet mawk ou gawk"
# Not `command -v` alone: busybox has a ps that knows none of these options.
ps -o pid= --pid $$ >/dev/null 2>&1 || fail 1 "il manque la commande ps ; installez le paquet procps"

# On a terminal nothing may be wider than it, for a folded table cannot be read. Into a file or a pipe, lines stay whole.
width=0
if [ -t 1 ]; then
    { width=$(stty size <&3 2>/dev/null) && width=${width#* } || width=80; } 3>&1
    [ "$width" -ge 40 ] || width=80
fi

# First processes: those wanted whose parent is not one of the same name. A child's number leads to its server.
# The kernel keeps 15 bytes of a name. A zombie has ended: it serves nobody.
first_processes() {
    ps -e -o pid=,ppid=,stat=,ucmd= | awk -v wanted="$wanted" '
        $3 !~ /^Z/ { parent[$1] = $2; name[$1] = $4 }
        END {
            if (wanted ~ /^[0-9]+$/) {
                if (!(wanted in name)) exit
                for (pid = wanted; parent[pid] in name && name[parent[pid]] == name[pid]; pid = parent[pid]);
                print pid
                exit
            }
            for (pid in name)
                if (name[pid] == substr(wanted, 1, 15) && name[parent[pid]] != name[pid]) print pid
        }' | sort -n
}

# Lines of ss as columns. Where they would be wider than the terminal, the holders go on lines of their own.
sockets() { # LINES
    [ -n "$1" ] || { echo "(aucune)" && return; }
    awk -v width="$width" '
        function row(state, received, sent, here, there) {
            return sprintf("%-6s %6s %6s %-20s %-20s ", state, received, sent, here, there)
        }
        BEGIN { print row("State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port") "Process" }
        {
            start = row($1, $2, $3, $4, $5)
            users = substr($0, index($0, "users:"))
            if (!width || length(start users) <= width) { print start users; next }
            sub(/ +$/, "", start)
            print start
            line = "  "
            many = split(users, holder, /\),\(/)
            for (i = 1; i <= many; i++) {
                piece = (i > 1 ? "(" : "") holder[i] (i < many ? ")," : "")
                if (i > 1 && length(line piece) > width) { print line; line = "         " }
                line = line piece
            }
            print line
        }' <<<"$1"
}

# What a process has open. What ss said of it tells a listening socket from a client; the first pipe is the children's.
descriptors() { # PID
    { printf '%s\n' "$listening" "$connected" && ls -lv "/proc/$1/fd" 2>/dev/null; } | awk -v pid="$1" '
        match($0, "pid=" pid ",fd=[0-9]+") {
            fd = substr($0, RSTART, RLENGTH)
            sub(/.*=/, "", fd)
            role[fd] = $1 == "LISTEN" ? "socket d\047écoute, " $4 : "client " $5
            next
        }
        match($0, / [0-9]+ -> /) {
            fd = substr($0, RSTART + 1, RLENGTH - 5)
            target = substr($0, RSTART + RLENGTH)
            pipe = target ~ /^pipe:/
            if (fd > 2 && pipe && shared == "") shared = target
            if (fd <= 2) what = "standard : 0 entrée, 1 sortie, 2 erreur"
            else if (fd in role) what = role[fd]
            else if (pipe && target == shared) what = "tube des fils au père, " ($1 ~ /^lr/ ? "lecture" : "écriture")
            else if (pipe) what = "tube des signaux, à l\047écart"
            else what = target ~ /^\/dev\/(pts\/|tty)/ ? "le terminal, à l\047écart" : "autre"
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

# The rows of ps that meet a condition, as numbers.
pids_where() { # CONDITION
    awk -v father="$father" "NR > 1 && $1 { print \$1 }" <<<"$processes"
}

show() { # PID of a first process
    local father=$1 look=(--cols "$width") processes ours child zombies listening connected
    [ "$width" -gt 0 ] || look=(-ww)
    processes=$(ps "${look[@]}" -o pid,ppid,stat,ucmd,args --pid "$father" --ppid "$father")
    ours=$(pids_where 1)
    child=$(pids_where '$1 != father && $3 !~ /^Z/' | head -n 1)
    zombies=$(pids_where '$3 ~ /^Z/' | grep -c .)
    printf '%s\n' "===== Serveur $father =====" \
        "1. Processus : ps -o pid,ppid,stat,ucmd,args --pid $father --ppid $father" "$processes" \
        "→ Le père $father et un fils par client : même CMD, et leur PPID est $father." ""
    # ss and /proc show another user's processes to nobody but root.
    if ! ls "/proc/$father/fd" >/dev/null 2>&1; then
        printf '%s\n' "→ Sockets et descripteurs cachés : le serveur est à un autre, $(ps -o user:32= --pid "$father")." \
            "  Pour les voir : sudo $0 $father"
        return
    fi
    listening=$(ss -Hltnp | grep -E "pid=(${ours//$'\n'/|}),")
    connected=$(ss -Htnp | grep -E "pid=(${ours//$'\n'/|}),")
    printf '%s\n' "2. Écoute : ss -ltnp (lignes de ce serveur)"
    sockets "$listening"
    printf '%s\n' "→ La socket d'écoute est au père seul ; Send-Q : sa file d'attente (backlog)." "" \
        "3. Clients : ss -tnp (lignes de ce serveur)"
    sockets "$connected"
    printf '%s\n' "→ Chaque connexion est à deux processus, le père et son fils, sous le même fd." "" \
        "4. Descripteurs du père : ls -lv /proc/$father/fd"
    descriptors "$father"
    printf '%s\n' "→ Le système donne le plus petit numéro libre : tube, écoute, puis clients." ""
    if [ -n "$child" ]; then
        printf '%s\n' "5. Descripteurs d'un fils : ls -lv /proc/$child/fd"
        descriptors "$child"
        printf '%s\n' "→ fork copie tout ; le fils ne garde que son client et de quoi écrire au père." ""
    fi
    verdict "$(grep -c . <<<"$connected")" "$(grep -c . <<<"$ours")" "$zombies"
}

verdict() { # CLIENTS PROCESSES ZOMBIES
    local count fits="n clients, n+1 processus, le compte est bon."
    count="$(counted "$1" client clients), $2 processus"
    [ "$3" -eq 0 ] || count+=" dont $(counted "$3" zombie zombies)"
    # Two looks, ps then ss: what comes or goes between them is no fault.
    [ "$2" -eq $(($1 + 1)) ] || fits="il en faudrait $(($1 + 1)) ; si un client va ou vient, relancez."
    printf '%s\n' "Compte : $count : $fits"
}

servers=$(first_processes)
[ -n "$servers" ] ||
    fail 1 "aucun serveur $wanted ne tourne ; pour en lancer un : cargo run --release --bin chat_serveur"
separator=
for server in $servers; do
    printf '%s' "$separator"
    show "$server"
    separator=$'\n'
done
