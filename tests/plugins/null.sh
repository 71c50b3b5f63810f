#!/bin/bash
# null.sh: nothing of the null backend is cached, each call is a message; reads are zeros, writes go nowhere.
# shellcheck source=tests/plugins/common.bash
source "$(dirname "$0")/common.bash"

# messages OP COMMAND...: how many requests of that sort the command makes.
messages() {
	local op=$1 before
	shift
	before=$(counter "$op")
	"$@" >/dev/null
	echo $(($(counter "$op") - before))
}

read_some() {
	dd if="$mnt/f" bs=4096 count=8 status=none
}

write_some() {
	dd if=/dev/urandom of="$mnt/f" bs=4096 count=8 conv=notrunc status=none
}

start --backend=null
equal "the listing" "$(ls "$mnt")" "f"
equal "the size" "$(stat -c %s "$mnt/f")" $((1 << 30))
stop

start --backend=null -o size=100000
equal "the given size" "$(stat -c %s "$mnt/f")" 100000
equal "its bytes" "$(sha256sum <"$mnt/f")" "$(head -c 100000 /dev/zero | sha256sum)"
equal "reads" "$(messages READ read_some)" 8
equal "the same reads again" "$(messages READ read_some)" 8
equal "writes" "$(messages WRITE write_some)" 8
equal "bytes after the writes" "$(sha256sum <"$mnt/f")" "$(head -c 100000 /dev/zero | sha256sum)"
equal "lookups of three stats" "$(messages LOOKUP stat "$mnt/f" "$mnt/f" "$mnt/f")" 3
ls "$mnt" >/dev/null
[[ $(messages READDIR ls "$mnt") -gt 0 || $(messages READDIRPLUS ls "$mnt") -gt 0 ]] || fail "a listing was cached"
echo x >"$mnt/f"
equal "the size after a truncation" "$(stat -c %s "$mnt/f")" 100000
refused "Operation not supported" touch "$mnt/g"
stop

for size in "" 1x -1 " 1" 99999999999999999999; do
	refused "size=$size" "$LLFUSED" --foreground --backend=null -o "size=$size" "$mnt"
done
