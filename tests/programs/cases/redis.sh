# SPDX-License-Identifier: MIT
# A server on a unix socket, with a snapshot by fork.
redis-server --port 0 --unixsocket /tmp/r.sock --dir $PWD --save '' --daemonize yes --logfile $PWD/log >/dev/null
for _ in $(seq 100); do [ -S /tmp/r.sock ] && break; sleep 0.1; done
r() { redis-cli -s /tmp/r.sock "$@"; }
r ping; r set a 1; r incrby a 41; for i in $(seq 1000); do echo "rpush l $i"; done | r | tail -n 1
r eval 'local s = 0 for _, v in ipairs(redis.call("lrange", "l", 0, -1)) do s = s + v end return s' 0
r bgsave; for _ in $(seq 100); do [ -s dump.rdb ] && break; sleep 0.1; done; test -s dump.rdb && echo saved
redis-benchmark -s /tmp/r.sock -n 20000 -c 20 -q -t set,get,lpush 2>/dev/null | tr '\r' '\n' | grep -c 'requests per second'
r dbsize | awk '{ print ($1 >= 3) }'; r shutdown nosave; wait; sleep 0.2; pgrep -c redis; true
