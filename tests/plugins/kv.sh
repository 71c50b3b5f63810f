#!/bin/bash
# kv.sh: reads that wait, data that is pushed into the page cache, and names that the daemon takes back.
# shellcheck source=tests/plugins/common.bash
source "$(dirname "$0")/common.bash"

# ---- the clock: set behind the kernel's back, and read without a message

changed() {
	[[ $(cat "$2") != "$1" ]]
}
newer() {
	[[ $(stat -c %Y "$mnt/clock") -gt $1 ]]
}

start --backend=kv
cd "$mnt"
eventually test -s clock
cat clock >/dev/null
reads=$(counter READ)
for _ in 1 2; do
	eventually changed "$(cat clock)" clock
done
equal "reads of a value that was stored" "$(counter READ)" "$reads"
now=$(cat clock)
((now <= $(date +%s) && now >= $(date +%s) - 2)) || fail "the clock says $now, it is $(date +%s)"
eventually newer "$(stat -c %Y clock)"
refused "Permission denied" bash -c 'echo 0 >clock'
refused "Operation not permitted" rm -f clock

# ---- keys

echo one >a
equal "a value" "$(cat a)" "one"
echo 2 >a
equal "a shorter value" "$(cat a)" "2"
printf '3\n' >>a
equal "a longer value" "$(tr '\n' ' ' <a)" "2 3 "
head -c 4096 /dev/urandom >"$work/full"
cp "$work/full" full
dd if=full iflag=nocache count=0 status=none
cmp full "$work/full" || fail "a value of 4096 bytes came back changed"
refused "File too large" bash -c 'echo x >>full'
refused "File name too long" bash -c "echo >$(printf '%0256d' 0)"
equal "the listing" "$(echo *)" "a changes clock full"

# Nothing but create() makes names, so the kernel is told to remember that one is absent.
refused "No such file" stat absent
lookups=$(counter LOOKUP)
refused "No such file" stat absent
equal "lookups of a name known to be absent" "$(counter LOOKUP)" "$lookups"

# An unlinked key lives as long as it is open, beside a new one of its name.
echo old >b
exec 3<b
dd iflag=nocache count=0 status=none <&3
rm b
echo new >b
equal "the unlinked key" "$(cat <&3)" "old"
equal "the new key" "$(cat b)" "new"
exec 3<&-

# The table is full at some time; places come back when the kernel forgets their keys.
fill() {
	local i
	for ((i = 0; i < 1100; i++)); do
		echo "$i" >"fill$i" || return 1
	done
}
writes() {
	echo again >again
}
refused "No space left on device" fill
(($(find . -type f | wc -l) > 1000)) || fail "the table holds only $(find . -type f | wc -l) keys"
equal "one of them" "$(cat fill500)" 500
rm fill*
eventually writes
rm again full a b

# ---- reads that wait

# watch N: so many readers of `changes` wait; told: `tale` is what they got.
readers=()
watch() {
	local i
	readers=()
	for ((i = 0; i < $1; i++)); do
		cat changes >"$work/reader$i" 2>&1 &
		readers+=($!)
	done
	eventually waiting "$1"
}
waiting() {
	[[ $(pending READ) -eq $1 ]]
}
told() {
	local pid status=0
	for pid in "${readers[@]}"; do
		wait "$pid" || status=1
	done
	tale=$(sort "$work"/reader* | tr '\n' ' ')
	rm -f "$work"/reader*
	equal "the status of readers who got '$tale'" $status 0
}

watch 3
sleep 0.3
for pid in "${readers[@]}"; do
	kill -0 "$pid" || fail "a read of changes ended by itself"
done
eventually changed "$(cat clock)" clock # others are served meanwhile
echo value >key
told
equal "what three readers were told" "$tale" "key key key "

watch 1
rm key
told
equal "what a removal tells" "$tale" "key "

# A signal ends the wait: an answer of EINTR is what lets the reader go.
for signal in TERM KILL; do
	cat changes &
	reader=$!
	eventually waiting 1
	kill -$signal $reader
	began=$SECONDS
	! wait $reader 2>/dev/null || fail "a reader that was killed has read something"
	((SECONDS - began < 5)) || fail "SIG$signal took $((SECONDS - began)) s to end a read"
	eventually waiting 0
done
watch 1
echo value >key2
told
equal "what is told after that" "$tale" "key2 "

# There is room for 256; the oldest makes place.
cat changes 2>"$work/first" &
first=$!
eventually waiting 1
watch 256
! wait $first || fail "the oldest of 257 readers was not refused"
grep -q "Resource temporarily unavailable" "$work/first" || fail "the oldest reader got $(cat "$work/first")"
echo value >key3
told
equal "readers that were told" "$(tr ' ' '\n' <<<"$tale" | grep -c '^key3$')" 256
rm key2 key3

# ---- time to live: names go by themselves, and the kernel that has cached them is told

gone() {
	! stat "$1" >/dev/null 2>&1
}
echo 1 >ttl
echo value >brief
ls >/dev/null
stat brief >/dev/null
lookups=$(counter LOOKUP)
stat brief >/dev/null
equal "lookups of a cached name" "$(counter LOOKUP)" "$lookups"
eventually gone brief
equal "the listing without it" "$(echo *)" "changes clock ttl"
rm ttl
echo value >brief
sleep 2.5
equal "without a ttl it stays" "$(cat brief)" "value"

# ---- the end: a read that waits does not hold it up

cd /
stop
start --backend=kv --stop-timeout=1
cat "$mnt/changes" 2>/dev/null &
reader=$!
eventually waiting 1
stop
! wait $reader || fail "a read of changes has succeeded at the end"

# One thread for everything does, too.
start --backend=kv --workers=1
cd "$mnt"
watch 1
echo value >key
told
equal "what one worker tells" "$tale" "key "
cd /
umount "$mnt"
ended
