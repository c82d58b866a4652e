# SPDX-License-Identifier: MIT
# 199,000 rows in one transaction, an index, a sum.
work() { sqlite3 db <$DATA/bulk.sql; }
