ALTER TABLE networks ADD COLUMN conflict_check TEXT NOT NULL DEFAULT 'none' CHECK (conflict_check IN ('none', 'probe'));
ALTER TABLE networks ADD COLUMN announcements INTEGER;
ALTER TABLE networks ADD COLUMN announce_interval INTEGER;
ALTER TABLE pools ADD COLUMN conflict_check TEXT NOT NULL DEFAULT 'none' CHECK (conflict_check IN ('none', 'probe'));

-- Addresses that others on a parent's segment have: not chosen there before `until`.
CREATE TABLE quarantines (
    parent  TEXT NOT NULL,
    address TEXT NOT NULL,
    holder  TEXT NOT NULL,
    until   REAL NOT NULL,
    PRIMARY KEY (parent, address)
) STRICT;
