PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE ends (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
INSERT INTO "ends" VALUES(0,1);
INSERT INTO "ends" VALUES(1,1);
CREATE TABLE entries (partition INTEGER NOT NULL, offset INTEGER NOT NULL, appended_at_s REAL NOT NULL, event TEXT NOT NULL, PRIMARY KEY (partition, offset)) WITHOUT ROWID;
INSERT INTO "entries" VALUES(0,0,1700000000.0,'{"topic":"catalog","kind":"title.changed","key":"t1","entity_version":3,"occurred_at_s":1699999999.5,"value":{"name":"Big Buck Bunny"},"schema_version":1}');
INSERT INTO "entries" VALUES(1,0,1700000000.0,'{"topic":"catalog","kind":"title.removed","key":"t2","entity_version":4,"occurred_at_s":1699999999.5,"value":{},"schema_version":1}');
COMMIT;
