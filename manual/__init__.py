"""Writes the manual, man pages and docs/commands.md, from the help of the `ipvl` command. Never imported by src/."""
