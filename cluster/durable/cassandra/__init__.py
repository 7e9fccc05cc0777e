"""The store in Cassandra 4 or newer, behind `cassandra://host1,host2:9042/keyspace`.

Main path: `store` -> `statements` (CQL) -> `session` (the driver, one a process); `address` reads the URL, `schema` makes tables,
`conditions` judges what became of a conditional batch, `faults` gives the driver's errors our names.
"""
