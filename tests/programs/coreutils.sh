#!/bin/bash
# coreutils.sh DIR: cp -a, find, du, df, chmod -R, mv, ln, dd, truncate, sort, split and rm -rf, with the results that
# a kernel tmpfs gives.  Knows what the programs print there.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need cp find du df chmod mv ln dd truncate sort split rm stat mkfifo

mkdir -p tree/{a,b,c}/{x,y,z}
for n in {1..90}; do
	seq "$n" 400 >"tree/a/x/file$n"
done
cp tree/a/x/file{1..9} tree/b/y
ln tree/b/y/file1 tree/c/z/hard
ln -s ../../b/y/file2 tree/c/z/soft
mkfifo tree/c/fifo
truncate -s 1M tree/c/hole
touch -d '1960-01-02 03:04:05.678901234' tree/b/y/file3
chmod 4711 tree/b/y/file4

account() {
	(cd "$1" && find . \( -type d -printf '%p %y %m %U %G %T@ %n\n' \) -o -printf '%p %y %m %U %G %T@ %n %s %l\n' | sort)
}

# cp -a keeps everything; the copy differs in nothing.
cp -a tree copy
account tree >"$outside/tree"
account copy >"$outside/copy"
same "cp -a: attributes" "$outside/tree" "$outside/copy"
(cd tree && find . -type f -exec cksum {} + | sort) >"$outside/tree.sums"
(cd copy && find . -type f -exec cksum {} + | sort) >"$outside/copy.sums"
same "cp -a: contents" "$outside/tree.sums" "$outside/copy.sums"
cp -u -a tree/. copy
account copy >"$outside/copy"
same "cp -u: attributes" "$outside/tree" "$outside/copy"
cp --sparse=always copy/c/hole sparse
equal "blocks of a hole copied" "$(stat -c %b sparse)" 0
cp --reflink=auto tree/a/x/file1 reflink
cmp tree/a/x/file1 reflink || fail "cp --reflink=auto differs"

# find, by what it is asked for.
equal "find -type d" "$(find copy -type d | wc -l)" 13
equal "find -type f" "$(find copy -type f | wc -l)" 101
equal "find -links" "$(find copy -type f -links 2 | wc -l)" 2
equal "find -samefile" "$(find copy -samefile copy/c/z/hard | wc -l)" 2
equal "find -perm" "$(find copy -perm -4000)" copy/b/y/file4
equal "find -empty" "$(find copy -type d -empty | wc -l)" 6
equal "find -newermt" "$(find copy -type f ! -newermt '1970-01-01')" copy/b/y/file3
equal "find -size" "$(find copy -size +1000k -type f)" copy/c/hole
equal "find -lname" "$(find copy -lname '*file2')" copy/c/z/soft

# du and df: what is stored counts, in whole pages, once; directories take nothing.
equal "du of a hole" "$(du -k copy/c/hole | cut -f1)" 0
dd if=/dev/zero of=full bs=4096 count=256 status=none
equal "du of 1 MiB" "$(du -k full | cut -f1)" 1024
ln full full2
equal "du counts a hard link once" "$(du -ck full full2 | tail -n 1 | cut -f1)" 1024
equal "du --apparent-size" "$(du --apparent-size -B1 copy/c/hole | cut -f1)" 1048576
rm full2
used() { df -B1 --output=used . | tail -n 1; }
inodes() { df --output=iused . | tail -n 1; }
if [[ ${EXCLUSIVE-} == yes ]]; then # nobody else writes on this mount
	before=$(used)
	nodes=$(inodes)
	dd if=/dev/zero of=more bs=65536 count=32 status=none
	touch more{1..10}
	equal "df: bytes used for 2 MiB" $(($(used) - before)) $((2 << 20))
	equal "df -i: inodes used for 11 files" $(($(inodes) - nodes)) 11
	rm more more{1..10}
	sleep 0.2
	equal "df: bytes used after rm" "$(used)" "$before"
	equal "df -i: inodes used after rm" "$(inodes)" "$nodes"
fi
(($(used) > 0)) || fail "df says that nothing is used"

# chmod -R and the refusals of modes.
chmod -R u=rwX,go= copy
equal "chmod -R: files that others may enter" "$(find copy ! -type l -perm /077 | wc -l)" 0
chmod -R a+rX,u-w copy
equal "chmod -R: writable files" "$(find copy ! -type l -perm /222 | wc -l)" 0
chmod -R u+w copy
(umask 027 && mkdir masked && : >masked/file)
equal "umask" "$(stat -c %a masked masked/file | xargs)" "750 640"
mkdir -m 2775 setgid
mkdir setgid/below
equal "a setgid directory's heir" "$(stat -c %a setgid/below | cut -c1)" 2

# mv, ln, and what must be refused.
mv -T copy/a renamed
[[ ! -e copy/a && -f renamed/x/file90 ]] || fail "mv of a directory"
mv renamed/x/file1 renamed/x/file2
equal "files after mv over another" "$(find renamed -type f | wc -l)" 89
refused "Directory not empty" mv -T renamed tree/b
refused "subdirectory of itself" mv renamed renamed/x/deeper
refused "File exists" ln tree/b/y/file1 tree/b/y/file2
refused "File exists" mkdir tree
refused "Not a directory" ls tree/b/y/file1/below
refused "Too many levels" cat <(:) "$(ln -s loop loop && echo loop)"
refused "File name too long" touch "$(printf 'n%.0s' {1..256})"
refused "Directory not empty" rmdir renamed
refused "No such file" rm missing
refused "Is a directory" dd if=/dev/null of=renamed

# dd, truncate, split, sort with temporary files here, append.
dd if=/dev/urandom of=random bs=64k count=40 status=none
split -b 99999 random part.
cat part.* | cmp - random || fail "split and cat differ"
dd if=random of=places bs=1000 skip=7 seek=11 count=3 conv=notrunc status=none
equal "size after dd seek" "$(stat -c %s places)" 14000
truncate -s 5000 random
equal "size after truncate" "$(stat -c %s random)" 5000
truncate -s +5000 random
equal "bytes behind the old end" "$(tail -c 5000 random | tr -d '\0' | wc -c)" 0
seq 100000 -1 1 >numbers
sort -n -S 256k -T . numbers -o numbers
seq 100000 | cmp - numbers || fail "sort differs"
for n in 1 2 3; do echo "$n" >>appended & done
wait
equal "three appenders" "$(sort appended | xargs)" "1 2 3"

rm -rf tree copy renamed
equal "what rm -rf left" "$(find . -name tree -o -name copy -o -name renamed)" ""
equal "subdirectories counted in the link count" "$(stat -c %h .)" $((2 + $(find . -mindepth 1 -maxdepth 1 -type d | wc -l)))
echo "$test_name: cp, find, du, df, chmod, mv, dd, sort, rm as on tmpfs"
