"""Training of Tutti's instrument model; each module with a main() is one command of the recipe."""
