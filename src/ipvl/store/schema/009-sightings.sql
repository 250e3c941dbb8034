-- Which Docker listed a network last, and which the networks of all users of a pool: only that one's word removes them.
-- NULL before any did; a pool that got one more user since then has an empty text.
ALTER TABLE networks ADD COLUMN seen_by TEXT;
ALTER TABLE pools ADD COLUMN seen_by TEXT;
