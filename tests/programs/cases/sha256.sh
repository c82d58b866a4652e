# SPDX-License-Identifier: MIT
# A file of 1 GiB: written, read, summed.
yes 0123456789abcdef | head -c 1073741824 >big
stat -c %s big
sha256sum big
dd if=big bs=1M skip=512 count=3 2>/dev/null | md5sum
