-- The kinds of rows and their fields. A field's text lists the JSON types it may have ("absent": may be left out).
CREATE TABLE kind(
	kind   TEXT PRIMARY KEY,
	fields TEXT NOT NULL CHECK (json_type(fields) = 'object')
) STRICT, WITHOUT ROWID;

INSERT INTO kind(kind, fields) VALUES
-- the recorder's own
('ledger.open', '{"id":"text","format":"integer"}'),
('ledger.migrate', '{"from":"integer","to":"integer","version":"text"}'),
('key', '{"fingerprint":"text","public":"text","reason":"text","endorsed":"text absent"}'),
('clock', '{"reason":"text","synchronised":"true false","was":"text absent","by_s":"real integer absent"}'),
('attempt.interrupted', '{"attempt":"integer","text":"text"}'),
('head.delivered', '{"destination":"text","target":"text","seq":"integer","row_hash":"text"}'),
('head', '{"seq":"integer","row_hash":"text","signed":"text","reason":"text","key":"text","signature":"text"}'),
-- the station's
('station.start', '{"station":"text","version":"text","kernel":"text","boot_id":"text","config_sha256":"text absent","heads":"text absent","operator":"text absent"}'),
('station.stop', '{"reason":"text"}'),
('config', '{"sha256":"text","text":"text absent","reason":"text absent","operator":"text absent"}'),
('fixture', '{"name":"text","kind":"text","slots":"array","reason":"text absent"}'),
('image.add', '{"name":"text","key":"text","codec":"text","size":"integer","mapped":"integer","block_size":"integer","ranges":"integer","source_sha256":"text","bmap_sha256":"text","plan_sha256":"text","plan":"text","source_name":"text absent","mapping":"text absent","operator":"text absent"}'),
('image.remove', '{"name":"text","operator":"text absent","reason":"text absent"}'),
('image.failed', '{"name":"text","code":"text","text":"text"}'),
('job.open', '{"job":"text","image":"text","start":"text","verify":"true false","verify_how":"text absent","unmapped":"text","lun":"integer","wanted":"integer null","image_key":"text absent","plan_sha256":"text absent","order":"text absent","customer":"text absent","product":"text absent","revision":"text absent","lot":"text absent","job_revision":"text absent","operator":"text absent"}'),
('job.signature', '{"job":"text","state":"text","signature":"object","slot":"text absent","serial":"text absent","operator":"text absent","reason":"text absent"}'),
('job.closing', '{"job":"text","reason":"text","operator":"text absent"}'),
('job.close', '{"job":"text","reason":"text","operator":"text absent"}'),
('attempt.open', '{"attempt":"integer","slot":"text","port":"text","serial":"text","serial_source":"text","boot_id":"text","disposition":"text","job":"text absent","reason":"text absent","retry_of":"integer absent","usb_serial":"text absent","diskseq":"integer absent","size":"integer absent","usb_id":"text absent","node":"text absent","image":"text absent","image_key":"text absent","plan_sha256":"text absent","tool":"text absent","kernel":"text absent","mono_ns":"integer absent","fixture":"text absent","hub":"text absent","uboot":"text absent","blank":"text absent","blank_check":"text absent","operator":"text absent","config_sha256":"text absent","nonce":"text absent","start":"text absent","started_by":"text absent"}'),
('attempt.close', '{"attempt":"integer","result":"text","code":"text","blame":"text","text":"text","bytes_written":"integer","bytes_verified":"integer","plan_sha256":"text","readback_sha256":"text","extras_sha256":"text","extras_readback_sha256":"text","verify_method":"text","stages":"array absent","write_s":"real integer absent","verify_s":"real integer absent","image_key":"text absent","retries":"integer absent","retry":"true false absent","ejected":"true false absent","summary_sha256":"text absent","windows":"integer absent","diskseq":"integer absent"}'),
('slot.refused', '{"slot":"text","code":"text","text":"text","serial":"text absent","serial_source":"text absent","port":"text absent","boot_id":"text absent","job":"text absent","diskseq":"integer absent","size":"integer absent","unrecorded":"integer absent"}'),
('slot.ack', '{"slot":"text","attempt":"integer null","operator":"text absent","reason":"text absent"}'),
('slot.release', '{"slot":"text","serial":"text","disposition":"text","reason":"text","operator":"text absent"}'),
('unit.returned', '{"slot":"text","serial":"text","port":"text","attempt":"integer null","boot_id":"text absent","diskseq":"integer absent","how":"text absent"}'),
('unit.leaving', '{"slot":"text","serial":"text","port":"text","attempt":"integer null","outcome":"text","by":"text","after_ms":"integer absent"}'),
('unit.disposition', '{"serial":"text","disposition":"text","reason":"text","attempt":"integer absent","row":"integer absent","operator":"text absent"}'),
('serial.reserve', '{"serial":"text","pool":"text","attempt":"integer","number":"integer absent"}'),
('serial.void', '{"serial":"text","attempt":"integer","reason":"text absent"}'),
('correction', '{"row":"integer","reason":"text","field":"text absent","value":"text absent","operator":"text absent"}'),
('note', '{"text":"text","operator":"text absent"}');

-- The same, a field a row: json_each() at every row of the log would cost more than all other rules.
CREATE TABLE kind_field(
	kind  TEXT NOT NULL,
	path  TEXT NOT NULL,
	types TEXT NOT NULL,
	PRIMARY KEY (kind, path)
) STRICT, WITHOUT ROWID;

INSERT INTO kind_field(kind, path, types)
SELECT kind.kind, '$.' || field.key, ' ' || field.value || ' ' FROM kind, json_each(kind.fields) AS field;

CREATE TRIGGER row_has_a_known_kind BEFORE INSERT ON log
BEGIN
	SELECT RAISE(ABORT, 'there is no such kind of row')
	WHERE NOT EXISTS (SELECT 1 FROM kind WHERE kind = NEW.kind);
END;

CREATE TRIGGER row_has_its_fields BEFORE INSERT ON log
BEGIN
	SELECT RAISE(ABORT, 'a required field is missing or of the wrong type')
	FROM kind_field
	WHERE kind = NEW.kind AND instr(types, ' ' || coalesce(json_type(NEW.body, path), 'absent') || ' ') = 0;
END;

-- All kinds but the two that most rows are of go through one of these: what may not be (before the row is there), and what
-- follows from it. SQLite makes room for each trigger of a table at each row, whether its WHEN holds or not.
CREATE VIEW log_asks(seq, utc, kind, body) AS SELECT seq, utc, kind, body FROM log;
CREATE VIEW log_tells(seq, utc, kind, body) AS SELECT seq, utc, kind, body FROM log;

CREATE TRIGGER log_asks BEFORE INSERT ON log WHEN NEW.seq = 1 OR NEW.kind NOT IN ('attempt.open', 'attempt.close')
BEGIN
	INSERT INTO log_asks VALUES (NEW.seq, NEW.utc, NEW.kind, NEW.body);
END;

CREATE TRIGGER log_tells AFTER INSERT ON log WHEN NEW.kind NOT IN ('attempt.open', 'attempt.close')
BEGIN
	INSERT INTO log_tells VALUES (NEW.seq, NEW.utc, NEW.kind, NEW.body);
END;
