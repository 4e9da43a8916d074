"""The pure core: no I/O, no clock, no chance, no asyncio. Facts come in as arguments."""
