# common.bash: the frame of a plugin test: a private place, one daemon at a time, its counters.
# Sourced by NAME.sh.  Knows no backend.
# shellcheck shell=bash
set -eu -o pipefail
export LC_ALL=C TZ=UTC

# shellcheck source=tests/common/transport.bash
source "$(dirname "${BASH_SOURCE[0]}")/../common/transport.bash"
test_name=$(basename "$0" .sh)
: "${LLFUSED:?the daemon to test}"
work=$(mktemp -d)
mnt=$work/mnt # where start() mounts
log=$work/log # what the daemon says
daemon=       # its pid
mkdir "$mnt"

# A failure says in one line what differed; the daemon's own words follow.
fail() {
	echo "$test_name: $*" >&2
	[[ ! -s $log ]] || grep -E -v ' serving |:   #|: thread ' "$log" | tail -n 30 >&2 || true
	exit 1
}

cleanup() {
	local status=$?
	cd /
	umount -l "$mnt" 2>/dev/null || true
	# shellcheck disable=SC2046
	kill -KILL $(jobs -p) 2>/dev/null || true
	rm -rf "$work"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# equal WHAT GOT WANTED
equal() {
	[[ "$2" == "$3" ]] || fail "$1: got '$2', wanted '$3'"
}

# refused ERRNO-TEXT COMMAND...: it must fail, and say why.
refused() {
	local text=$1 said
	shift
	! said=$("$@" 2>&1) || fail "should be refused: $*"
	[[ $said == *"$text"* ]] || fail "$*: said '$said', wanted '$text'"
}

# eventually COMMAND...: it must succeed within ten seconds.
eventually() {
	local end=$((SECONDS + 10))
	until "$@" 2>/dev/null; do
		((SECONDS < end)) || fail "not within ten seconds: $*"
		sleep 0.05
	done
}

# start OPTION...: a daemon on $mnt, on the right transport.
start() {
	: >"$log"
	"$LLFUSED" --foreground --transport="$transport" "$@" "$mnt" 2>>"$log" &
	daemon=$!
	eventually serving
	on_transport "$log" || fail "the wrong transport"
}

serving() {
	kill -0 "$daemon" || fail "the daemon did not start"
	mountpoint -q "$mnt"
}

# stop: it must end well, and have had nothing to complain about.
stop() {
	kill -TERM "$daemon"
	ended
}

# ended: it was told to end.
ended() {
	local status=0
	wait "$daemon" || status=$?
	equal "the daemon's exit status" "$status" 0
	! grep -E '(error|warning): |Sanitizer' "$log" || fail "the daemon complains"
	! mountpoint -q "$mnt" || fail "the mount is still there"
}

# SIGUSR1 makes the daemon log its counters, the requests in flight, and its threads; `shot` is all but the last.
snapshot() {
	local from
	from=$(stat -c %s "$log")
	kill -USR1 "$daemon"
	eventually photographed "$from"
}

photographed() {
	shot=$(tail -c +$(($1 + 1)) "$log" | sed -n '/: counters: /,/: thread /p')
	[[ $shot == *": thread "* ]]
}

# counter OP: how many requests of that sort have come.
counter() {
	snapshot
	grep -v malformed= <<<"$shot" | sed -n 's/.*counters: //p' | tr ' ' '\n' |
		sed -n "s|^$1=\([0-9]*\).*|\1|p" | grep . || echo 0
}

# pending OP: how many of them wait for an answer.
pending() {
	snapshot
	grep -c "in flight: $1 .*pending=1" <<<"$shot" || true
}
