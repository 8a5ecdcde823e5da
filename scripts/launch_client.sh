#!/bin/sh
# Starts a lab's client, built first if needed. launch.sh is found beside this file, links resolved.
# Windows line ends: each line down to the second exec ends in a comment, which takes its CR.
end=
here=$(readlink -f -- "$0" 2>/dev/null) || here=$(CDPATH="" cd -P -- "$(dirname -- "$0")" && pwd)/ # No -f: macOS before 12.3. There, no link runs the script.
# Sourced, exec would replace the caller's shell. $0 is then that shell, or this file (zsh).
# shellcheck disable=SC2317 # A file that is not sourced cannot return.
case ${ZSH_EVAL_CONTEXT-} in *:file*) false ;; *) [ -f "$0" ] && [ -f "${here%/*}/launch.sh" ] ;; esac || { echo "launch_client.sh : à lancer, sans « . » ni source : sh scripts/launch_client.sh" >&2; return 2 2>/dev/null || exit 2; } # Not run as a file.
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
exec sh "${here%/*}/launch.sh" "${0##*/}" client "$@"
