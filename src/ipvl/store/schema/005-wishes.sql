-- What a network may be asked to be since schema 4; the defaults are what every network before was.
ALTER TABLE networks ADD COLUMN routes TEXT NOT NULL DEFAULT '[]'; -- JSON: a list of destination and router, or null
ALTER TABLE networks ADD COLUMN default_route INTEGER NOT NULL DEFAULT 1 CHECK (default_route IN (0, 1));
ALTER TABLE networks ADD COLUMN metric INTEGER;
