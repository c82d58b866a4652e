# SPDX-License-Identifier: MIT
# 20,000 small files into one archive.
before() { rm -f out.tar; }
work() { tar -C $DATA -cf out.tar small; }
after() { rm -f out.tar; }
