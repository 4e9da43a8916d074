"""The receiver in the frameworks of today, under the servers of today."""
