-- The app's own tables, in the same file as the jobs.

-- One record of the data. Costs are whole US dollars.
CREATE TABLE IF NOT EXISTS strike (
  id INTEGER PRIMARY KEY,  -- Its place in the file it came from.
  flight_date TEXT NOT NULL,
  state TEXT NOT NULL,
  airport TEXT NOT NULL,
  aircraft TEXT NOT NULL,
  operator TEXT NOT NULL,
  phase TEXT NOT NULL,
  species TEXT NOT NULL,
  size TEXT NOT NULL,
  time_of_day TEXT NOT NULL,
  damage TEXT NOT NULL,
  cost_other INTEGER NOT NULL,
  cost_repair INTEGER NOT NULL,
  cost_total INTEGER NOT NULL,
  speed_knots INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS strike_by_date ON strike (flight_date, id);

-- One report that a user has asked for, under the id of its job. How far it is stands with the job;
-- what was asked for stays here when the job has been pruned.
CREATE TABLE IF NOT EXISTS report (
  id INTEGER PRIMARY KEY,
  user TEXT NOT NULL,
  parameters TEXT NOT NULL,  -- JSON, as in the job's arguments.
  created_at TEXT NOT NULL   -- RFC 3339, UTC.
) STRICT;
CREATE INDEX IF NOT EXISTS report_by_user ON report (user, id);
