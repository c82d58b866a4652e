# SPDX-License-Identifier: MIT
# fio on one file of 256 MiB: disk_fio.sh read|randread|write|randwrite BLOCK SIZE|- buffered|direct
# With a size that much is moved and made durable; else two seconds long. Microseconds per block.
before() { cat fio >/dev/null; sync; }
work() {
	local span="--time_based --runtime=2 --invalidate=0"	# else fio drops what before() has read, at each pass
	[ "$3" = - ] || span="--io_size=$3 --end_fsync=1"
	fio --minimal --name=x --filename=fio --size=256M --ioengine=psync --rw=$1 --bs=$2 --direct=$([ $4 = direct ] && echo 1 || echo 0) \
		--randseed=1 --norandommap --allow_file_create=0 $span >/tmp/fio.out || return
	# Total in KiB and milliseconds of reads, then of writes.
	value=$(awk -F';' -v bs=${2%k} '{ print ($9 + $50) * 1000 / (($6 + $47) / bs); }' /tmp/fio.out)
	unit=us
}
