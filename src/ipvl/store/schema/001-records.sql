CREATE TABLE parents (
    name    TEXT PRIMARY KEY,
    kind    TEXT NOT NULL CHECK (kind IN ('link', 'vlan', 'dummy')),
    made    INTEGER NOT NULL CHECK (made IN (0, 1)),
    base    TEXT,
    vlan_id INTEGER CHECK (vlan_id BETWEEN 1 AND 4094),
    mtu     INTEGER
) STRICT;

CREATE TABLE networks (
    id               TEXT PRIMARY KEY,
    name             TEXT,
    door             TEXT NOT NULL,
    parent           TEXT NOT NULL REFERENCES parents (name),
    mode             TEXT NOT NULL CHECK (mode IN ('l2', 'l3', 'l3s')),
    flag             TEXT NOT NULL CHECK (flag IN ('bridge', 'private', 'vepa')),
    isolated         INTEGER NOT NULL CHECK (isolated IN (0, 1)),
    mtu              INTEGER,
    interface_prefix TEXT NOT NULL,
    created          REAL NOT NULL,
    phase            TEXT NOT NULL CHECK (phase IN ('making', 'ready', 'removing'))
) STRICT;

CREATE TABLE subnets (
    network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    pool       TEXT NOT NULL,
    gateway    TEXT,
    PRIMARY KEY (network_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoints (
    id               TEXT PRIMARY KEY,
    network_id       TEXT NOT NULL REFERENCES networks (id),
    parent           TEXT NOT NULL,
    port             TEXT NOT NULL UNIQUE,
    interface_prefix TEXT NOT NULL,
    changed          REAL NOT NULL,
    name             TEXT,
    sandbox          TEXT
) STRICT;

CREATE INDEX endpoints_of_network ON endpoints (network_id);

-- One holder of an address on a parent, whatever the network: the kernel's own rule (ipvlan, EADDRINUSE).
CREATE TABLE addresses (
    parent      TEXT NOT NULL,
    address     TEXT NOT NULL,
    interface   TEXT NOT NULL,
    position    INTEGER NOT NULL,
    endpoint_id TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    PRIMARY KEY (parent, address)
) STRICT, WITHOUT ROWID;

CREATE INDEX addresses_of_endpoint ON addresses (endpoint_id);
