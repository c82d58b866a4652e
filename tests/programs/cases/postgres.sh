# SPDX-License-Identifier: MIT
# A cluster of its own in /tmp, through its unix socket; two clients at once.
set -e
bin=$(echo /usr/lib/postgresql/*/bin); mkdir /tmp/pg && chown postgres /tmp/pg && chmod 700 /tmp/pg; cd /tmp
as() { setpriv --reuid postgres --regid postgres --clear-groups env HOME=/tmp "$@"; }
as $bin/initdb -D /tmp/pg/data -A trust --no-sync >/tmp/pg/init.log 2>&1 && echo made
as $bin/pg_ctl -D /tmp/pg/data -w -l /tmp/pg/log -o "-c listen_addresses= -k /tmp -c fsync=off" start >/dev/null && echo up
sql() { as psql -h /tmp -qAt -c "$1" postgres; }
sql 'CREATE TABLE t(n int primary key, s text)'
sql "INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 50000) i"
for k in 1 2 3 4; do sql "UPDATE t SET s = s || $k WHERE n % 4 = $k % 4" & done; wait
sql 'SELECT count(*), sum(n), md5(string_agg(s, chr(44) ORDER BY n)) FROM t'
as $bin/pgbench -h /tmp -i -q postgres >/dev/null 2>&1 && as $bin/pgbench -h /tmp -c 4 -j 2 -t 50 postgres 2>/dev/null |
	grep -E 'number of transactions actually'
as $bin/pg_ctl -D /tmp/pg/data -m fast -w stop >/dev/null && echo down
