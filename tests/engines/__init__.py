"""Real engines for the tests, started from wheels: no system package, no service that has to run already."""
