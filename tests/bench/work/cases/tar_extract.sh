# SPDX-License-Identifier: MIT
# 20,000 small files out of an archive.
before() { rm -rf small; }
work() { tar -xf $DATA/small.tar; }
after() { rm -rf small; }
