#!/bin/bash
# git.sh DIR: a repository of several hundred files and commits is made, cloned, checked, packed and switched.
# shellcheck source-path=SCRIPTDIR source=common.bash
. "$(dirname "$0")/common.bash"
need git

export HOME=$outside GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
git config --global init.defaultBranch main
git config --global gc.auto 0
git config --global advice.detachedHead false

# Three hundred commits over four hundred files, as one stream: the result is always the same object ids.
stream() {
	local commit file
	for commit in {1..300}; do
		echo "commit refs/heads/main"
		echo "committer a <a@example.org> $((1600000000 + commit * 60)) +0000"
		printf 'data <<END\ncommit %d\nEND\n' "$commit"
		for file in $((commit % 400)) $((commit * 7 % 400)) $((399 - commit)); do
			printf 'M 100644 inline dir%d/file%d.txt\ndata <<END\n' $((file % 20)) "$file"
			seq "$commit" $((commit + 40))
			echo END
		done
		[[ $commit -ne 150 ]] || printf 'reset refs/heads/old\nfrom refs/heads/main\n\n'
	done
}

git init -q origin
stream | git -C origin fast-import --quiet
git -C origin checkout -q main
(
	cd origin
	for n in {1..15}; do
		echo "by hand $n" >"dir$((n % 20))/hand$n"
		git add -A
		GIT_AUTHOR_DATE="@$((1700000000 + n)) +0000" GIT_COMMITTER_DATE="@$((1700000000 + n)) +0000" \
			git commit -q -m "by hand $n"
	done
	ln -s dir1 link
	chmod +x dir0/hand20 dir1/hand1 2>/dev/null || chmod +x dir1/hand1
	git add -A
	GIT_AUTHOR_DATE="@1700000100 +0000" GIT_COMMITTER_DATE="@1700000100 +0000" git commit -q -m links
)
equal "commits" "$(git -C origin rev-list --count main)" 316

git clone -q "file://$work/origin" copy
git -C copy fsck --strict --full --no-progress >"$outside/fsck" 2>&1 ||
	fail "fsck of the clone: $(head -n 1 "$outside/fsck")"
equal "the clone's head" "$(git -C copy rev-parse main)" "$(git -C origin rev-parse main)"
diff -r --no-dereference --exclude=.git origin copy >"$outside/diff" ||
	fail "the clone's files differ: $(head -n 1 "$outside/diff")"

git -C copy gc -q --prune=now
git -C copy fsck --strict --full --no-progress >"$outside/fsck" 2>&1 ||
	fail "fsck after gc: $(head -n 1 "$outside/fsck")"
for branch in old main old main; do
	git -C copy checkout -q "$branch"
	equal "status on $branch" "$(git -C copy status --porcelain)" ""
done
git -C copy ls-files -s >"$outside/copy"
git -C origin ls-files -s >"$outside/origin"
same "the indexes" "$outside/copy" "$outside/origin"
[[ -x copy/dir1/hand1 && -L copy/link ]] || fail "an executable bit or a symlink was lost"

rm -rf copy/dir3
git -C copy checkout -q -- .
equal "status after restoring" "$(git -C copy status --porcelain)" ""
echo "$test_name: 316 commits, $(wc -l <"$outside/copy") files, cloned, checked, packed, switched"
