#!/bin/bash
# million.sh: very many files in one directory of an llfused mount, empty and of 100 bytes: memory of the daemon,
# and whether creating, listing and deleting stay linear.  Knows a mount command and a process id only.
#
# Usage, as root: million.sh [--files=N] [--strict]
#   --files=N        the largest of three sizes N/4, N/2, N (1000000)
#   --strict         a missed goal is a failure
# Environment:
#   BUILD            where llfused and fsbench were built (build)
#   LLFUSED_FOREGROUND  command that serves llfused on the directory appended, in the foreground
#   MILLION_LIMIT    seconds until everything is killed (600)
set -eu -o pipefail

fail() {
	echo "million: $1" >&2
	exit "${2:-1}"
}

build=$(realpath -m "${BUILD:-build}")
fsbench=$build/fsbench
limit=${MILLION_LIMIT:-600}

# Everything happens in namespaces of its own: when this ends or is killed, mount and daemon go with it.
if [[ ${1-} != --inside ]]; then
	files=1000000
	strict=no
	for argument in "$@"; do
		case $argument in
		--files=[1-9]*) files=${argument#*=} ;;
		--strict) strict=yes ;;
		*) fail "usage: million.sh [--files=N] [--strict]" 2 ;;
		esac
	done
	[[ $files =~ ^[0-9]+$ && $files -ge 4 ]] || fail "bad --files=$files" 2
	[[ $EUID -eq 0 ]] || fail "mounting takes root" 2
	[[ -x $fsbench ]] || fail "$fsbench is missing: run make first" 2
	top=$(mktemp -d)
	trap 'rmdir "$top"' EXIT
	status=0
	timeout --foreground -s KILL "$limit" \
		unshare --mount --pid --fork --kill-child --mount-proc \
		"$0" --inside "$top" "$files" "$strict" || status=$?
	[[ $status -ne 137 ]] || echo "million: killed after $limit s" >&2
	exit "$status"
fi
top=$2
files=$3
strict=$4

read -ra serve <<<"${LLFUSED_FOREGROUND:-$build/llfused -f --backend=tmpfs -o nr_inodes=$((files * 2))}"
mount -t tmpfs million "$top"
mkdir "$top/mnt"
"${serve[@]}" "$top/mnt" &
daemon=$!
tries=0
until timeout 5 mountpoint -q "$top/mnt"; do
	kill -0 "$daemon" 2>/dev/null || fail "'${serve[*]}' ended before it mounted"
	((++tries < 100)) || fail "nothing is mounted after 10 s"
	sleep 0.1
done

# Resident KiB of the daemon: anonymous, file and shared memory together.
resident() {
	local rss
	rss=$(awk '/^VmRSS:/ { print $2 }' "/proc/$daemon/status")
	[[ -n $rss ]] || fail "the daemon has gone"
	echo "$rss"
}

mib() {
	awk -v kib="$1" 'BEGIN { printf "%.1f", kib / 1024 }'
}

# Memory goes back when the kernel has sent its forgets: wait until it stops falling, 10 s at most.
resident_settled() {
	local before now tries=0
	now=$(resident)
	while ((tries++ < 20)); do
		sleep 0.5
		before=$now
		now=$(resident)
		((now < before)) || break
	done
	echo "$now"
}

# seconds VERB OPTION...: run a helper of fsbench, check how many files it saw, print its seconds.
seconds() {
	local line
	line=$("$fsbench" "${@:2}") || fail "$1 failed"
	[[ $line == "$1 files=$step seconds="* ]] || fail "expected $step files: $line"
	echo "${line##*=}"
}

sleep 0.5
idle=$(resident)
echo "idle: $(mib "$idle") MiB resident"
printf '%10s %6s %10s %10s %10s %10s %12s\n' files bytes 'create s' 'list s' 'delete s' 'full MiB' 'deleted MiB'

# turn FILES OPTION...: make, list and delete them; leaves the figures in row, full and after.
turn() {
	step=$1
	local create list delete
	mkdir "$top/mnt/many"
	create=$(seconds make --make-files="$top/mnt/many:$step" "${@:2}")
	full=$(resident)
	list=$(for _ in 1 2 3; do seconds list --list="$top/mnt/many"; done | sort -n | head -n 1)
	delete=$(seconds unlink --unlink-files="$top/mnt/many:$step")
	rmdir "$top/mnt/many"
	after=$(resident_settled)
	row="$step $create $list $delete"
	printf '%10d %6d %10s %10s %10s %10s %12s\n' "$step" "${2:+${2#*=}}" "$create" "$list" "$delete" \
		"$(mib "$full")" "$(mib "$after")"
}

rows=()
for step in $((files / 4)) $((files / 2)) "$files"; do
	turn "$step"
	rows+=("$row")
done
empty_full=$full
empty_after=$after
turn "$files" --bytes=100

missed=0
# goal WHAT VALUE AT-MOST
goal() {
	local verdict
	verdict=$(awk -v value="$2" -v most="$3" 'BEGIN { print value <= most ? "reached" : "MISSED" }')
	[[ $verdict == reached ]] || missed=1
	printf '  %-36s %8s, at most %s: %s\n' "$1" "$2" "$3" "$verdict"
}

# growth COLUMN: the time for each file at N over that at N/4: 1 is linear, 4 quadratic.
growth() {
	printf '%s\n' "${rows[0]}" "${rows[2]}" | awk -v column="$1" '
		{ each[NR] = $column / $1 }
		END { printf "%.2f", (each[1] > 0 ? each[2] / each[1] : 1) }'
}

echo goals
goal "idle, MiB" "$(mib "$idle")" 8
goal "$files empty files, MiB" "$(mib "$empty_full")" 300
goal "after deleting, MiB above idle" "$(mib $((empty_after - idle)))" 8
goal "$files files of 100 bytes, MiB" "$(mib "$full")" 500
goal "after deleting, MiB above idle" "$(mib $((after - idle)))" 8
goal "create: time a file, N over N/4" "$(growth 2)" 1.5
goal "list: time a file, N over N/4" "$(growth 3)" 1.5
goal "delete: time a file, N over N/4" "$(growth 4)" 1.5

umount "$top/mnt"
wait "$daemon" || fail "the daemon ended with status $?"
[[ $strict == no || $missed -eq 0 ]]
