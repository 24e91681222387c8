-- Which schema there is.

-- @exists
SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1::text AND tablename = 'meta'

-- @version
SELECT value FROM outlive.meta WHERE name = 'schema_version'

-- @store_id
SELECT value FROM outlive.meta WHERE name = 'store_id'

-- No row: this database has no such table, or may not show it.
-- @find
SELECT 1 WHERE to_regclass('outlive.meta') IS NOT NULL
