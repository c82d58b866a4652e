# SPDX-License-Identifier: MIT
# 100,000 inserts in one transaction, a thousand of their own, in both journal modes; two writers.
set -e
seq 100000 | awk 'BEGIN { print "BEGIN;" } { print "INSERT INTO t VALUES(" $1 ",\"row " $1 "\");" }
	END { print "COMMIT;" }' >many.sql
sqlite3 a.db 'CREATE TABLE t(n INTEGER PRIMARY KEY, s TEXT)' && sqlite3 a.db <many.sql
sqlite3 a.db 'SELECT count(*), sum(n), max(s) FROM t; PRAGMA integrity_check'
sqlite3 a.db 'CREATE INDEX i ON t(s); DELETE FROM t WHERE n % 3 = 0; VACUUM; SELECT count(*) FROM t'
sqlite3 a.db .dump | sha256sum
for mode in delete wal; do
	sqlite3 $mode.db "PRAGMA journal_mode=$mode; CREATE TABLE t(n)"
	seq 500 | sed 's/.*/INSERT INTO t VALUES(&);/' | sqlite3 -cmd '.timeout 20000' $mode.db &
	seq 501 1000 | sed 's/.*/INSERT INTO t VALUES(&);/' | sqlite3 -cmd '.timeout 20000' $mode.db
	wait
	sqlite3 $mode.db 'SELECT count(*), sum(n) FROM t; PRAGMA integrity_check'
done
