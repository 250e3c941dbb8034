-- Which Docker listed a network last, and which the networks of all users of a pool: only that one's word removes them.
-- NULL before any did; a pool that got one more user since then has an empty text.
ALTER TABLE networks ADD COLUMN seen_by TEXT;
ALTER TABLE pools ADD COLUMN seen_by TEXT;

-- What a container or sandbox asked for by name, and gets again when it starts. `owner` is its id.
CREATE TABLE static_addresses (
    network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    owner      TEXT NOT NULL,
    name       TEXT NOT NULL,
    address    TEXT NOT NULL,
    PRIMARY KEY (network_id, owner, address)
) STRICT;
