#!/bin/sh
# Starts a lab's client, built first if needed. launch.sh is found beside this file, links resolved.
end=
[ -z "$end" ] || exec sh -c "$(tr -d '\r' <"$0")" "$0" "$@" # Windows line ends.
# macOS before 12.3 has no -f: there, the script is not run by a link.
here=$(readlink -f -- "$0" 2>/dev/null) || here=$(CDPATH="" cd -P -- "$(dirname -- "$0")" && pwd)/
exec sh "${here%/*}/launch.sh" "${0##*/}" client "$@"
