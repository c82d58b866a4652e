# SPDX-License-Identifier: MIT
# Ten times the state of a tree of 4,000 files.
before() { git -C $DATA/big status --short; }
work() { for _ in 1 2 3 4 5 6 7 8 9 10; do git -C $DATA/big status --short || return; done; }
