-- What a network may be asked to be since schema 4; the defaults are what every network before was.
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

ALTER TABLE networks ADD COLUMN routes TEXT NOT NULL DEFAULT '[]'; -- JSON: a list of destination and router, or null
ALTER TABLE networks ADD COLUMN default_route INTEGER NOT NULL DEFAULT 1 CHECK (default_route IN (0, 1));
ALTER TABLE networks ADD COLUMN metric INTEGER;
ALTER TABLE networks ADD COLUMN host_access INTEGER NOT NULL DEFAULT 0 CHECK (host_access IN (0, 1));
ALTER TABLE subnets ADD COLUMN host TEXT; -- the address of the host's own port
