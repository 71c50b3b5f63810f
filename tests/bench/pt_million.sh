#!/bin/bash
# pt_million.sh: a tree of millions of files is walked through llfused's passthrough, which may have few descriptors:
# its memory for each inode that the kernel knows, its descriptors, and what comes back when the kernel forgets.
# Knows a mount command and a process id only.
#
# Usage, as root: pt_million.sh [--files=N] [--walk=find|ls] [--strict]
#   --files=N        files in the tree, in directories of at most 20000 (2000000)
#   --walk=HOW       by find -ls or by ls -lR (find)
#   --strict         a missed goal is a failure
# Environment:
#   BUILD            where llfused and fsbench were built (build)
#   PASSTHROUGH_MOUNT  llfused's command line without source and mount point (BUILD/llfused --backend=passthrough)
#   MILLION_NOFILE   the hard limit of open files that llfused is started with (4096)
#   MILLION_LIMIT    seconds until everything is killed (600)
set -eu -o pipefail

fail() {
	echo "pt_million: $1" >&2
	exit "${2:-1}"
}

build=$(realpath -m "${BUILD:-build}")
fsbench=$build/fsbench
limit=${MILLION_LIMIT:-600}
nofile=${MILLION_NOFILE:-4096}

# Everything happens in namespaces of its own: when this ends or is killed, mounts and daemon go with it.
if [[ ${1-} != --inside ]]; then
	files=2000000
	walk='find'
	strict=no
	for argument in "$@"; do
		case $argument in
		--files=[1-9]*) files=${argument#*=} ;;
		--walk=find | --walk=ls) walk=${argument#*=} ;;
		--strict) strict=yes ;;
		*) fail "usage: pt_million.sh [--files=N] [--walk=find|ls] [--strict]" 2 ;;
		esac
	done
	[[ $files =~ ^[0-9]+$ ]] || fail "bad --files=$files" 2
	[[ $EUID -eq 0 ]] || fail "mounting takes root" 2
	[[ -x $fsbench ]] || fail "$fsbench is missing: run make first" 2
	top=$(mktemp -d)
	trap 'rmdir "$top"' EXIT
	status=0
	timeout --foreground -s KILL "$limit" \
		unshare --mount --pid --fork --kill-child --mount-proc \
		"$0" --inside "$top" "$files" "$walk" "$strict" || status=$?
	[[ $status -ne 137 ]] || echo "pt_million: killed after $limit s" >&2
	exit "$status"
fi
top=$2
files=$3
walk=$4
strict=$5

read -ra serve <<<"${PASSTHROUGH_MOUNT:-$build/llfused --backend=passthrough}"
mount -t tmpfs -o size=50%,nr_inodes=$((files + files / 10000 + 1000)) million "$top"
mkdir "$top/mnt" "$top/source"

each=20000
((each < files)) || each=$files
dirs=0
for ((made = 0; made < files; made += step)); do
	step=$((files - made < each ? files - made : each))
	mkdir "$top/source/dir$dirs"
	"$fsbench" --make-files="$top/source/dir$dirs:$step" >"$top/said" || fail "cannot make the tree"
	dirs=$((dirs + 1))
done
inodes=$((files + dirs + 1))

# The kernel's own count of what it knows of FUSE.
known() {
	awk '$1 == "fuse_inode" { print $2 }' /proc/slabinfo
}

known_before=$(known)
(ulimit -Sn "$((nofile < 1024 ? nofile : 1024))" && ulimit -Hn "$nofile" &&
	exec "${serve[@]}" --foreground --source="$top/source" "$top/mnt") 2>"$top/log" &
daemon=$!
tries=0
until timeout 5 mountpoint -q "$top/mnt"; do
	kill -0 "$daemon" 2>/dev/null || fail "'${serve[*]}' ended before it mounted: $(tail -n 1 "$top/log")"
	((++tries < 100)) || fail "nothing is mounted after 10 s"
	sleep 0.1
done

# Resident KiB of the daemon: anonymous, file and shared memory together.
resident() {
	local rss
	rss=$(awk '/^VmRSS:/ { print $2 }' "/proc/$daemon/status")
	[[ -n $rss ]] || fail "the daemon has gone: $(tail -n 1 "$top/log")"
	echo "$rss"
}

mib() {
	awk -v kib="$1" 'BEGIN { printf "%.1f", kib / 1024 }'
}

descriptors() {
	find "/proc/$daemon/fd" -mindepth 1 -printf . 2>/dev/null | wc -c
}

# The most that are open at any time, looked at five times a second.
watch_descriptors() {
	local now most=0
	while kill -0 "$daemon" 2>/dev/null; do
		now=$(descriptors)
		((now <= most)) || most=$now
		echo "$most" >"$top/most.new"
		mv "$top/most.new" "$top/most"
		sleep 0.2
	done
}

# Memory goes back when the kernel has sent its forgets: wait until it stops falling, 60 s at most.
resident_settled() {
	local before now tries=0
	now=$(resident)
	while ((tries++ < 60)); do
		sleep 1
		before=$now
		now=$(resident)
		((now < before)) || break
	done
	echo "$now"
}

sleep 0.5
idle=$(resident)
watch_descriptors &
watcher=$!
echo "idle: $(mib "$idle") MiB resident, $(descriptors) descriptors"

began=$SECONDS
if [[ $walk == find ]]; then
	lines=$(find "$top/mnt" -ls | wc -l)
else
	# shellcheck disable=SC2012
	lines=$(ls -lR "$top/mnt" | awk '/^[-d]/ { n++ } END { print n + 1 }') # the root is not listed
fi
echo "$walk: $lines inodes in $((SECONDS - began)) s"
[[ $lines -eq $inodes ]] || fail "the walk found $lines inodes of $inodes: $(tail -n 1 "$top/log")"
full=$(resident)
remembered=$(($(known) - known_before))
echo "walked: $(mib "$full") MiB resident, $(descriptors) descriptors, $remembered inodes in the kernel"
cat "$top"/mnt/dir0/* >"$top/said" || fail "files cannot be opened after the walk"
open=$(<"$top/most")

echo 2 >/proc/sys/vm/drop_caches
began=$SECONDS
after=$(resident_settled)
echo "forgotten: $(mib "$after") MiB resident, $(descriptors) descriptors, after $((SECONDS - began)) s"

missed=0
# goal WHAT VALUE AT-MOST
goal() {
	local verdict
	verdict=$(awk -v value="$2" -v most="$3" 'BEGIN { print value <= most ? "reached" : "MISSED" }')
	[[ $verdict == reached ]] || missed=1
	printf '  %-36s %8s, at most %s: %s\n' "$1" "$2" "$3" "$verdict"
}

echo goals
((remembered > 0)) || fail "the kernel does not say how many inodes it knows"
goal "bytes an inode" $(((full - idle) * 1024 / remembered)) 220
goal "descriptors, at any time" "$open" "$nofile"
goal "after forgetting, MiB above idle" "$(mib $((after - idle)))" 16

umount "$top/mnt"
wait "$daemon" || fail "the daemon ended with status $?"
wait "$watcher"
[[ $strict == no || $missed -eq 0 ]]
