"""Values and words: frozen, typed, without I/O. Every room meets the others only in what is defined here."""
