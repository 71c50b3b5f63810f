#!/bin/bash
# Runs the differential tester on a fresh llfused mount against a fresh kernel tmpfs.
# Environment: LLFUSED (the daemon), BUILD (where tests/differential lies), DIFF_OPS, DIFF_SEED.
set -eu

LLFUSED=${LLFUSED:-build/llfused}
BUILD=${BUILD:-build}
export LLFUSED BUILD DIFF_OPS=${DIFF_OPS:-100000} DIFF_SEED=${DIFF_SEED:-}

if [ "${1:-}" != --inside ]; then
	# a namespace of its own: whatever happens, no mount is left behind
	exec timeout -k 10 "${DIFF_TIMEOUT:-1200}" unshare -m --propagation private "$0" --inside
fi

dir=$(mktemp -d)
mkdir "$dir/a" "$dir/b"
log=$dir/daemon.log
"$LLFUSED" --foreground --log-level=warning --backend=tmpfs -o size=512m,nr_inodes=100k "$dir/a" 2>"$log" &
daemon=$!
mount -t tmpfs -o size=512m,nr_inodes=100k none "$dir/b"
for _ in $(seq 100); do
	mountpoint -q "$dir/a" && break
	sleep 0.1
done
mountpoint -q "$dir/a" || { echo "differential: llfused did not mount:" >&2; cat "$log" >&2; exit 1; }

status=0
"$BUILD/tests/differential" --ops="$DIFF_OPS" ${DIFF_SEED:+--seed="$DIFF_SEED"} "$dir/a" "$dir/b" || status=$?

umount "$dir/a" || umount -l "$dir/a"
wait "$daemon" || { echo "differential: the daemon ended with status $?:" >&2; status=1; }
[ ! -s "$log" ] || { cat "$log" >&2; }
umount "$dir/b"
rm -rf "$dir"
[ "$status" -ne 0 ] || echo "differential: 1 passed, 0 failed"
[ "$status" -eq 0 ] || echo "differential: 0 passed, 1 failed"
exit "$status"
