#!/bin/bash
# tar.sh DIR: a tree with every kind of file is packed and unpacked; every byte and every attribute is compared.
# As another user than root: without device nodes, foreign owners and trusted xattrs.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need tar setfattr getfattr setfacl getfacl find diff

mkdir -p tree/{plain,links,modes,attrs,"odd names"} tree/deep/{1..9}
for n in {1..120}; do
	seq "$n" $((n * 20)) >"tree/plain/file$n"
done
: >tree/plain/empty
echo target >tree/links/one
ln tree/links/one tree/links/two
ln tree/links/one tree/plain/three
ln -s one tree/links/relative
ln -s /nowhere/at/all tree/links/dangling
ln -s "$(printf 'x%.0s' {1..3000})" tree/links/long
mkfifo -m 640 tree/plain/fifo

truncate -s 64M tree/plain/sparse
printf begin | dd of=tree/plain/sparse conv=notrunc status=none
printf middle | dd of=tree/plain/sparse conv=notrunc bs=1 seek=33554432 status=none
truncate -s 100000 tree/plain/hole

long=$(printf 'n%.0s' {1..255})
: >"tree/odd names/$long"
for name in ' ' '-rf' $'new\nline' $'tab\tquote"' "it's" '*' $'back\\slash' $'\xff\xfe' $'\x01' '...' 'ünïcödé'; do
	echo "$name" >"tree/odd names/$name"
done

modes=(0400 0644 0755 4755 2755 1777)
[[ $EUID -ne 0 ]] || modes+=(0000 0070) # only root can read these back
for mode in "${modes[@]}"; do
	echo "$mode" >"tree/modes/$mode"
done
[[ $EUID -ne 0 ]] || chown 1234:5678 tree/modes/*
for mode in "${modes[@]}"; do
	chmod "$mode" "tree/modes/$mode"
done
mkdir -m 3775 tree/modes/sticky

echo attributes >tree/attrs/file
setfattr -n user.small -v value tree/attrs/file
setfattr -n user.empty tree/attrs/file
setfattr -n user.large -v "$(printf 'v%.0s' {1..3000})" tree/attrs/file
setfattr -n user.bytes -v 0x00ff0a tree/attrs
setfacl -m u:1234:rw,g:5678:r,m::rw tree/attrs/file
setfacl -m u:1234:rwx -m d:u:1234:rx -m d:g::r tree/attrs
if [[ $EUID -eq 0 ]]; then
	mknod tree/plain/null c 1 3
	mknod tree/plain/block b 7 99
	setfattr -n trusted.secret -v value tree/attrs/file
	chown -h 1234:5678 tree/links/dangling
fi

# Times to the nanosecond, also before 1970 and after 2038; directories last.
touch -d '1955-11-05 06:15:00.123456789' tree/plain/file1
touch -d '2100-02-03 04:05:06.987654321' tree/plain/file2
touch -h -d '1985-10-26 01:21:00.000000001' tree/links/dangling
touch -d '2001-09-09 01:46:40.999999999' tree/deep tree/plain tree

# Everything that can be seen of a tree, one line an entry.  A directory's size is the file system's own matter.
account() {
	(
		cd "$1"
		find . \( -type d -printf '%P|%y|%m|%U|%G|%T@|%n\0' \) -o \
			-printf '%P|%y|%m|%U|%G|%T@|%n|%s|%l\0' | sort -z | tr '\0' '\n'
		find . \( -type c -o -type b \) -exec stat -c '%n %t:%T' {} + | sort
		find . -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex
		find . ! -type l -print0 | sort -z | xargs -0 getfacl -n -p
	)
}

tar --format=posix --xattrs --xattrs-include='*' --acls --sparse --numeric-owner --sort=name -cf tree.tar tree
mkdir out
tar --warning=no-timestamp --xattrs --xattrs-include='*' --acls --numeric-owner -xpf tree.tar -C out
(cd tree && find . | sort) >"$outside/before.names"
(cd out/tree && find . | sort) >"$outside/after.names"
same "the names" "$outside/before.names" "$outside/after.names"
diff -r --no-dereference tree/links out/tree/links >"$outside/diff" 2>&1 ||
	fail "links differ: $(head -n 1 "$outside/diff")"
(cd tree && find . -type f -readable -exec sha256sum {} + | sort) >"$outside/before.sums"
(cd out/tree && find . -type f -readable -exec sha256sum {} + | sort) >"$outside/after.sums"
same "contents" "$outside/before.sums" "$outside/after.sums"
account tree >"$outside/before"
account out/tree >"$outside/after"
same "attributes" "$outside/before" "$outside/after"

equal "link count" "$(stat -c %h out/tree/links/one)" 3
equal "inode of a hard link" "$(stat -c %i out/tree/links/one)" "$(stat -c %i out/tree/plain/three)"
used=$(stat -c '%b * %B' out/tree/plain/sparse)
((used < 8 << 20)) || fail "the sparse file takes $((used)) bytes"
equal "a file that is one hole takes" "$(stat -c %b out/tree/plain/hole)" 0

# The stream of one process through another; and tar's own comparison.
mkdir piped
tar --format=posix --xattrs --acls -cf - tree/plain | tar --warning=no-timestamp --xattrs --acls -xf - -C piped
diff -r --no-dereference --exclude=null --exclude=block --exclude=fifo tree/plain piped/tree/plain >"$outside/diff" 2>&1 ||
	fail "a piped tree differs: $(head -n 1 "$outside/diff")"
tar --xattrs --acls -df tree.tar -C out >"$outside/compare" 2>&1 ||
	fail "tar --compare: $(grep -v 'time stamp' "$outside/compare" | head -n 1)"
echo "$test_name: $(wc -l <"$outside/before.names") entries packed, unpacked and compared"
