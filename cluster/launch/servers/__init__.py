"""Kafka and Cassandra on this machine, for trials and tests: fetched as jars from Maven Central, run on loopback.

Main path: `command` -> `jars` -> `nodes`, which knows processes; `kafka` and `cassandra` know their software.
"""
