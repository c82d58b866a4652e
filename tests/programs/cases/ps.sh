# SPDX-License-Identifier: MIT
# What shows the system's state shows something sensible.
sleep 1000 & one=$!; sleep 1001 & (exec -a named sleep 1002) & three=$!; sleep 0.3
ps aux | awk 'NR == 1 { print $1, $2, $3, $4, $11 } $11 == "sleep" { n++; print $1, $8, $11, $12 }
	NR > 1 && ($3 < 0 || $3 > 400 || $4 < 0 || $4 > 100) { print "odd:", $0 } END { print n }' | sed 's/S[+N]*/S/'
ps -eo pid,ppid,stat,comm | awk -v me=$$ '$2 == me && $4 == "sleep" { n++ } END { print n }'
ps -o ppid=,comm=,args= -p $one | tr -s " " | sed "s/$$/me/"
ps -o etimes=,nlwp= -p $one | awk '{ print ($1 < 60), $2 }'
pstree $$ >tree; grep -c sleep tree; head -c 4 tree; echo
pgrep -P $$ -c sleep; pidof sleep | wc -w
tr '\0' ' ' </proc/$three/cmdline; echo
free | awk '/Mem/ { print ($2 > 100000), ($3 > 0), ($3 < $2), ($7 <= $2) } /Swap/ { print "swap", ($2 >= 0) }'
df -P / /tmp | awk 'NR > 1 { print NF, ($2 > 0), ($3 + $4 <= $2), $6 }'
mount | awk '$3 == "/proc" || $3 == "/tmp" { print $3, $5 }' | sort -u
uptime | grep -Ec '^ *[0-9:]+ up .*,  ?load average: [0-9.]+, [0-9.]+, [0-9.]+$'
top -bn1 | awk '/^top/ { print $1 } /^Tasks/ { print ($2 >= 3) } /^%Cpu/ { print NF > 10 } $NF == "sleep" { n++ }
	END { print n }'
vmstat | tail -n 1 | awk '{ print NF }'; w | head -n 1 | grep -c load
lsof -p $$ 2>/dev/null | awk '$4 == "cwd" || $4 == "rtd" { print $4, $5, $9 }'
fuser -s . && echo used; lsof -t /usr/bin/bash 2>/dev/null | grep -cx $$
kill %1 %2 %3; wait 2>/dev/null; pgrep -c sleep; true
