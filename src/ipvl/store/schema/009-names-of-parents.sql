-- What else a parent's link is or was called, or its base where ipvl makes the link. JSON: a list of names.
ALTER TABLE parents ADD COLUMN also TEXT NOT NULL DEFAULT '[]';
