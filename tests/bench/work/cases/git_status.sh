# SPDX-License-Identifier: MIT
# Five times the state of a tree of 4,000 files.
before() { git -C $DATA/big status --short; }
work() { for _ in 1 2 3 4 5; do git -C $DATA/big status --short || return; done; }
