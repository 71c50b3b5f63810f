#!/bin/bash
# ring-on.sh COMMAND...: runs it while the kernel's switch for FUSE over io_uring is on, and then puts the switch back
# as it was: also when this is killed.  Knows nothing of what it runs.
#
# Who holds a shared lock on the switch needs it on; who puts it back waits until nobody does.
set -eu

switch=/sys/module/fuse/parameters/enable_uring
[[ -e $switch ]] || modprobe -q fuse || true
[[ -w $switch ]] || exec "$@" # what the command wants of it fails with the reason

exec {lock}<>"$switch"
flock -s "$lock"
if [[ $(<"$switch") == Y ]]; then
	"$@" {lock}>&-
	exit
fi

# The keeper sees that all others have closed its input; in a session of its own no signal to the suite reaches it.
# shellcheck disable=SC2016
exec {alive}> >(exec setsid bash -c 'cat && flock -x "$1" && echo N >"$2"' - "$lock" "$switch" >/dev/null)
keeper=$!
echo Y >"$switch"
status=0
"$@" {alive}>&- {lock}>&- || status=$?
exec {alive}>&- {lock}>&-
wait "$keeper"
exit "$status"
