BEGIN TRANSACTION;
CREATE TABLE addresses (
    parent      TEXT NOT NULL,
    address     TEXT NOT NULL,
    interface   TEXT NOT NULL,
    position    INTEGER NOT NULL,
    endpoint_id TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    PRIMARY KEY (parent, address)
) STRICT, WITHOUT ROWID;
INSERT INTO "addresses" VALUES('di-bbbbbbbbbbbb','10.7.0.2','10.7.0.2/16',0,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
INSERT INTO "addresses" VALUES('eth0.20','192.168.20.10','192.168.20.10/24',0,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee');
INSERT INTO "addresses" VALUES('eth0.20','2001:db8:20::10','2001:db8:20::10/64',1,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee');
CREATE TABLE cursors (
    owner   TEXT NOT NULL,
    subnet  TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (owner, subnet)
) STRICT;
INSERT INTO "cursors" VALUES('192.168.20.0/24 on eth0.20','192.168.20.0/24','192.168.20.10');
CREATE TABLE endpoints (
    id               TEXT PRIMARY KEY,
    network_id       TEXT NOT NULL REFERENCES networks (id),
    parent           TEXT NOT NULL,
    port             TEXT NOT NULL UNIQUE,
    interface_prefix TEXT NOT NULL,
    changed          REAL NOT NULL,
    name             TEXT,
    sandbox          TEXT
, aliases TEXT NOT NULL DEFAULT '[]', inode INTEGER, interface TEXT, hosts TEXT, phase TEXT NOT NULL DEFAULT 'ready' CHECK (phase IN ('making', 'ready', 'removing'))) STRICT;
INSERT INTO "endpoints" VALUES('eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','eth0.20','ipvleeeeeeeeeee','eth',1700000000.0,'one','/var/run/docker/netns/0123456789ab','[]',NULL,NULL,NULL,'ready');
INSERT INTO "endpoints" VALUES('ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','di-bbbbbbbbbbbb','ipvlfffffffffff','net',1700000000.0,'two','/proc/200/ns/net','["api"]',4026532000,'net0','/run/ipvl/two/hosts','removing');
CREATE TABLE leases (
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    gateway INTEGER NOT NULL CHECK (gateway IN (0, 1)),
    owner   TEXT,
    users   INTEGER NOT NULL CHECK (users > 0),
    changed REAL NOT NULL,
    PRIMARY KEY (pool_id, address)
) STRICT;
INSERT INTO "leases" VALUES('192.168.20.0/24 on eth0.20','192.168.20.254',1,NULL,2,1700000000.0);
INSERT INTO "leases" VALUES('192.168.20.0/24 on eth0.20','192.168.20.10',0,'one',1,1700000000.0);
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
, labels TEXT NOT NULL DEFAULT '{}') STRICT;
INSERT INTO "networks" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','web','docker','eth0.20','l2','private',0,1400,'eth',1700000000.0,'ready','{}');
INSERT INTO "networks" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',NULL,'embedded','di-bbbbbbbbbbbb','l3','bridge',1,9000,'net',1700000000.0,'ready','{"owner": "ops"}');
CREATE TABLE parents (
    name    TEXT PRIMARY KEY,
    kind    TEXT NOT NULL CHECK (kind IN ('link', 'vlan', 'dummy')),
    made    INTEGER NOT NULL CHECK (made IN (0, 1)),
    base    TEXT,
    vlan_id INTEGER CHECK (vlan_id BETWEEN 1 AND 4094),
    mtu     INTEGER
) STRICT;
INSERT INTO "parents" VALUES('eth0.20','vlan',1,'eth0',20,NULL);
INSERT INTO "parents" VALUES('di-bbbbbbbbbbbb','dummy',1,NULL,NULL,9000);
CREATE TABLE pools (
    id      TEXT PRIMARY KEY,
    subnet  TEXT NOT NULL,
    range   TEXT,
    parent  TEXT,
    users   INTEGER NOT NULL CHECK (users > 0),
    changed REAL NOT NULL
) STRICT;
INSERT INTO "pools" VALUES('192.168.20.0/24 on eth0.20','192.168.20.0/24',NULL,'eth0.20',2,1700000000.0);
CREATE TABLE reserved (
    network_id TEXT NOT NULL,
    position   INTEGER NOT NULL,
    address    TEXT NOT NULL,
    PRIMARY KEY (network_id, position, address),
    FOREIGN KEY (network_id, position) REFERENCES subnets (network_id, position) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "reserved" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',0,'192.168.20.99');
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
INSERT INTO "sandboxes" VALUES('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','two','two','["sh"]','alpine',200,4026532000,199,1700000000.0,'/run/ipvl/two/hosts',0,NULL,NULL);
CREATE TABLE subnets (
    network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    pool       TEXT NOT NULL,
    gateway    TEXT, range TEXT,
    PRIMARY KEY (network_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "subnets" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',0,'192.168.20.0/24','192.168.20.254','192.168.20.0/25');
INSERT INTO "subnets" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'2001:db8:20::/64',NULL,NULL);
INSERT INTO "subnets" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',0,'10.7.0.0/16',NULL,NULL);
CREATE INDEX endpoints_of_network ON endpoints (network_id);
CREATE INDEX addresses_of_endpoint ON addresses (endpoint_id);
COMMIT;
PRAGMA user_version = 4;
