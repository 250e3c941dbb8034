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
-- Who chooses the addresses of a network's endpoints.
ALTER TABLE networks ADD COLUMN addressing TEXT NOT NULL DEFAULT 'pool' CHECK (addressing IN ('pool', 'dhcp'));

-- How VLAN tags are written: what a network's parent is to have outside, NULL where nobody said, and what a parent has.
ALTER TABLE networks ADD COLUMN vlan_protocol TEXT CHECK (vlan_protocol IN ('802.1q', '802.1ad'));
ALTER TABLE parents ADD COLUMN protocol TEXT NOT NULL DEFAULT '802.1q' CHECK (protocol IN ('802.1q', '802.1ad'));

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
