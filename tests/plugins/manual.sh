#!/bin/bash
# manual.sh: the backend in the EXAMPLES of llfused-backend(3) is taken out of the page, built without a warning,
# mounted, and does what the page says.  And the page names all that the header declares.
# shellcheck source=tests/plugins/common.bash
source "$(dirname "$0")/common.bash"

root=$(cd "$(dirname "$0")/../.." && pwd)
page=$root/man/llfused-backend.3
include=$root/backends/include
read -ra cc <<<"${CC:-cc}"

# What is between ".Bd -literal" and ".Ed" of the section, as man(1) shows it.
example() {
	sed -n '/^\.Sh EXAMPLES$/,/^\.Sh /p' "$page" | sed -n '/^\.Bd -literal$/,/^\.Ed$/{/^\.[BE]d/!p}' |
		sed -e 's/^\\&//' -e "s/\\\\(aq/'/g" -e 's/\\-/-/g' -e 's/\\e/\\/g'
}

# Each name of the header that a pattern finds must be a word of the page, but for two that nobody needs.
all_told() {
	local name missing=
	while read -r name; do
		grep -qw -e "$name" "$page" || missing+=" $name"
	done < <(grep -oE "$1" "$include/llfused/backend.h" | grep -oE '\w+' | sort -u |
		grep -vxE 'LLFUSED_(BACKEND_H|PRINTF)')
	[[ -z $missing ]] || fail "the page says nothing about:$missing"
}

mtime() {
	find "$1" -printf '%T@'
}

# ---- the page and the header ----

all_told '\bllfused_[a-z_]*[a-z]\b'
all_told '\bLLFUSED_[A-Z_]*[A-Z]\b'
all_told '\(\*[a-z_]+\)\(' # ops and the moments of a backend's life

# ---- the example is built ----

cd "$work"
example >note.c
[[ $(wc -l <note.c) -gt 50 ]] || fail "there is no example in the page"
"${cc[@]}" -Wall -Wextra -Werror -fPIC -shared -I"$include" -o note.so note.c
"${cc[@]}" -std=gnu11 -Wall -Wextra -Werror -pedantic -fsyntax-only -I"$include" note.c
"$LLFUSED" --backend=./note.so --help >help
grep -q 'Options of note.*one file that can be written' help || fail "--help does not show the backend"

# ---- it does what is said about it ----

start --backend=./note.so
equal "the directory" "$(ls "$mnt")" note
equal "a new note" "$(cat "$mnt/note")" ""

echo hello >"$mnt/note"
echo again >>"$mnt/note"
equal "what was written" "$(cat "$mnt/note")" $'hello\nagain'
truncate -s 8 "$mnt/note"
truncate -s 9 "$mnt/note"
printf 'hello\nag\0' >wanted
cmp wanted "$mnt/note" || fail "a note that was cut and grew differs"
head -c 4096 /dev/zero >"$mnt/note"
equal "the longest note" "$(stat -c %s "$mnt/note")" 4096
refused "File too large" dd if=/dev/zero of="$mnt/note" bs=4097 count=1 status=none
refused "File too large" truncate -s 4097 "$mnt/note"

# to the nanosecond, before 1970 and after 2038
for time in 1.999999999 -1.000000001 -86400.999999999 4294967296.123456789 0.000000000; do
	touch -d "@$time" "$mnt/note" wanted
	equal "the time" "$(mtime "$mnt/note")" "$(mtime wanted)"
done

# left out are mkdir, mknod and create, unlink; chmod is refused by the example itself
refused "not supported" mkdir "$mnt/dir"
refused "not supported" touch "$mnt/file"
refused "not supported" rm "$mnt/note"
refused "not permitted" chmod 600 "$mnt/note"

# an entry with nodeid 0 makes the kernel remember: one message for three questions
asked=$(counter LOOKUP)
for _ in 1 2 3; do
	refused "No such file" stat "$mnt/absent"
done
equal "questions about an absent name" "$(($(counter LOOKUP) - asked))" 1

# by both names the stacks of all threads get into the log
stacks() {
	grep -c 'thread [0-9]* handler/0:$' "$log" || true
}
before=$(stacks)
setfattr -n fuse_stacktrace -v 1 "$mnt"
equal "stacks of the first handler thread" "$(stacks)" $((before + 1))
setfattr -n user.fuse_stacktrace -v 1 "$mnt"
equal "stacks of the first handler thread" "$(stacks)" $((before + 2))
grep -q '#[0-9]* main+' "$log" || fail "no names of functions in the stacks"

umount "$mnt"
ended
grep -q 'ended: unmounted$' "$log" || fail "the log does not tell that it was unmounted"

# ---- found by its name; a signal; the mistakes ----

export LLFUSED_PLUGIN_PATH=/nonexistent:$work
start --backend=note --workers=1
equal "a new instance" "$(cat "$mnt/note")" ""
stop
grep -q 'ended: SIGTERM$' "$log" || fail "the log does not tell the signal"

refused "knows: none" "$LLFUSED" --backend=note -o colour=red "$mnt"
refused "--workers=0" "$LLFUSED" --backend=note --workers=0 "$mnt"
refused "/nonexistent, $work" "$LLFUSED" --backend=nowhere "$mnt"
"${cc[@]}" -fPIC -shared -x c -o empty.so - <<<'extern int nothing;'
refused "not an llfused plugin" "$LLFUSED" --backend=./empty.so "$mnt"
status=0
"$LLFUSED" --backend=nowhere "$mnt" 2>/dev/null || status=$?
equal "status of a mistake" "$status" 2
! mountpoint -q "$mnt" || fail "a mistake mounted something"
