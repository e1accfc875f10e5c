-- Images: every import that was ever confirmed. The plan's text stays in the log (row seq).
CREATE TABLE image(
	seq           INTEGER PRIMARY KEY,
	name          TEXT NOT NULL,
	key           TEXT NOT NULL,
	codec         TEXT NOT NULL,
	size          INTEGER NOT NULL,
	mapped        INTEGER NOT NULL,
	block_size    INTEGER NOT NULL,
	ranges        INTEGER NOT NULL,
	source_sha256 TEXT NOT NULL,
	bmap_sha256   TEXT NOT NULL,
	plan_sha256   TEXT NOT NULL,
	source_name   TEXT NOT NULL,
	mapping       TEXT NOT NULL,
	operator      TEXT NOT NULL,
	added         TEXT NOT NULL,
	removed       TEXT NOT NULL DEFAULT '' -- '': the station offers it
) STRICT;
CREATE INDEX image_name ON image(name);
CREATE INDEX image_key ON image(key);
CREATE INDEX image_plan ON image(plan_sha256);
CREATE INDEX image_source ON image(source_sha256);

CREATE TRIGGER image_add INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'image.add'
BEGIN
	-- A name is one image at a time: the older one of this name steps back.
	UPDATE image SET removed = NEW.utc WHERE name = NEW.body ->> 'name' AND removed = '';

	INSERT INTO image(seq, name, key, codec, size, mapped, block_size, ranges, source_sha256, bmap_sha256, plan_sha256,
		source_name, mapping, operator, added)
	VALUES (NEW.seq, NEW.body ->> 'name', NEW.body ->> 'key', NEW.body ->> 'codec', NEW.body ->> 'size', NEW.body ->> 'mapped',
		NEW.body ->> 'block_size', NEW.body ->> 'ranges', NEW.body ->> 'source_sha256', NEW.body ->> 'bmap_sha256',
		NEW.body ->> 'plan_sha256', coalesce(NEW.body ->> 'source_name', ''), coalesce(NEW.body ->> 'mapping', ''),
		coalesce(NEW.body ->> 'operator', ''), NEW.utc);

	-- A job that was opened while its image was still coming in learns what it is.
	UPDATE job SET image_key = NEW.body ->> 'key', plan_sha256 = NEW.body ->> 'plan_sha256'
	WHERE image = NEW.body ->> 'name' AND closed = '' AND plan_sha256 = '';
END;

CREATE TRIGGER image_remove_names_one INSTEAD OF INSERT ON log_asks WHEN NEW.kind = 'image.remove'
BEGIN
	SELECT RAISE(ABORT, 'there is no such image')
	WHERE NOT EXISTS (SELECT 1 FROM image WHERE name = NEW.body ->> 'name' AND removed = '');
END;

CREATE TRIGGER image_remove INSTEAD OF INSERT ON log_tells WHEN NEW.kind = 'image.remove'
BEGIN
	UPDATE image SET removed = NEW.utc WHERE name = NEW.body ->> 'name' AND removed = '';
END;
