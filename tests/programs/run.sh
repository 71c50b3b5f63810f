#!/bin/bash
# run.sh: mounts llfused's memfs and runs every program test on it; with --on=DIR it runs them on a directory that is
# there already.  Knows the scripts by their place only.
#
# Usage: run.sh [--on=DIR] [NAME...]      (without --on as root; NAME: only these, e.g. git sqlite)
# Environment:
#   BUILD           where llfused was built (build)
#   LLFUSED_MOUNT   command that mounts llfused on the directory appended
#   SCRIPT_LIMIT    seconds for each script (120)
#   STRESS_SECONDS  seconds for all of stress-ng together (26)
set -eu

usage() {
	echo "programs: $1" >&2
	exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath -m "${BUILD:-build}")
limit=${SCRIPT_LIMIT:-120}

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

# The mount lives in namespaces of its own: when this ends or is killed, mount and daemon go with it.
if [[ -z $on && -z $inside ]]; then
	[[ $EUID -eq 0 ]] || usage "mounting takes root (or give --on=DIR)"
	top=$(mktemp -d)
	trap 'rmdir "$top"' EXIT
	status=0
	timeout --foreground -s KILL $((limit * ${#scripts[@]} + 60)) \
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

dir=$on
if [[ -n $inside ]]; then
	export EXCLUSIVE=yes # nobody else writes there: df can be checked to the byte
	dir=$inside
	read -ra mount_command <<<"${LLFUSED_MOUNT:-$build/llfused --backend=tmpfs -o size=2g}"
	if ! timeout -k 5 30 "${mount_command[@]}" "$dir" || ! timeout 5 mountpoint -q "$dir"; then
		echo "programs: '${mount_command[*]} $dir' mounted nothing" >&2
		echo "programs: 0 passed, 1 failed"
		exit 1
	fi
fi

for script in "${scripts[@]}"; do
	status=0
	began=$SECONDS
	timeout -k 5 "$limit" "$script" "$dir" || status=$?
	count "$(basename "$script" .sh) ($((SECONDS - began)) s)" "$status"
done

if [[ -n $inside ]]; then
	status=0
	timeout -k 5 30 umount "$dir" || status=1
	[[ $status -eq 0 ]] || count "unmounting" 1
fi
echo "programs: $passed passed, $failed failed"
[[ $failed -eq 0 ]]
