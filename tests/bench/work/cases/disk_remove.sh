# SPDX-License-Identifier: MIT
# On the disk: 20,000 files and their directories removed.
before() { rm -rf small; tar -xf $DATA/small.tar; sync; }
work() { rm -rf small; }
