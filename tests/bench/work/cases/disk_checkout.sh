# SPDX-License-Identifier: MIT
# On the disk: 4,000 files of a git repository.
before() { rm -rf repo; git clone -q -n $DATA/big repo; }
work() { git -C repo checkout -q main; }
after() { rm -rf repo; }
