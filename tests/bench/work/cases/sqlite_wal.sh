# SPDX-License-Identifier: MIT
# 600 transactions of one statement, with a write-ahead log.
work() { sqlite3 db 'PRAGMA journal_mode=wal' && sqlite3 db <$DATA/single.sql; }
