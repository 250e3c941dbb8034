ALTER TABLE subnets ADD COLUMN range TEXT;

CREATE TABLE reserved (
    network_id TEXT NOT NULL,
    position   INTEGER NOT NULL,
    address    TEXT NOT NULL,
    PRIMARY KEY (network_id, position, address),
    FOREIGN KEY (network_id, position) REFERENCES subnets (network_id, position) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE pools (
    id      TEXT PRIMARY KEY,
    subnet  TEXT NOT NULL,
    range   TEXT,
    parent  TEXT,
    users   INTEGER NOT NULL CHECK (users > 0),
    changed REAL NOT NULL
) STRICT;

CREATE TABLE leases (
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    gateway INTEGER NOT NULL CHECK (gateway IN (0, 1)),
    owner   TEXT,
    users   INTEGER NOT NULL CHECK (users > 0),
    changed REAL NOT NULL,
    PRIMARY KEY (pool_id, address)
) STRICT;

-- The address that a network or a pool chose last: the next one follows it. `owner` is the id of either.
CREATE TABLE cursors (
    owner   TEXT NOT NULL,
    subnet  TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (owner, subnet)
) STRICT;
