#!/bin/bash
# run.sh: mounts llfused's memfs, and its passthrough over a tmpfs, and runs every program test on them; and some of
# them on its passthrough over an ext4.  With --on=DIR it runs them on a directory that is there already.
# Knows the scripts by their place only.
#
# Usage: run.sh [--on=DIR] [NAME...]      (without --on as root; NAME: only these, e.g. git sqlite)
# Environment:
#   BUILD            where llfused was built (build)
#   PROGRAM_SYSTEMS  on which to run them ("memfs passthrough passthrough-ext4")
#   LLFUSED_MOUNT    a command that mounts something on the directory appended: run them on that alone
#   SCRIPT_LIMIT     seconds for each script (120)
#   STRESS_SECONDS   seconds for all of stress-ng together (13), on each system
#   LLFUSED_TEST_TRANSPORT   dev or uring: what each daemon must be on
set -eu

usage() {
	echo "programs: $1" >&2
	exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/common/transport.bash
source "$here/../common/transport.bash"
build=$(realpath -m "${BUILD:-build}")
limit=${SCRIPT_LIMIT:-120}
systems=${PROGRAM_SYSTEMS:-memfs passthrough passthrough-ext4}
[[ -z ${LLFUSED_MOUNT-} ]] || systems=given
some=(git rsync sqlite tar) # what runs on an ext4, too, if nothing is named

inside=
on=
if [[ ${1-} == --inside ]]; then
	inside=$2
	shift 2
elif [[ ${1-} == --on=* ]]; then
	on=$(realpath "${1#*=}")
	[[ -d $on ]] || usage "$on is not a directory"
	shift
fi

scripts=()
for name in "$@"; do
	[[ -x $here/$name.sh && $name != run ]] || usage "no test named '$name'"
	scripts+=("$here/$name.sh")
done
if [[ $# -eq 0 ]]; then
	for script in "$here"/*.sh; do
		[[ $script == "$here/run.sh" ]] || scripts+=("$script")
	done
fi

# The mounts live in namespaces of their own: when this ends or is killed, mounts and daemons go with it.
if [[ -z $on && -z $inside ]]; then
	[[ $EUID -eq 0 ]] || usage "mounting takes root (or give --on=DIR)"
	top=$(mktemp -d)
	trap 'rmdir "$top"' EXIT
	status=0
	"${ring_command[@]}" timeout --foreground -s KILL $((limit * ${#scripts[@]} * $(wc -w <<<"$systems") + 60)) \
		unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$top" "$@" || status=$?
	[[ $status -ne 137 ]] || echo "programs: killed by the watchdog" >&2
	exit "$status"
fi

passed=0
failed=0
# count NAME STATUS: keep the score.
count() {
	if [[ $2 -eq 0 ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		[[ $2 -ne 124 && $2 -ne 137 ]] || echo "$1: not done after $limit s, killed" >&2
		echo "$1: FAILED" >&2
	fi
}

# run DIR SCRIPT...
run() {
	local dir=$1 script status began
	shift
	for script in "$@"; do
		status=0
		began=$SECONDS
		timeout -k 5 "$limit" "$script" "$dir" || status=$?
		count "$(basename "$script" .sh) ($((SECONDS - began)) s)" "$status"
	done
}

# mount_by DIR COMMAND...: the command, with the directory appended, must mount there.
mount_by() {
	local dir=$1
	shift
	mkdir "$dir"
	timeout -k 5 30 "$@" "$dir" && timeout 5 mountpoint -q "$dir" && return
	echo "programs: '$* $dir' mounted nothing" >&2
	return 1
}

# ext4 DIR: on a file of the tmpfs that holds the directory.
ext4() {
	mkdir "$1"
	truncate -s 2g "$1.image"
	mkfs.ext4 -q -E lazy_itable_init=1,nodiscard "$1.image" && mount -o loop "$1.image" "$1"
}

# serve DIR ARGUMENT...: llfused in the background, until it is mounted there, on the right transport.
serve() {
	local dir=$1
	shift
	mkdir "$dir"
	"$build/llfused" --foreground --transport="$transport" "$@" "$dir" 2>"$dir.log" &
	daemon=$!
	for _ in $(seq 200); do
		! timeout 5 mountpoint -q "$dir" || break
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.05
	done
	timeout 5 mountpoint -q "$dir" && on_transport "$dir.log" && return
	echo "programs: llfused did not come up:" >&2
	cat "$dir.log" >&2
	return 1
}

# start SYSTEM DIR
start() {
	local -a given
	case $1 in
	given)
		read -ra given <<<"$LLFUSED_MOUNT"
		mount_by "$2" "${given[@]}"
		;;
	memfs) serve "$2" --backend=tmpfs -o size=2g ;;
	passthrough)
		mount_by "$2.source" mount -t tmpfs -o size=2g none &&
			serve "$2" --backend=passthrough --source="$2.source"
		;;
	passthrough-ext4) ext4 "$2.source" && serve "$2" --backend=passthrough --source="$2.source" ;;
	*) usage "no system named '$1'" ;;
	esac
}

# stop DIR: a daemon that does not end well, or has complained, is a failure too.
stop() {
	local status=0
	timeout -k 5 30 umount "$1" || count "unmounting" 1
	if [[ -n $daemon ]]; then
		timeout 30 tail --pid="$daemon" -f /dev/null || kill -KILL "$daemon"
		wait "$daemon" || status=$?
		[[ $status -eq 0 ]] || count "the daemon's end, with status $status" 1
		! grep -v -e ': serving ' -e ': ended: ' "$1.log" >&2 || count "the daemon's log" 1
	fi
	! mountpoint -q "$1.source" || umount "$1.source" || count "unmounting the source" 1
	rm -f "$1.image"
}

if [[ -n $on ]]; then
	run "$on" "${scripts[@]}"
else
	mount -t tmpfs -o size=75% programs "$inside"
	for system in $systems; do
		chosen=("${scripts[@]}")
		export EXCLUSIVE=yes # nobody else writes there: df can be checked to the byte
		if [[ $system == passthrough-ext4 ]]; then
			EXCLUSIVE=no
			if [[ $# -eq 0 ]]; then
				chosen=("${some[@]/#/$here/}")
				chosen=("${chosen[@]/%/.sh}")
			fi
		fi
		echo "-- $system"
		daemon=
		if start "$system" "$inside/$system"; then
			run "$inside/$system" "${chosen[@]}"
			stop "$inside/$system"
		else
			count "$system" 1
		fi
	done
fi
[[ $systems != given && -z $on ]] || transport="what was given"
echo "programs: $passed passed, $failed failed, on transport $transport"
[[ $failed -eq 0 ]]
