#!/bin/sh
# Starts a lab's server, built first if needed. launch.sh is found beside this file, links resolved.
end=
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
here=$(readlink -f -- "$0")
exec sh "${here%/*}/launch.sh" "${0##*/}" serveur "$@"
