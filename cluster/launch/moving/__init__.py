"""An installation moved as a whole: copied from store to store and log to log, backed up into a folder, restored from it.

What an installation is stands in cluster/launch/tables.py (tables) and cluster/events.py (topics). Whatever is read, a store or a file
of a backup, is read by `read_all` and `read` of the ports; whatever is written is compared with what it was read from.
"""
