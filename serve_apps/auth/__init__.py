"""Auth: accounts, the devices that are signed in to them, and the tokens that say so."""
