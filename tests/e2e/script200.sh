#!/bin/bash
# SPDX-License-Identifier: MIT
#
# script200.sh: a shell script of some two hundred lines, of the kind that people write: pipelines,
# here-documents, traps, jobs, descriptors. What it prints depends on neither time, process ids
# nor the machine, so the output in the guest must be equal to the host's, byte by byte.
set -u
export LC_ALL=C TZ=UTC
work=$(mktemp -d "${TMPDIR:-/tmp}/script200.XXXXXX") || exit 1
cd "$work" || exit 1
umask 022

part() {
	printf '== %s\n' "$*"
}

part here-documents
name=world
cat <<EOF
hello $name, $((6 * 7)) and $(echo nested $(echo substitution))
EOF
cat <<'EOF' | tr a-z A-Z
no $expansion here
EOF
cat <<-EOF
	tabs are gone
EOF
cat <<< "a here-string"
while read -r a b; do echo "$b:$a"; done <<EOF
one 1
two 2
three 3
EOF
cat <<EOF | wc -c
$(seq 1 20000)
EOF

part pipelines
seq 1 1000 | grep 7 | sed 's/7/seven/' | sort -r | head -n 3
seq 1 100000 | awk '{ s += $1 } END { print s }'
yes | head -n 5 | uniq -c | sed 's/^ *//'
printf '%s\n' pear apple fig | sort | paste -sd, -
true | false | true; echo "${PIPESTATUS[@]}"
set -o pipefail
false | cat; echo "pipefail $?"
set +o pipefail
yes | head -n 1 >/dev/null; echo "sigpipe ${PIPESTATUS[0]}"
seq 10 | tee >(wc -l >tee.out) >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s tee.out ] && break; sleep 0.1; done
cat tee.out
diff <(seq 1 5) <(seq 2 6)
echo "diff $?"

part variables
v=/usr/local/lib/libfoo.so.1
echo "${v##*/} ${v%/*} ${v%%.*} ${#v} ${v/lib/LIB} ${v//l/L}"
unset u
echo "${u:-default} ${u:=set} ${u:+other} ${v:5:5}"
arr=(zero one two [5]=five)
echo "${#arr[@]} ${!arr[*]} ${arr[-1]} ${arr[*]:1:2}"
declare -A map=([k1]=v1 [k2]=v2)
for k in "${!map[@]}"; do echo "$k=${map[$k]}"; done | sort
printf '%05d|%-6s|%x|%.3f|%q\n' 42 ab 255 3.14159 "a b"
echo {a,b}{1..3} {01..04}

part functions
fact() {
	local n=$1
	if [ "$n" -le 1 ]; then echo 1; else echo $((n * $(fact $((n - 1))))); fi
}
fact 10
fib() {
	local a=0 b=1 i
	for ((i = 0; i < $1; i++)); do ((a = a + b, b = a - b)); done
	echo "$a"
}
fib 50
args() { echo "$# <$1> <${*:2}>"; }
args "a b" c 'd e'
(exit 7); echo "status $?"

part files
mkdir -p d/e/f
for i in $(seq 1 50); do echo "line $i" > "d/e/file$i"; done
ls d/e | wc -l
find d -type f -name 'file*1' | sort
ln -s ../file1 d/e/f/link
ln d/e/file2 d/e/hard
readlink d/e/f/link
cat d/e/f/link
stat -c '%F %h %s %a' d/e/hard d/e/f/link
stat -c '%F %h %a' d/e
chmod 640 d/e/file3 && stat -c %a d/e/file3
touch -d '2001-02-03 04:05:06' d/e/file4 && stat -c %y d/e/file4
truncate -s 100000 sparse && wc -c < sparse
dd if=/dev/zero bs=1k count=10 2>/dev/null | sha256sum
mv d/e/file5 d/e/renamed && [ ! -e d/e/file5 ] && [ -f d/e/renamed ] && echo moved
cp -a d copy && diff -r d copy && echo same
rm -rf copy/e/f && diff -rq d copy
tar cf - d | tar tf - | wc -l
mkdir x && (cd x && tar cf - -C .. d | gzip | gunzip | tar xf - && diff -r ../d d && echo "tar same")
if mkdir d 2>err; then echo bad; else sed 's/.*: //' err; fi
if cat nothing 2>err; then echo bad; else sed 's/.*: //' err; fi
if rmdir d 2>err; then echo bad; else sed 's/.*: //' err; fi
shopt -s nullglob extglob globstar
echo d/**/link d/e/file?(4)[0-2] d/e/nothing*
echo d/e/!(file*)

part descriptors
exec 3>out.txt 4<&0
echo to three >&3
echo again >&3
exec 3>&-
cat out.txt
exec 5<>rw.txt
echo first >&5
exec 5<rw.txt
read -r line <&5
echo "got $line"
exec 5<&- 4<&-
{ echo out; echo err >&2; } 2>&1 | sort
{ echo swapped; } 3>&1 1>&2 2>&3 2>/dev/null | cat
(echo hidden >&9) 2>/dev/null || echo "bad descriptor"
set -o noclobber
(echo x > out.txt) 2>/dev/null || echo "not overwritten"
set +o noclobber
mkfifo fifo
(for i in 1 2 3; do echo "fifo $i"; done > fifo) &
cat fifo
wait
coproc UP { while read -r l; do echo "${l^^}"; done; }
echo "through a coprocess" >&"${UP[1]}"
read -r answer <&"${UP[0]}"
echo "$answer"
eval "exec ${UP[1]}>&-"
wait

part jobs
for i in 1 2 3 4 5; do (exit "$i") & pids[i]=$!; done
for i in 1 2 3 4 5; do wait "${pids[i]}"; echo "job $i: $?"; done
sleep 100 & p=$!
kill "$p"; wait "$p" 2>/dev/null; echo "killed $?"
sleep 100 & p=$!
kill -STOP "$p"; kill -CONT "$p"; kill -9 "$p"; wait "$p" 2>/dev/null; echo "killed $?"
(trap 'echo caught TERM; exit 3' TERM; echo ready > ready; while :; do sleep 0.05; done) &
p=$!
until [ -s ready ]; do sleep 0.02; done
kill -TERM "$p"; wait "$p"; echo "handler $?"
(trap '' INT; kill -INT "$BASHPID"; echo ignored)
(trap 'echo bye' EXIT; exit 4); echo "exit $?"
timeout 0.2 sleep 10; echo "timeout $?"
seq 1 40 | xargs -n 1 -P 4 sh -c 'echo $(($1 * $1))' sh | sort -n | tail -n 2
n=0; for i in $(seq 1 100); do n=$((n + $(echo "$i"))); done; echo "forks $n"
bash -c 'kill -SEGV $$' 2>/dev/null; echo "segv $?"
bash -c 'exec -a other bash -c "echo \$0"'
/nonexistent 2>/dev/null; echo "no file $?"
./out.txt 2>/dev/null; echo "no permission $?"
printf '#!/bin/sh\necho "script $0 $*"\n' > s.sh && chmod +x s.sh && ./s.sh a "b c"
printf '#!/usr/bin/awk -f\nBEGIN { print "awk", 1 + 1 }\n' > a.awk && chmod +x a.awk && ./a.awk
env -i A=1 B=2 env | sort
(ulimit -n 64; ulimit -n)
(cd / && pwd && cd usr/bin && pwd -P && cd - >/dev/null && pwd)

part text
cat > data.csv <<EOF
id,name,amount
1,ann,10
2,bob,20
3,cid,30
4,ann,5
EOF
awk -F, 'NR > 1 { t[$2] += $3 } END { for (n in t) print n, t[n] }' data.csv | sort
cut -d, -f2 data.csv | sort | uniq -c | sort -rn | awk '{ print $1, $2 }' | head -n 2
sed -n '2,3p;$!d' data.csv
join -t, <(sort data.csv) <(printf '1,x\n3,y\n')
comm -12 <(seq 1 5) <(seq 4 8)
split -l 1000 <(seq 1 3500) part_ && wc -l part_* | awk '{ print $1, $2 }'
sort -n -r part_?? | sha256sum
seq 1 200000 | sort -R --random-source=/etc/passwd 2>/dev/null | sort -n | sha256sum
head -c 1000000 /dev/zero | gzip -n | gunzip | md5sum
od -An -tx1 -c <<< "abc"
base64 <<< "some text to encode" | base64 -d
date -d @86400 '+%F %T'
case "$name" in w*) echo starts with w ;; *) echo other ;; esac
select_list=$(echo 2 | (select x in red green; do echo "$x"; break; done) 2>/dev/null)
echo "$select_list"
getopt -o ab: -- -a -b val rest
IFS=: read -r f1 f2 rest <<< "a:b:c:d"; echo "$f1 $f2 $rest"
mapfile -t lines < <(seq 1 5); echo "${#lines[@]} ${lines[4]}"
[[ "abc123" =~ ^([a-z]+)([0-9]+)$ ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
echo $((0x1f + 010 + 2#101)) $((2 ** 40)) $((-7 / 2)) $((-7 % 3))
part traps
trap 'echo "exit trap in ${PWD##*.}" | sed "s/in .*/runs/"; cd / && rm -rf "$work"' EXIT
trap 'echo "usr1 $((++usr1))"' USR1
usr1=0
kill -USR1 $$; kill -USR1 $$
trap - USR1
trap -p USR1
part end
