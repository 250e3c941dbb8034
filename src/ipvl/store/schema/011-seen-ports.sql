-- An endpoint's port as it was seen in its sandbox, to be made again when its parent is: JSON, an object. Its `setup` is
-- null where ipvl may not enter the sandbox.
ALTER TABLE endpoints ADD COLUMN seen TEXT;
