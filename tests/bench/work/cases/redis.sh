# SPDX-License-Identifier: MIT
# 24,000 requests of 20 clients through a unix socket.
before() {
	redis-server --port 0 --unixsocket /tmp/redis.sock --dir $PWD --save '' --daemonize yes
	for _ in $(seq 100); do redis-cli -s /tmp/redis.sock ping 2>/dev/null && return; sleep 0.1; done; return 1
}
work() { redis-benchmark -s /tmp/redis.sock -n 8000 -c 20 -q -t set,get,lpush; }
after() { redis-cli -s /tmp/redis.sock shutdown nosave; }
