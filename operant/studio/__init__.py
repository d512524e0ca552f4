"""What people look at: curves, policy maps, value tables, films, and the report; from plain values."""
