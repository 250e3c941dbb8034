-- Nobody may choose the addresses of a network's endpoints; networks without subnets were such, and served nobody.
-- A column's check cannot be changed, so the column is made anew.
ALTER TABLE networks RENAME COLUMN addressing TO addressing_before;
ALTER TABLE networks ADD COLUMN addressing TEXT NOT NULL DEFAULT 'pool' CHECK (addressing IN ('pool', 'dhcp', 'none'));
UPDATE networks SET addressing = addressing_before;
UPDATE networks SET addressing = 'none'
WHERE addressing = 'pool' AND id NOT IN (SELECT network_id FROM subnets);
ALTER TABLE networks DROP COLUMN addressing_before;
