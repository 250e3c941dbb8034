-- A network may leave the default route of one family to others; until now it was both or none.
ALTER TABLE networks RENAME COLUMN default_route TO default_route4;
ALTER TABLE networks ADD COLUMN default_route6 INTEGER NOT NULL DEFAULT 1 CHECK (default_route6 IN (0, 1));
UPDATE networks SET default_route6 = default_route4;

-- What the user asked for as the parent of a network that `--internal` isolates, so that it is not used.
ALTER TABLE networks ADD COLUMN unused_parent TEXT NOT NULL DEFAULT '';
