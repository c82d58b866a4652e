# SPDX-License-Identifier: MIT
# A history of 200 commits; clone, log, branch, merge, gc, fsck.
set -e
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_CONFIG_GLOBAL=/dev/null
git -c init.defaultBranch=main init -q one && cd one
for i in $(seq 200); do
	export GIT_AUTHOR_DATE="2020-01-01T00:00:00Z" GIT_COMMITTER_DATE="2020-01-01T00:00:00Z"
	seq $i >file$((i % 10)); git add . && git commit -q -m "commit $i"
done
git checkout -q -b side HEAD~20 && echo side >side && git add side && git commit -q -m side
git checkout -q main && git merge -q -m merge side && git log --oneline --graph | sha256sum
cd .. && git clone -q one two 2>/dev/null && cd two
git log --format='%h %s' | tee log | wc -l; sha256sum log; git rev-parse HEAD
git gc -q --prune=now && git fsck 2>&1 | tail -n 1; git count-objects -v | grep -E 'in-pack|packs'
git grep -c 199 | sort; git diff --stat HEAD~50 HEAD | tail -n 1
git clone -q --no-local file://$PWD ../three && git -C ../three rev-parse HEAD
git archive HEAD | sha256sum; rm log; git status --short | wc -l
