# SPDX-License-Identifier: MIT
# 20,000 small files out of an archive.
work() { tar -xf $DATA/small.tar; }
