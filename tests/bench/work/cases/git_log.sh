# SPDX-License-Identifier: MIT
# All of 400 commits with their changes.
work() { git -C $DATA/big log -p; }
