# SPDX-License-Identifier: MIT
# 600 transactions of one statement, with a rollback journal.
work() { sqlite3 db 'PRAGMA journal_mode=delete' && sqlite3 db <$DATA/single.sql; }
