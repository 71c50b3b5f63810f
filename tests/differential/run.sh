#!/bin/bash
# Runs the differential tester on fresh mounts: llfused's memfs against a kernel tmpfs, and its passthrough over a
# tmpfs and over an ext4 against the bare one; each also on a small one that is filled again and again.
# Environment: LLFUSED (the daemon), BUILD (where tests/differential lies), DIFF_OPS (operations on memfs; the other
# pairs get a share), DIFF_SEED, DIFF_ONLY (only these pairs, by name; patterns), DIFF_TIMEOUT (seconds),
# LLFUSED_TEST_TRANSPORT (dev or uring: what each daemon must be on).
set -eu

# shellcheck source=tests/common/transport.bash
source "$(dirname "$0")/../common/transport.bash"
LLFUSED=${LLFUSED:-build/llfused}
BUILD=${BUILD:-build}
ops=${DIFF_OPS:-100000}

# In namespaces of its own: whatever happens, no mount and no process is left behind.
if [ "${1:-}" != --inside ]; then
	exec "${ring_command[@]}" timeout -k 10 "${DIFF_TIMEOUT:-1200}" \
		unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside
fi

top=$(mktemp -d)
mount -t tmpfs differential "$top" # images and logs too: no disk is waited for
trap 'umount -l "$top"; rmdir "$top"' EXIT
passed=0
failed=0

complain() {
	echo "differential: $1" >&2
	return 1
}

# bare KIND OPTIONS DIR: a file system of the kernel.  For ext4 the options are the size and its number of inodes.
bare() {
	local image=$3.image
	mkdir "$3"
	case $1 in
	tmpfs) mount -t tmpfs -o "$2" none "$3" ;;
	ext4)
		truncate -s "${2%,*}" "$image"
		# the same hash on both sides, so that directories grow alike
		mkfs.ext4 -q -b 4096 -m 0 -N "${2#*,}" \
			-E hash_seed=4a0c7f5e-0000-4000-8000-000000000001,lazy_itable_init=1,nodiscard "$image" || return 1
		mount -o loop "$image" "$3" || complain "no ext4 on a loop device"
		;;
	esac
}

# serve ARGUMENT...: llfused in the background, until it is mounted on the last argument, on the right transport.
serve() {
	local dir=${*: -1}
	mkdir -p "$dir"
	"$LLFUSED" --foreground --transport="$transport" "$@" 2>"$top/daemon.log" &
	daemon=$!
	for _ in $(seq 100); do
		! mountpoint -q "$dir" || break
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.1
	done
	mountpoint -q "$dir" || complain "llfused did not mount:" && on_transport "$top/daemon.log"
}

drop() {
	! mountpoint -q "$1" || umount "$1" || umount -l "$1"
}

# compare SHARE ARGUMENT...: the tester on what is mounted on a and b, with ops / SHARE operations.
compare() {
	local share=$1
	shift
	"$BUILD/tests/differential" ${DIFF_SEED:+--seed="$DIFF_SEED"} --ops=$((ops / share + 1)) "$@" "$top/a" "$top/b"
}

# memfs OPTIONS SHARE ARGUMENT...
memfs() {
	local options=$1
	shift
	bare tmpfs "$options" "$top/b" && serve --backend=tmpfs -o "$options" "$top/a" && compare "$@"
}

# backed OPTIONS SHARE ARGUMENT...: the same with the other store of data
backed() {
	local options=$1
	shift
	bare tmpfs "$options" "$top/b" && serve --backend=tmpfs -o "$options,data=passthrough" "$top/a" &&
		compare "$@" --allow=none,store
}

# passthrough KIND BARE-OPTIONS OPTIONS SHARE ARGUMENT...
passthrough() {
	local kind=$1 of_bare=$2 options=$3 share=$4
	shift 4
	bare "$kind" "$of_bare" "$top/b" && bare "$kind" "$of_bare" "$top/source" &&
		serve --backend=passthrough --source="$top/source" ${options:+-o "$options"} "$top/a" &&
		compare "$share" --allow=none,passthrough,"$kind" "$@"
}

# pair NAME COMMAND...: keeps the score; a daemon that does not end well is a failure too.
pair() {
	local name=$1 status=0 pattern wanted=${DIFF_ONLY:-*}
	shift
	set -f
	for pattern in $wanted; do
		# shellcheck disable=SC2053
		[[ $name != $pattern ]] || break
	done
	set +f
	# shellcheck disable=SC2053
	[[ $name == $pattern ]] || return 0
	daemon=
	: >"$top/daemon.log"
	echo "-- $name"
	"$@" || status=1
	drop "$top/a"
	[ -z "$daemon" ] || wait "$daemon" || complain "the daemon ended with status $?" || status=1
	grep -v -e ': serving ' -e ': ended: ' "$top/daemon.log" >&2 || true
	drop "$top/b"
	drop "$top/source"
	rm -rf "$top"/{a,b,source} "$top"/*.image
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "differential: $name: FAILED" >&2
	fi
}

# without mmap: stores to mappings take their space at any later time
fill=files,dirs,names,io,space,falloc,attr,xattr,locks,limits,full
unmapped=files,dirs,names,io,space,falloc,attr,xattr,locks,limits,flags
all=$unmapped,mmap
# locks, running programs and mappings of cached pages mean nothing to who works on the source
behind=files,dirs,names,io,space,falloc,attr,xattr,flags
tmpfs=size=512m,nr_inodes=100k
ext4=512m,100000

pair memfs memfs $tmpfs 1
pair memfs-full memfs size=64m,nr_inodes=2k 20 --group=$fill
pair backed backed $tmpfs 2
pair backed-full backed size=64m,nr_inodes=2k 20 --group=$fill

on_tmpfs() { passthrough tmpfs "$@"; }
on_ext4() { passthrough ext4 "$@"; }
pair tmpfs on_tmpfs $tmpfs "" 4 --procs=6 --group=$all --allow=mapped,timeouts,backed
pair tmpfs-none on_tmpfs $tmpfs cache=none 8 --group=$all --allow=mapped,backed
pair tmpfs-off on_tmpfs $tmpfs passthrough=off 6 --group=$all --allow=mapped,timeouts,cached
pair tmpfs-always on_tmpfs $tmpfs cache=always,watch 10 --group=$all --allow=mapped,timeouts,backed
pair tmpfs-behind on_tmpfs $tmpfs cache=none 10 --group=$behind --allow=backed,behind --behind="$top/source"
pair tmpfs-full on_tmpfs size=64m,nr_inodes=2k "" 40 --group=$fill --allow=timeouts,backed
pair ext4 on_ext4 $ext4 "" 5 --group=$all --allow=mapped,timeouts,backed
pair ext4-none on_ext4 $ext4 cache=none 10 --group=$all --allow=mapped,backed
pair ext4-off on_ext4 $ext4 passthrough=off 6 --group=$unmapped --allow=timeouts
pair ext4-full on_ext4 64m,2000 "" 40 --group=$fill --allow=timeouts,backed
echo "differential: $passed passed, $failed failed, on transport $transport"
[ "$failed" -eq 0 ]
