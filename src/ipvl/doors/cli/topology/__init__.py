"""`ipvl topology`: the status as a tree, as pictures, and as JSON."""
