"""What is run by hand while developing operant; no part of the package."""
