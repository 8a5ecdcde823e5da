#!/usr/bin/env bash
# Starts a lab's server, built first if needed: see launch.sh, beside this file wherever a link to it may be.
set -u
here=$(readlink -f -- "${BASH_SOURCE[0]}")
# shellcheck source=/dev/null # It is checked as a file of its own.
. "${here%/*}/launch.sh" serveur "$@"
