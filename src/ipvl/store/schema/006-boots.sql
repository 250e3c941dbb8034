-- How time is counted in each run of the host's kernel: see ipvl.clock.steady_clock. Before the first of these, records
-- hold wall-clock time, and the count begins with it.
CREATE TABLE boots (
    id     TEXT PRIMARY KEY,
    began  REAL NOT NULL,
    offset REAL NOT NULL,
    ahead  REAL NOT NULL
) STRICT;
