"""The use cases without Docker, in the words of the `ipvl` command: what is asked and answered, and how it is done."""
