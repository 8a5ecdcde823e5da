#!/usr/bin/env bash
# Starts a lab's server, built first if needed. launch.sh is found beside this file, links resolved.
set -u
here=$(readlink -f -- "${BASH_SOURCE[0]}")
# shellcheck source=/dev/null # launch.sh is checked by itself.
. "${here%/*}/launch.sh" serveur "$@"
