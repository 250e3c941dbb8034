-- JSON: an object of texts, and a list of texts.
ALTER TABLE networks ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE endpoints ADD COLUMN aliases TEXT NOT NULL DEFAULT '[]';
ALTER TABLE endpoints ADD COLUMN inode INTEGER;
ALTER TABLE endpoints ADD COLUMN interface TEXT;
ALTER TABLE endpoints ADD COLUMN hosts TEXT;

CREATE TABLE sandboxes (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    hostname        TEXT NOT NULL,
    command         TEXT NOT NULL, -- JSON: a list of texts
    root_filesystem TEXT NOT NULL,
    process         INTEGER NOT NULL,
    inode           INTEGER NOT NULL,
    supervisor      INTEGER NOT NULL,
    started         REAL NOT NULL,
    hosts           TEXT NOT NULL,
    removed_at_end  INTEGER NOT NULL CHECK (removed_at_end IN (0, 1)),
    ended           REAL,
    exit_status     INTEGER
) STRICT;
