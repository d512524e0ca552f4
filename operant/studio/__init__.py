"""Pictures for people: curves, policy maps, value tables, films, and the report; from plain values."""
