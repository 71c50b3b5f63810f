#!/bin/bash
# Runs the differential tester on a fresh llfused mount against a fresh kernel tmpfs; then, for a
# twentieth of the operations, on small ones that are filled again and again.
# Environment: LLFUSED (the daemon), BUILD (where tests/differential lies), DIFF_OPS, DIFF_SEED.
set -eu

LLFUSED=${LLFUSED:-build/llfused}
BUILD=${BUILD:-build}
export LLFUSED BUILD DIFF_OPS=${DIFF_OPS:-100000} DIFF_SEED=${DIFF_SEED:-}

if [ "${1:-}" != --inside ]; then
	# a namespace of its own: whatever happens, no mount is left behind
	exec timeout -k 10 "${DIFF_TIMEOUT:-1200}" unshare -m --propagation private "$0" --inside
fi

# The options of both mounts, then the tester's.
compare() {
	local options=$1 dir log daemon status=0
	shift
	dir=$(mktemp -d)
	mkdir "$dir/a" "$dir/b"
	log=$dir/daemon.log
	"$LLFUSED" --foreground --log-level=warning --backend=tmpfs -o "$options" "$dir/a" 2>"$log" &
	daemon=$!
	mount -t tmpfs -o "$options" none "$dir/b"
	for _ in $(seq 100); do
		mountpoint -q "$dir/a" && break
		sleep 0.1
	done
	mountpoint -q "$dir/a" || { echo "differential: llfused did not mount:" >&2; cat "$log" >&2; return 1; }

	"$BUILD/tests/differential" ${DIFF_SEED:+--seed="$DIFF_SEED"} "$@" "$dir/a" "$dir/b" || status=$?

	umount "$dir/a" || umount -l "$dir/a"
	wait "$daemon" || { echo "differential: the daemon ended with status $?:" >&2; status=1; }
	[ ! -s "$log" ] || { cat "$log" >&2; }
	umount "$dir/b"
	rm -rf "$dir"
	return "$status"
}

compare size=512m,nr_inodes=100k --ops="$DIFF_OPS"
# without mmap: stores to mappings take their space at any later time
compare size=64m,nr_inodes=2k --ops="$((DIFF_OPS / 20 + 1))" \
	--group=files,dirs,names,io,space,falloc,attr,xattr,locks,limits,full
echo "differential: 2 passed, 0 failed"
