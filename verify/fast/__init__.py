"""The fast reading: exact results in double-double arithmetic and bounds as tapes, for whole arrays of rows."""
