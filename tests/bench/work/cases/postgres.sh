# SPDX-License-Identifier: MIT
# 4 clients through a unix socket: transactions of TPC-B, then reads.
bin=$(echo /usr/lib/postgresql/*/bin)
as() { (cd /tmp; setpriv --reuid postgres --regid postgres --clear-groups env HOME=/tmp "$@"); }
before() {
	mkdir pg && chown postgres pg && chmod 700 pg && pg=$PWD/pg && chmod 755 . &&
	as $bin/initdb -D $pg/data -A trust --no-sync && as $bin/pg_ctl -D $pg/data -w -l $pg/log \
		-o "-c listen_addresses= -k /tmp -c fsync=off -c synchronous_commit=off" start &&
	as $bin/pgbench -h /tmp -i -q postgres
}
work() {
	as $bin/pgbench -h /tmp -c 4 -j 2 -t 400 postgres && as $bin/pgbench -h /tmp -c 4 -j 2 -t 2000 -n -f $DATA/bench.sql postgres
}
after() { as $bin/pg_ctl -D $pg/data -m fast -w stop; }
