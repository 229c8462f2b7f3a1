"""How answers become numbers: the key of an instrument and the scores it gives."""
