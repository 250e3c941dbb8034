-- How far ipvl got with placing a port itself, as for networks.
ALTER TABLE endpoints ADD COLUMN phase TEXT NOT NULL DEFAULT 'ready' CHECK (phase IN ('making', 'ready', 'removing'));
