# SPDX-License-Identifier: MIT
# Runs natively in the root before the cases: builds and fetches, once, what they need. A case whose
# things could not be had fails natively and is skipped.
mkdir -p /programs/bin
if [ /programs/files/all.go -nt /programs/bin/goall ]; then
	export GOCACHE=/var/tmp/go-cache GO111MODULE=off CGO_ENABLED=0 GOFLAGS=-p=2
	go build -o /programs/bin/goall /programs/files/all.go
	rm -rf /var/tmp/go-cache
fi
if [ ! -s /usr/src/lua.orig.tar ]; then
	cd /usr/src || exit
	echo 'deb-src http://deb.debian.org/debian bookworm main' >/etc/apt/sources.list.d/source.list
	apt-get -q update && apt-get -q source --download-only zlib lua5.4
	bunzip2 <zlib_*.orig.tar.bz2 >zlib.orig.tar; gunzip <lua5.4_*.orig.tar.gz >lua.orig.tar
fi
