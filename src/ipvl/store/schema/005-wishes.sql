-- Who chooses the addresses of a network's endpoints.
ALTER TABLE networks ADD COLUMN addressing TEXT NOT NULL DEFAULT 'pool' CHECK (addressing IN ('pool', 'dhcp'));

-- Client identifiers of networks whose addresses come from a DHCP server, and what that granted; `lost` is why it no
-- longer does. An identifier outlives its endpoints.
CREATE TABLE dhcp_leases (
    network_id  TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    client_id   TEXT NOT NULL,
    endpoint_id TEXT UNIQUE REFERENCES endpoints (id) ON DELETE SET NULL,
    shape       TEXT NOT NULL,
    changed     REAL NOT NULL,
    lost        TEXT NOT NULL,
    address     TEXT, -- this and all that follows is empty until a server granted it
    server      TEXT,
    server_mac  TEXT,
    obtained    REAL,
    renews      REAL,
    rebinds     REAL,
    expires     REAL,
    gateway     TEXT,
    routes      TEXT, -- JSON: a list of pairs, a destination and the router
    resolvers   TEXT, -- JSON: a list of addresses
    domain      TEXT,
    mtu         INTEGER,
    PRIMARY KEY (network_id, client_id)
) STRICT;
