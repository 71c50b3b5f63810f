#!/bin/bash
# fio.sh DIR: random writes are read back and verified: through the page cache, around it, and through mmap.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need fio

# job NAME OPTION...: write a pattern with checksums at random places, then verify every block.
job() {
	local name=$1
	shift
	fio --name="$name" --directory="$work" --output="$outside/$name" --aux-path="$outside" \
		--thread --numjobs=2 --size=16m --randseed=7 --allrandrepeat=1 --group_reporting \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none "$@" >"$outside/log" 2>&1 ||
		fail "$name: $(grep -hiE -m 1 'verify|error|err=' "$outside/log" "$outside/$name" || echo "failed")"
	! grep -qE 'err= *[1-9]|verify: bad' "$outside/$name" || fail "$name: $(grep -m 1 -E 'err=|verify' "$outside/$name")"
	rm -f "$name".*
}

# Files on tmpfs take direct I/O since Linux 6.6; where this directory refuses it, that is the failure.
job buffered --ioengine=psync --rw=randwrite --bs=4k
job buffered-mixed --ioengine=psync --rw=randrw --bssplit=512/20:4k/40:13k/20:64k/20 --bs_unaligned=1
job buffered-seq --ioengine=psync --rw=write --bs=64k
job direct --ioengine=psync --direct=1 --rw=randwrite --bs=4k
job direct-mixed --ioengine=psync --direct=1 --rw=randrw --bs=16k
job direct-async --ioengine=libaio --direct=1 --iodepth=8 --rw=randwrite --bs=8k
job mapped --ioengine=mmap --rw=randwrite --bs=4k
job mapped-mixed --ioengine=mmap --rw=randrw --bs=4k
job pre-allocated --ioengine=psync --rw=randwrite --bs=4k --fallocate=native
echo "$test_name: nine jobs of 2 x 16 MiB verified, buffered, direct and mapped"
