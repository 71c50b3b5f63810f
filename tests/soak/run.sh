#!/bin/bash
# run.sh: lets eight clients work on llfused's memfs, with each store of data, and on its passthrough over a tmpfs, while
# connections are aborted, mounts taken away, daemons stopped and killed, and clients killed at random moments.
# Knows what is mounted; the program `soak` does the rest.
# Environment:
#   LLFUSED, BUILD   the daemon (build/llfused), and where tests/soak lies (build)
#   SECONDS_EACH     seconds for each system: one number, or one for each (15)
#   SEED             of the random choices (by the time); moments differ all the same
#   SOAK_SYSTEMS     on which ("memfs backed passthrough")
#   SOAK_LIMIT       seconds until an operation counts as hung (60)
#   SOAK_RSS         MiB that a daemon may have resident (256; the most seen with sanitizers is 124)
#   LLFUSED_TEST_TRANSPORT   dev or uring: what each daemon must be on
set -eu

# shellcheck source=tests/common/transport.bash
source "$(dirname "$0")/../common/transport.bash"
LLFUSED=$(realpath "${LLFUSED:-build/llfused}")
BUILD=$(realpath "${BUILD:-build}")
export SEED=${SEED:-$(date +%s)}
limit=${SOAK_LIMIT:-60}
read -ra systems <<<"${SOAK_SYSTEMS:-memfs backed passthrough}"
read -ra seconds <<<"${SECONDS_EACH:-15}"

# In namespaces of its own: whatever happens, no mount and no process is left behind.
if [[ ${1-} != --inside ]]; then
	[[ $EUID -eq 0 ]] || {
		echo "soak: mounting takes root" >&2
		exit 2
	}
	sum=0
	for i in "${!systems[@]}"; do
		sum=$((sum + ${seconds[i]:-${seconds[0]}} + 3 * limit))
	done
	top=$(mktemp -d)
	trap 'rmdir "$top"' EXIT
	status=0
	"${ring_command[@]}" timeout --foreground -s KILL "$sum" \
		unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$top" || status=$?
	[[ $status -ne 137 ]] || echo "soak: killed by the watchdog" >&2
	exit "$status"
fi
top=$2

mount -t tmpfs soak "$top"
mountpoint -q /sys/fs/fuse/connections || mount -t fusectl fusectl /sys/fs/fuse/connections
passed=0
failed=0

kernel_time() {
	dmesg | tail -n 1 | awk -F '[][ ]+' '{ print $2 }'
}

# trouble SINCE: what the kernel says of it later than that.  Not what it says each time a daemon on a ring is killed: the
# requests of its queues cannot be copied to it any more; nor of entries that it refuses, which other tests provoke.
trouble() {
	dmesg | awk -F '[][ ]+' -v since="$1" '$2 + 0 > since + 0' |
		grep -E 'WARNING:|BUG:|Oops|Call Trace|blocked for more than|refcount|fuse:|llfused\[' |
		grep -vE 'fuse: (fuse_uring_args_to_ring fuse_copy_args failed|Copy to ring failed: -(4|14)$|Failed to get iovec)'
}

# soak SECONDS ARGUMENT...: the program's own, then --, then the daemon's
soak() {
	local -a own=()
	local duration=$1
	shift
	while [[ $1 != -- ]]; do
		own+=("$1")
		shift
	done
	shift
	mkdir -p "$top/mnt" "$top/logs"
	"$BUILD/tests/soak" --mount="$top/mnt" --logs="$top/logs" --transport="$transport" --seconds="$duration" \
		--seed="$SEED" --limit="$limit" --rss="${SOAK_RSS:-256}" "${own[@]}" \
		"$LLFUSED" --foreground --transport="$transport" "$@"
}

# run SYSTEM SECONDS
run() {
	case $1 in
	memfs) soak "$2" -- --backend=tmpfs -o size=1g,data=cached ;;
	backed) soak "$2" -- --backend=tmpfs -o size=1g,data=passthrough ;;
	passthrough)
		mkdir "$top/source"
		mount -t tmpfs -o size=1g source "$top/source"
		soak "$2" --source="$top/source" -- --backend=passthrough --source="$top/source"
		;;
	*)
		echo "soak: no system named '$1'" >&2
		return 2
		;;
	esac
}

for i in "${!systems[@]}"; do
	system=${systems[i]}
	echo "-- $system"
	begun=$(kernel_time)
	status=0
	run "$system" "${seconds[i]:-${seconds[0]}}" || status=$?
	if trouble "$begun" >"$top/trouble"; then
		echo "soak: the kernel said:" >&2
		head -n 40 "$top/trouble" >&2
		status=1
	fi
	! mountpoint -q "$top/source" || umount "$top/source" || status=1
	if [[ $status -eq 0 ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "soak: $system: FAILED, seed $SEED" >&2
	fi
done
echo "soak: $passed passed, $failed failed, on transport $transport"
[[ $failed -eq 0 ]]
