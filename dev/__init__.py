"""What `make` and the guards run: none of it is part of the installed package."""
