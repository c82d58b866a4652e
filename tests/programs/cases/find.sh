# SPDX-License-Identifier: MIT
# Every name of the root, then also kind, mode, size and target of each.
find / -xdev ! -path '/programs/*' | sort | sha256sum
find / -xdev ! -path '/programs*' ! -path /dev ! -path /proc ! -path /tmp ! -path '/var/tmp*' \
	-printf '%y %m %n %s %l %p\n' | sort | sha256sum
