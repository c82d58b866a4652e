# SPDX-License-Identifier: MIT
# strace and gdb.
strace -o log -f sh -c 'cat /etc/hostname | tr a-z A-Z; exit 3'; echo "status $?"
grep -cE 'execve( resumed>\)|\().*= 0$' log; grep -c 'exited with 3' log; awk '/write\(1, "DEBIAN/ { print NF }' log
strace -c -o sum true; tail -n 1 sum | grep -c total
strace -e trace=openat -e inject=openat:error=ENOENT:when=3+ cat /etc/hostname 2>&1 | tail -n 2 | grep -c 'No such file'
cat >d.c <<'EOF'
#include <stdio.h>
#include <signal.h>
int g;
static int f(int n) { g += n; return n ? f(n - 1) : g; }
int main(void) { printf("%d\n", f(10)); raise(SIGUSR1); int *p = 0; *p = f(3); }
EOF
gcc -g -O0 -o d d.c
gdb -nx -q -batch -ex 'break f if n == 4' -ex run -ex bt -ex 'watch g' -ex c -ex c -ex 'print g' -ex 'delete' \
	-ex 'handle SIGUSR1 nostop noprint nopass' -ex c -ex 'print $_siginfo.si_signo' -ex 'x/i $pc' ./d 2>&1 |
	grep -vE '^\[|warning|debuginfo|libthread' | sed 's/0x[0-9a-f]*/ADDR/g; s/process [0-9]*/process/'
