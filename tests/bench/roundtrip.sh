#!/bin/bash
# roundtrip.sh: what a round trip costs: the null backend on both transports against a server that does nothing else
# (tests/bench/bare.c), interleaved; and memfs against the same server's ceilings and a kernel tmpfs.  Knows mount
# commands only; roundtrip and fsbench measure.
#
# Usage, as root: roundtrip.sh [null|small|warm]...    (default: all)
# Environment:
#   BUILD            where llfused, fsbench and tests/bare were built (build)
#   LLFUSED          the daemon (BUILD/llfused)
#   LLFUSED_OTHER    another build of the daemon, to be measured beside it
#   BENCH_ROUNDS, BENCH_MS, BENCH_FILES    (15 turns, 100 ms each, 3000 files)
#   BENCH_PIN        clients stay on a processor if this is not empty
set -eu

fail() {
	echo "roundtrip: $1" >&2
	exit "${2:-1}"
}

build=$(realpath -m "${BUILD:-build}")
if [[ ${1-} != --inside ]]; then
	[[ $EUID -eq 0 ]] || fail "mounting takes root" 2
	switch=/sys/module/fuse/parameters/enable_uring
	[[ -r $switch ]] || fail "this kernel has no FUSE over io_uring: 6.14 or later has"
	before=$(<"$switch")
	trap '[[ $(<"$switch") == "$before" ]] || echo "$before" >"$switch"' EXIT
	[[ $before == Y ]] || echo Y >"$switch" || fail "FUSE over io_uring cannot be switched on"
	status=0
	timeout --foreground -s KILL 900 unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$@" ||
		status=$?
	exit "$status"
fi
shift
llfused=${LLFUSED:-$build/llfused}
other=${LLFUSED_OTHER-}
bare=$build/tests/bare
rounds=${BENCH_ROUNDS:-15}
top=$(mktemp -d)
mount -t tmpfs roundtrip "$top"

# serve NAME COMMAND...: mounted on $top/NAME.
serve() {
	local name=$1 tries=0
	shift
	mkdir "$top/$name"
	"$@" "$top/$name" 2>"$top/$name.log" &
	until timeout 5 mountpoint -q "$top/$name"; do
		((++tries < 100)) || fail "$name is not mounted after 10 s: $(tail -n 3 "$top/$name.log")"
		sleep 0.1
	done
}

# finish NAME...: unmounting ends the servers.
finish() {
	local name
	for name in "$@"; do
		umount "$top/$name"
		rmdir "$top/$name"
	done
}

# The null backend keeps nothing and lets nothing be cached: each call is one message.
measure_null() {
	local threads systems=(dev uring bare) ratios=(--ratio=uring/dev --ratio=uring/bare) name targets=()
	serve dev "$llfused" --foreground --backend=null --transport=dev
	serve uring "$llfused" --foreground --backend=null --transport=uring
	if [[ -n $other ]]; then
		serve other "$other" --foreground --backend=null --transport=uring
		systems+=(other)
		ratios+=(--ratio=other/bare --ratio=uring/other)
	fi
	serve bare "$bare"
	for name in "${systems[@]}"; do
		targets+=("$name=$top/$name/f")
	done
	for threads in 1 2; do
		"$build/tests/roundtrip" --rounds="$rounds" --ms="${BENCH_MS:-100}" --threads="$threads" \
			${BENCH_PIN:+--pin} "${ratios[@]}" "${targets[@]}"
	done
	finish "${systems[@]}"
}

# small PHASES THREADS: memfs and its ceiling: as many messages, and a reader of /dev/fuse that rests, too.
small() {
	local systems=(tmpfs memfs bare) name arguments=()
	mkdir "$top/tmpfs"
	mount -t tmpfs tmpfs "$top/tmpfs"
	serve memfs "$llfused" --foreground --backend=tmpfs --transport=uring
	if [[ -n $other ]]; then
		serve other "$other" --foreground --backend=tmpfs --transport=uring
		systems+=(other)
	fi
	serve bare "$bare" --forever --open-free --xattrs --pause=1
	for name in "${systems[@]}"; do
		arguments+=(--system "$name=$top/$name")
	done
	"$build/fsbench" --phases="$1" --threads="$2" --files="${BENCH_FILES:-3000}" --rounds="$rounds" \
		--baseline=bare "${arguments[@]}"
	finish "${systems[@]}"
}

# No messages: names and attributes are known to the kernel.
measure_warm() {
	small stat,open 1
}

measure_small() {
	small create,open-write,rename,unlink 1
	small create,open-write,rename,unlink 2
}

[[ $# -gt 0 ]] || set -- null small warm
for what in "$@"; do
	case $what in
	null | small | warm) "measure_$what" ;;
	*) fail "unknown measurement '$what'" 2 ;;
	esac
done
umount "$top"
rmdir "$top"
