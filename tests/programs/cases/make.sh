# SPDX-License-Identifier: MIT
# Two source packages of Debian, built in parallel; the results are bit for bit the same. The sources
# are in the root's /usr/src, see files/prepare.sh.
set -e
tar -xf /usr/src/zlib.orig.tar && cd zlib-* && ./configure >/dev/null && make -j4 >/dev/null 2>&1
make test 2>&1 | grep -c 'test OK'
sha256sum libz.a minigzip | cut -c1-64
cd .. && tar -xf /usr/src/lua.orig.tar && cd lua-*/src && make -j4 linux >/dev/null 2>&1
sha256sum liblua.a | cut -c1-64
./lua -e 'local t = {} for i = 1, 1e6 do t[i] = i * 7 % 1000 end table.sort(t) print(t[1], t[#t], #t, _VERSION)
	local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(co(), co(), co())'
