#!/bin/bash
# rsync.sh DIR: a tree is copied with everything rsync can keep; a second run finds nothing to do, a change is found.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need rsync setfattr setfacl

mkdir -p from/{a,b,c}/{1..5}
for n in {1..200}; do
	seq "$n" $((n * 10)) >"from/a/$((n % 5 + 1))/file$n"
done
ln from/a/1/file5 from/b/hard
ln -s ../a/1/file5 from/b/soft
ln -s nowhere from/b/dangling
mkfifo from/c/fifo
truncate -s 8M from/c/sparse
echo end >>from/c/sparse
echo attributes >from/c/file
setfattr -n user.color -v blue from/c/file
setfattr -n user.dir -v yes from/c
setfacl -m u:1234:rw from/c/file
setfacl -m d:u:1234:rx from/c/1
chmod 2750 from/c/2
touch -d '1969-07-20 20:17:40.123456789' from/a/2/file1
if [[ $EUID -eq 0 ]]; then
	mknod from/c/null c 1 3
	chown -R 1234:5678 from/b
fi

rsync -aHAX --numeric-ids from/ to/
equal "what the second run finds" "$(rsync -aHAX --numeric-ids --itemize-changes from/ to/)" ""
equal "what a run by content finds" "$(rsync -aHAX --numeric-ids --checksum --itemize-changes from/ to/)" ""
equal "the hard link's count" "$(stat -c %h to/b/hard)" 2

printf x >>from/a/3/file2
rm from/a/4/file3
touch -d '2001-09-09' from/a/4 # rsync compares times by the second
setfattr -n user.color -v green from/c/file
chmod 600 from/a/1/file10
rsync -aHAX --numeric-ids --delete --itemize-changes from/ to/ | sort >"$outside/changes"
grep -v '^\*deleting' "$outside/changes" | cut -d' ' -f2 | sort >"$outside/changed"
printf '%s\n' a/1/file10 a/3/file2 a/4/ c/file | sort >"$outside/wanted"
same "the changes found and those made" "$outside/changed" "$outside/wanted"
grep -q '^\*deleting *a/4/file3$' "$outside/changes" || fail "the removed file was not removed"
equal "what the last run finds" "$(rsync -aHAX --numeric-ids --delete --itemize-changes from/ to/)" ""

# In place and by difference: the delta algorithm reads and writes one file.
rsync -a --no-whole-file --inplace from/c/sparse to/c/sparse
printf changed | dd of=from/c/sparse conv=notrunc bs=1 seek=5000000 status=none
rsync -a --ignore-times --no-whole-file --inplace from/c/sparse to/c/sparse
cmp from/c/sparse to/c/sparse || fail "the file rewritten in place differs"
echo "$test_name: 200 files copied with links, xattrs and ACLs; the second run found nothing"
