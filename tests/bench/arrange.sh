#!/bin/bash
# arrange.sh: how the workers of the dev transport are best arranged: io_uring or plain read and write,
# pinned or not, one worker or two.  Mounts one memfs for each and lets fsbench run them interleaved.
#
# Usage, as root: arrange.sh        Environment: BUILD (build), BENCH_ROUNDS (5), BENCH_FILES (3000)
set -eu

build=$(realpath -m "${BUILD:-build}")
if [[ ${1-} != --inside ]]; then
	[[ $EUID -eq 0 ]] || { echo "arrange: mounting takes root" >&2; exit 2; }
	exec timeout -s KILL 600 unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside
fi

top=$(mktemp -d)
mount -t tmpfs arrange "$top"
systems=()
for arrangement in uring-pinned:--io=uring:--pin=on uring:--io=uring:--pin=off \
	plain-pinned:--io=plain:--pin=on plain:--io=plain:--pin=off \
	uring-one:--io=uring:--workers=1 plain-one:--io=plain:--workers=1; do
	IFS=: read -r name io extra <<<"$arrangement"
	mkdir "$top/$name"
	"$build/llfused" --backend=tmpfs "$io" "$extra" "$top/$name"
	systems+=(--system "$name=$top/$name")
done
# rand-read is one round trip an operation, create two, rename four
for threads in 1 2; do
	"$build/fsbench" --phases=rand-read,create,rename,unlink --size=16m --threads="$threads" \
		--files="${BENCH_FILES:-3000}" --rounds="${BENCH_ROUNDS:-5}" "${systems[@]}"
done
umount "$top"/*
