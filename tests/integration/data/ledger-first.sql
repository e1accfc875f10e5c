-- A ledger as the first gangway that kept one wrote it (its tables are of the first db/projections/, its log of
-- db/migrations/001-log.sql): two runs, the last one killed with attempt 5 open. Made from that version's .sql files.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE log(
	seq  INTEGER PRIMARY KEY,
	utc  TEXT NOT NULL CHECK (utc GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z' AND length(utc) = 27),
	kind TEXT NOT NULL,
	body TEXT NOT NULL CHECK (json_type(body) = 'object'),
	prev TEXT NOT NULL CHECK (length(prev) = 64),
	hash TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;
INSERT INTO log VALUES(1,'2026-01-01T01:00:00.000000Z','ledger.open','{"format":1,"id":"00000000-0000-4000-8000-000000000001"}','0000000000000000000000000000000000000000000000000000000000000000','18c32555c8096d5e8412ae09291aa0cfc4d3d79082318222ec364f92c22bd5f2');
INSERT INTO log VALUES(2,'2026-01-01T02:00:00.000000Z','key','{"fingerprint":"47c7e857c7e436b0a9fe95c3fe36f97d4659af2aa161cb701e33eaf13e0592a6","public":"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAkAUHN2VRoWRzYa3hUVW9CTYnH4vwSAkTcKGwL1t/B5w=\n-----END PUBLIC KEY-----\n","reason":"first start"}','18c32555c8096d5e8412ae09291aa0cfc4d3d79082318222ec364f92c22bd5f2','bebbf1a97238a66b14bd7a7c40a5977b8a6adf9d33196786adbdb076328bfbac');
INSERT INTO log VALUES(3,'2026-01-01T03:00:00.000000Z','clock','{"reason":"start","synchronised":true}','bebbf1a97238a66b14bd7a7c40a5977b8a6adf9d33196786adbdb076328bfbac','8514d536502a9a6bbc8586f61cbaa256e29da9c4ddf89abbe294d17e30aa3b9c');
INSERT INTO log VALUES(4,'2026-01-01T04:00:00.000000Z','station.start','{"boot_id":"b","config_sha256":"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","kernel":"k","station":"old","version":"0.0.1"}','8514d536502a9a6bbc8586f61cbaa256e29da9c4ddf89abbe294d17e30aa3b9c','37e97f3ac37fa6e8ca7b13ee3452134b087fd72caf177c9289f92cb548006739');
INSERT INTO log VALUES(5,'2026-01-01T05:00:00.000000Z','config','{"sha256":"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","text":"[station]\n"}','37e97f3ac37fa6e8ca7b13ee3452134b087fd72caf177c9289f92cb548006739','2ecc4cb14dd1ec81795180b87d18c5ffcc8816b4606f80b1d279c46df30e67d2');
INSERT INTO log VALUES(6,'2026-01-01T06:00:00.000000Z','fixture','{"kind":"usb","name":"hub","slots":[{"hub":"1","port":"1-2","slot":"1"}]}','2ecc4cb14dd1ec81795180b87d18c5ffcc8816b4606f80b1d279c46df30e67d2','2ba206589a01eed2e2f583a274d400d6eb49ef94274ba2fdc5d9ffcfb6029cec');
INSERT INTO log VALUES(7,'2026-01-01T07:00:00.000000Z','image.add','{"block_size":4096,"bmap_sha256":"","codec":"xz","key":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk","mapped":4096,"name":"demo","plan":"0 4096 ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7\n","plan_sha256":"edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0","ranges":1,"size":4096,"source_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}','2ba206589a01eed2e2f583a274d400d6eb49ef94274ba2fdc5d9ffcfb6029cec','e6497d2f15ceeb9b9b13930699bb8626d7e7b930ec4476b606f08bfe68387f67');
INSERT INTO log VALUES(8,'2026-01-01T08:00:00.000000Z','job.open','{"customer":"Acme","image":"demo","job":"J1","lot":"L1","lun":0,"order":"O1","start":"auto","unmapped":"keep","verify":true,"wanted":null}','e6497d2f15ceeb9b9b13930699bb8626d7e7b930ec4476b606f08bfe68387f67','d64feab0864afbc73e0e1be74285bbe04c33a524253a0c3d125358d328f211be');
INSERT INTO log VALUES(9,'2026-01-01T09:00:00.000000Z','attempt.open','{"attempt":1,"boot_id":"b","disposition":"first","job":"J1","port":"1-2","serial":"A","serial_source":"usb","slot":"1"}','d64feab0864afbc73e0e1be74285bbe04c33a524253a0c3d125358d328f211be','7f7358c8cd54c5754d6a940a600c6eef7501bbeb591d541f8f2d2295fd43651a');
INSERT INTO log VALUES(10,'2026-01-01T10:00:00.000000Z','attempt.open','{"attempt":2,"boot_id":"b","disposition":"first","job":"J1","port":"1-2","serial":"B","serial_source":"usb","slot":"2"}','7f7358c8cd54c5754d6a940a600c6eef7501bbeb591d541f8f2d2295fd43651a','fb7ad262e01841b50127bd161f3cf188f8eefe110dfc50c16d28c86376f832b9');
INSERT INTO log VALUES(11,'2026-01-01T11:00:00.000000Z','attempt.close','{"attempt":1,"blame":"","bytes_verified":4096,"bytes_written":4096,"code":"","extras_readback_sha256":"","extras_sha256":"","plan_sha256":"edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0","readback_sha256":"edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0","result":"pass","text":"","verify_method":"host-readback","verify_s":0.25,"write_s":0.5}','fb7ad262e01841b50127bd161f3cf188f8eefe110dfc50c16d28c86376f832b9','14dbaf5a28e6d0d84959f9a56c598d229866e8509f6101923fbe1dd5dfc2e043');
INSERT INTO log VALUES(12,'2026-01-01T12:00:00.000000Z','attempt.close','{"attempt":2,"blame":"device","bytes_verified":4096,"bytes_written":4096,"code":"verify-mismatch","extras_readback_sha256":"","extras_sha256":"","plan_sha256":"edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0","readback_sha256":"","result":"fail","text":"","verify_method":"host-readback","verify_s":0.25,"write_s":0.5}','14dbaf5a28e6d0d84959f9a56c598d229866e8509f6101923fbe1dd5dfc2e043','3d998c280582716ded654084c38380107c5c07790ee3627b493cb00a33368389');
INSERT INTO log VALUES(13,'2026-01-01T13:00:00.000000Z','slot.ack','{"attempt":2,"operator":"mia","slot":"2"}','3d998c280582716ded654084c38380107c5c07790ee3627b493cb00a33368389','f27598f6e1c5aaa3bc589e1fc495b18a5ec351418aab0f8dc2a1b4fe54f7509f');
INSERT INTO log VALUES(14,'2026-01-01T14:00:00.000000Z','unit.returned','{"attempt":2,"port":"1-2","serial":"B","slot":"2"}','f27598f6e1c5aaa3bc589e1fc495b18a5ec351418aab0f8dc2a1b4fe54f7509f','6c282b7e1db090d57ba123862c1058fa7b280e5f250cb1d5e81b2fd2ab678ba3');
INSERT INTO log VALUES(15,'2026-01-01T15:00:00.000000Z','slot.release','{"disposition":"retest","reason":"cable","serial":"B","slot":"2"}','6c282b7e1db090d57ba123862c1058fa7b280e5f250cb1d5e81b2fd2ab678ba3','7b2afc43f01c24e547a9853406054abe4abe80d3df412fce92f0864ae4803a4a');
INSERT INTO log VALUES(16,'2026-01-01T16:00:00.000000Z','attempt.open','{"attempt":3,"boot_id":"b","disposition":"retest","job":"J1","port":"1-2","reason":"cable","serial":"B","serial_source":"usb","slot":"2"}','7b2afc43f01c24e547a9853406054abe4abe80d3df412fce92f0864ae4803a4a','02bc2bb043c7aad3dd81ea04f699481d0c305edb4874e8540c350f9ed921aeac');
INSERT INTO log VALUES(17,'2026-01-01T17:00:00.000000Z','attempt.close','{"attempt":3,"blame":"","bytes_verified":4096,"bytes_written":4096,"code":"","extras_readback_sha256":"","extras_sha256":"","plan_sha256":"edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0","readback_sha256":"edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0","result":"pass","text":"","verify_method":"host-readback","verify_s":0.25,"write_s":0.5}','02bc2bb043c7aad3dd81ea04f699481d0c305edb4874e8540c350f9ed921aeac','18a71f5efd9762d8eb5443612eb5a70c297aa3821bfadabf7851ca7970a71ddd');
INSERT INTO log VALUES(18,'2026-01-01T18:00:00.000000Z','attempt.open','{"attempt":4,"boot_id":"b","disposition":"first","job":"J1","port":"1-2","serial":"","serial_source":"","slot":"3"}','18a71f5efd9762d8eb5443612eb5a70c297aa3821bfadabf7851ca7970a71ddd','91a09edd23a33968a2735a9eac0b6e688a8eb652a965ac51fb90bb51f0917321');
INSERT INTO log VALUES(19,'2026-01-01T19:00:00.000000Z','attempt.close','{"attempt":4,"blame":"device","bytes_verified":4096,"bytes_written":4096,"code":"write-error","extras_readback_sha256":"","extras_sha256":"","plan_sha256":"edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0","readback_sha256":"","result":"fail","text":"","verify_method":"host-readback","verify_s":0.25,"write_s":0.5}','91a09edd23a33968a2735a9eac0b6e688a8eb652a965ac51fb90bb51f0917321','678195d473882323bcb813b2834c507e04adfe98a9443066363fd2fb3488ea54');
INSERT INTO log VALUES(20,'2026-01-01T20:00:00.000000Z','slot.refused','{"code":"target-mismatch","serial":"X","slot":"4","text":"too small"}','678195d473882323bcb813b2834c507e04adfe98a9443066363fd2fb3488ea54','41e07071d0b73d1fa8328cbbae5278dcfd80a971f80adcc04e8ea2f1d471a405');
INSERT INTO log VALUES(21,'2026-01-01T21:00:00.000000Z','unit.disposition','{"disposition":"quarantine","operator":"qa","reason":"dropped","serial":"A"}','41e07071d0b73d1fa8328cbbae5278dcfd80a971f80adcc04e8ea2f1d471a405','cea951ab87a4716f8599c185ff6fb066aecb79d211d22388f7b669b980b62ea8');
INSERT INTO log VALUES(22,'2026-01-01T22:00:00.000000Z','correction','{"field":"serial","operator":"qa","reason":"typing error","row":9,"value":"A2"}','cea951ab87a4716f8599c185ff6fb066aecb79d211d22388f7b669b980b62ea8','18e5ea79e21463f67fab54ff71d85f1120fa5104beb483143e62dc5318eac364');
INSERT INTO log VALUES(23,'2026-01-01T23:00:00.000000Z','job.close','{"job":"J1","reason":"complete"}','18e5ea79e21463f67fab54ff71d85f1120fa5104beb483143e62dc5318eac364','085bfae758dc2dfaf0ef9e30880f4a58c71e686cd6edc77ce3df8ebc5ae2c86d');
INSERT INTO log VALUES(24,'2026-01-02T01:00:00.000000Z','head','{"key":"47c7e857c7e436b0a9fe95c3fe36f97d4659af2aa161cb701e33eaf13e0592a6","reason":"job.close","row_hash":"085bfae758dc2dfaf0ef9e30880f4a58c71e686cd6edc77ce3df8ebc5ae2c86d","seq":23,"signature":"a7f48d096e49c7e5a3610a03b5bedec7b2d5f627f230b7df1c97d4c10e8f469cff154f00cf6feccc7fab4ecefe4f8319a1d259764a87e0888f1f1384c6632d0e","signed":"2026-01-02T00:00:00.000000Z"}','085bfae758dc2dfaf0ef9e30880f4a58c71e686cd6edc77ce3df8ebc5ae2c86d','6ac35b5fe68fdb241e1d07d07f89fbd247bcc3a08cc7259bbfab1046b4f9f8fd');
INSERT INTO log VALUES(25,'2026-01-02T02:00:00.000000Z','station.stop','{"reason":"operator"}','6ac35b5fe68fdb241e1d07d07f89fbd247bcc3a08cc7259bbfab1046b4f9f8fd','862978c7eb3bd68143b7bbe23cd3af18733705dd81b56b368d0cd76a0cfad1b4');
INSERT INTO log VALUES(26,'2026-01-02T03:00:00.000000Z','station.start','{"boot_id":"b2","kernel":"k","station":"old","version":"0.0.1"}','862978c7eb3bd68143b7bbe23cd3af18733705dd81b56b368d0cd76a0cfad1b4','05a68756eb997ad36b0d866f743942b4dfa659e939796a09474546dcccac35de');
INSERT INTO log VALUES(27,'2026-01-02T04:00:00.000000Z','job.open','{"image":"demo","job":"J2","lot":"L2","lun":0,"start":"auto","unmapped":"keep","verify":true,"wanted":5}','05a68756eb997ad36b0d866f743942b4dfa659e939796a09474546dcccac35de','d8b0629e994530f0fdf7f978613668fc390abd4e2c8c720d47ebd224acd2383b');
INSERT INTO log VALUES(28,'2026-01-02T05:00:00.000000Z','attempt.open','{"attempt":5,"boot_id":"b2","disposition":"first","job":"J2","port":"1-2","serial":"C","serial_source":"usb","slot":"1"}','d8b0629e994530f0fdf7f978613668fc390abd4e2c8c720d47ebd224acd2383b','d04fc4b6909dd13706d3b61f6a7914d25b2360f61de645e4f8cf4f6685f78d47');
CREATE TABLE kind(
	kind   TEXT PRIMARY KEY,
	fields TEXT NOT NULL CHECK (json_type(fields) = 'object')
) STRICT, WITHOUT ROWID;
INSERT INTO kind VALUES('attempt.close','{"attempt":"integer","result":"text","code":"text","blame":"text","text":"text","bytes_written":"integer","bytes_verified":"integer","plan_sha256":"text","readback_sha256":"text","extras_sha256":"text","extras_readback_sha256":"text","verify_method":"text","stages":"array absent","write_s":"real integer absent","verify_s":"real integer absent","image_key":"text absent","retries":"integer absent","ejected":"true false absent"}');
INSERT INTO kind VALUES('attempt.interrupted','{"attempt":"integer","text":"text"}');
INSERT INTO kind VALUES('attempt.open','{"attempt":"integer","slot":"text","port":"text","serial":"text","serial_source":"text","boot_id":"text","disposition":"text","job":"text absent","reason":"text absent","diskseq":"integer absent","size":"integer absent","usb_id":"text absent","node":"text absent","image":"text absent","image_key":"text absent","plan_sha256":"text absent","tool":"text absent","kernel":"text absent","mono_ns":"integer absent","fixture":"text absent","hub":"text absent","uboot":"text absent","blank":"text absent","operator":"text absent","config_sha256":"text absent"}');
INSERT INTO kind VALUES('clock','{"reason":"text","synchronised":"true false","was":"text absent","by_s":"real integer absent"}');
INSERT INTO kind VALUES('config','{"sha256":"text","text":"text absent","reason":"text absent","operator":"text absent"}');
INSERT INTO kind VALUES('correction','{"row":"integer","reason":"text","field":"text absent","value":"text absent","operator":"text absent"}');
INSERT INTO kind VALUES('fixture','{"name":"text","kind":"text","slots":"array","reason":"text absent"}');
INSERT INTO kind VALUES('head','{"seq":"integer","row_hash":"text","signed":"text","reason":"text","key":"text","signature":"text"}');
INSERT INTO kind VALUES('image.add','{"name":"text","key":"text","codec":"text","size":"integer","mapped":"integer","block_size":"integer","ranges":"integer","source_sha256":"text","bmap_sha256":"text","plan_sha256":"text","plan":"text","source_name":"text absent","mapping":"text absent","operator":"text absent"}');
INSERT INTO kind VALUES('image.failed','{"name":"text","code":"text","text":"text"}');
INSERT INTO kind VALUES('image.remove','{"name":"text","operator":"text absent","reason":"text absent"}');
INSERT INTO kind VALUES('job.close','{"job":"text","reason":"text","operator":"text absent"}');
INSERT INTO kind VALUES('job.open','{"job":"text","image":"text","start":"text","verify":"true false","unmapped":"text","lun":"integer","wanted":"integer null","image_key":"text absent","plan_sha256":"text absent","order":"text absent","customer":"text absent","product":"text absent","revision":"text absent","lot":"text absent","job_revision":"text absent","operator":"text absent"}');
INSERT INTO kind VALUES('key','{"fingerprint":"text","public":"text","reason":"text","endorsed":"text absent"}');
INSERT INTO kind VALUES('ledger.migrate','{"from":"integer","to":"integer","version":"text"}');
INSERT INTO kind VALUES('ledger.open','{"id":"text","format":"integer"}');
INSERT INTO kind VALUES('note','{"text":"text","operator":"text absent"}');
INSERT INTO kind VALUES('serial.reserve','{"serial":"text","pool":"text","attempt":"integer"}');
INSERT INTO kind VALUES('slot.ack','{"slot":"text","attempt":"integer null","operator":"text absent","reason":"text absent"}');
INSERT INTO kind VALUES('slot.refused','{"slot":"text","code":"text","text":"text","serial":"text absent","serial_source":"text absent","port":"text absent","boot_id":"text absent","job":"text absent","diskseq":"integer absent","size":"integer absent"}');
INSERT INTO kind VALUES('slot.release','{"slot":"text","serial":"text","disposition":"text","reason":"text","operator":"text absent"}');
INSERT INTO kind VALUES('station.start','{"station":"text","version":"text","kernel":"text","boot_id":"text","config_sha256":"text absent","operator":"text absent"}');
INSERT INTO kind VALUES('station.stop','{"reason":"text"}');
INSERT INTO kind VALUES('unit.disposition','{"serial":"text","disposition":"text","reason":"text","operator":"text absent"}');
INSERT INTO kind VALUES('unit.returned','{"slot":"text","serial":"text","port":"text","attempt":"integer null","boot_id":"text absent","diskseq":"integer absent","how":"text absent"}');
CREATE TABLE ledger(
	seq    INTEGER PRIMARY KEY CHECK (seq = 1),
	id     TEXT NOT NULL,
	opened TEXT NOT NULL
) STRICT;
INSERT INTO ledger VALUES(1,'00000000-0000-4000-8000-000000000001','2026-01-01T01:00:00.000000Z');
CREATE TABLE run(
	seq           INTEGER PRIMARY KEY,
	station       TEXT NOT NULL,
	version       TEXT NOT NULL,
	kernel        TEXT NOT NULL,
	boot_id       TEXT NOT NULL,
	config_sha256 TEXT NOT NULL,
	started       TEXT NOT NULL,
	stopped       TEXT NOT NULL DEFAULT '', -- '': it runs, or it ended without a word
	reason        TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO run VALUES(4,'old','0.0.1','k','b','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','2026-01-01T04:00:00.000000Z','2026-01-02T02:00:00.000000Z','operator');
INSERT INTO run VALUES(26,'old','0.0.1','k','b2','','2026-01-02T03:00:00.000000Z','','');
CREATE TABLE key(
	seq         INTEGER PRIMARY KEY,
	fingerprint TEXT NOT NULL,
	public      TEXT NOT NULL,
	reason      TEXT NOT NULL,
	since       TEXT NOT NULL
) STRICT;
INSERT INTO "key" VALUES(2,'47c7e857c7e436b0a9fe95c3fe36f97d4659af2aa161cb701e33eaf13e0592a6',replace('-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAkAUHN2VRoWRzYa3hUVW9CTYnH4vwSAkTcKGwL1t/B5w=\n-----END PUBLIC KEY-----\n','\n',char(10)),'first start','2026-01-01T02:00:00.000000Z');
CREATE TABLE head(
	seq       INTEGER PRIMARY KEY, -- the head row's own
	row       INTEGER NOT NULL,    -- the row it speaks of
	row_hash  TEXT NOT NULL,
	signed    TEXT NOT NULL,
	reason    TEXT NOT NULL,
	key       TEXT NOT NULL,
	signature TEXT NOT NULL
) STRICT;
INSERT INTO head VALUES(24,23,'085bfae758dc2dfaf0ef9e30880f4a58c71e686cd6edc77ce3df8ebc5ae2c86d','2026-01-02T00:00:00.000000Z','job.close','47c7e857c7e436b0a9fe95c3fe36f97d4659af2aa161cb701e33eaf13e0592a6','a7f48d096e49c7e5a3610a03b5bedec7b2d5f627f230b7df1c97d4c10e8f469cff154f00cf6feccc7fab4ecefe4f8319a1d259764a87e0888f1f1384c6632d0e');
CREATE TABLE correction(
	seq      INTEGER PRIMARY KEY,
	row      INTEGER NOT NULL,
	field    TEXT NOT NULL,
	value    TEXT NOT NULL,
	reason   TEXT NOT NULL,
	operator TEXT NOT NULL,
	utc      TEXT NOT NULL
) STRICT;
INSERT INTO correction VALUES(22,9,'serial','A2','typing error','qa','2026-01-01T22:00:00.000000Z');
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
INSERT INTO image VALUES(7,'demo','kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk','xz',4096,4096,4096,1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','','edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0','','','','2026-01-01T07:00:00.000000Z','');
CREATE TABLE job(
	seq          INTEGER PRIMARY KEY,
	job          TEXT NOT NULL UNIQUE,
	image        TEXT NOT NULL,
	image_key    TEXT NOT NULL,
	plan_sha256  TEXT NOT NULL,
	wanted       INTEGER, -- units; NULL: no limit
	start        TEXT NOT NULL,
	verify       INTEGER NOT NULL,
	unmapped     TEXT NOT NULL,
	lun          INTEGER NOT NULL,
	work_order   TEXT NOT NULL,
	customer     TEXT NOT NULL,
	product      TEXT NOT NULL,
	revision     TEXT NOT NULL,
	lot          TEXT NOT NULL,
	job_revision TEXT NOT NULL,
	operator     TEXT NOT NULL,
	opened       TEXT NOT NULL,
	closed       TEXT NOT NULL DEFAULT '', -- '': open
	close_reason TEXT NOT NULL DEFAULT '',
	-- attempts
	pass         INTEGER NOT NULL DEFAULT 0,
	fail         INTEGER NOT NULL DEFAULT 0, -- that blame the device
	fail_other   INTEGER NOT NULL DEFAULT 0, -- that blame something else
	unverified   INTEGER NOT NULL DEFAULT 0,
	aborted      INTEGER NOT NULL DEFAULT 0,
	interrupted  INTEGER NOT NULL DEFAULT 0,
	refused      INTEGER NOT NULL DEFAULT 0, -- boards turned away before any byte
	-- units (60-yield.sql)
	first_units  INTEGER NOT NULL DEFAULT 0,
	first_pass   INTEGER NOT NULL DEFAULT 0,
	units        INTEGER NOT NULL DEFAULT 0,
	units_pass   INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO job VALUES(8,'J1','demo','','',NULL,'auto',1,'keep',0,'O1','Acme','','','L1','','','2026-01-01T08:00:00.000000Z','2026-01-01T23:00:00.000000Z','complete',2,2,0,0,0,0,0,3,1,3,2);
INSERT INTO job VALUES(27,'J2','demo','','',5,'auto',1,'keep',0,'','','','','L2','','','2026-01-02T04:00:00.000000Z','','',0,0,0,0,0,0,0,0,0,0,0);
CREATE TABLE attempt(
	attempt                INTEGER PRIMARY KEY,
	open_seq               INTEGER NOT NULL,
	close_seq              INTEGER, -- of attempt.close or attempt.interrupted
	run                    INTEGER NOT NULL,
	job                    TEXT NOT NULL,
	unit                   TEXT NOT NULL, -- the serial; '#attempt' for a board without one
	number                 INTEGER NOT NULL, -- 1: this unit's first attempt
	slot                   TEXT NOT NULL,
	port                   TEXT NOT NULL,
	fixture                TEXT NOT NULL,
	hub                    TEXT NOT NULL,
	serial                 TEXT NOT NULL,
	serial_source          TEXT NOT NULL,
	boot_id                TEXT NOT NULL,
	diskseq                INTEGER,
	size                   INTEGER,
	usb_id                 TEXT NOT NULL,
	uboot                  TEXT NOT NULL,
	blank                  TEXT NOT NULL,
	node                   TEXT NOT NULL,
	image                  TEXT NOT NULL,
	image_key              TEXT NOT NULL,
	plan_sha256            TEXT NOT NULL,
	tool                   TEXT NOT NULL,
	kernel                 TEXT NOT NULL,
	config_sha256          TEXT NOT NULL,
	operator               TEXT NOT NULL,
	disposition            TEXT NOT NULL, -- first, retest, rework
	reason                 TEXT NOT NULL,
	clock_synchronised     INTEGER NOT NULL,
	opened                 TEXT NOT NULL,
	opened_mono_ns         INTEGER,
	-- until it is closed: 'open' and nothing
	result                 TEXT NOT NULL DEFAULT 'open', -- open, pass, fail, unverified, aborted, interrupted
	counted                INTEGER NOT NULL DEFAULT 0, -- 1: it counts for yield (a PASS, or a FAIL that blames the device)
	code                   TEXT NOT NULL DEFAULT '',
	blame                  TEXT NOT NULL DEFAULT '',
	text                   TEXT NOT NULL DEFAULT '',
	closed                 TEXT NOT NULL DEFAULT '',
	bytes_written          INTEGER NOT NULL DEFAULT 0,
	bytes_verified         INTEGER NOT NULL DEFAULT 0,
	readback_sha256        TEXT NOT NULL DEFAULT '',
	extras_sha256          TEXT NOT NULL DEFAULT '',
	extras_readback_sha256 TEXT NOT NULL DEFAULT '',
	verify_method          TEXT NOT NULL DEFAULT '',
	write_s                REAL,
	verify_s               REAL,
	retries                INTEGER,
	stages                 TEXT NOT NULL DEFAULT '[]',
	acknowledged           TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO attempt VALUES(1,9,11,4,'J1','A',1,'1','1-2','','','A','usb','b',NULL,NULL,'','','','','demo','kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk','edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0','0.0.1','k','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','','first','',1,'2026-01-01T09:00:00.000000Z',NULL,'pass',1,'','','','2026-01-01T11:00:00.000000Z',4096,4096,'edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0','','','host-readback',0.5,0.25,NULL,'[]','');
INSERT INTO attempt VALUES(2,10,12,4,'J1','B',1,'2','1-2','','','B','usb','b',NULL,NULL,'','','','','demo','kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk','edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0','0.0.1','k','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','','first','',1,'2026-01-01T10:00:00.000000Z',NULL,'fail',1,'verify-mismatch','device','','2026-01-01T12:00:00.000000Z',4096,4096,'','','','host-readback',0.5,0.25,NULL,'[]','2026-01-01T13:00:00.000000Z');
INSERT INTO attempt VALUES(3,16,17,4,'J1','B',2,'2','1-2','','','B','usb','b',NULL,NULL,'','','','','demo','kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk','edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0','0.0.1','k','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','','retest','cable',1,'2026-01-01T16:00:00.000000Z',NULL,'pass',1,'','','','2026-01-01T17:00:00.000000Z',4096,4096,'edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0','','','host-readback',0.5,0.25,NULL,'[]','');
INSERT INTO attempt VALUES(4,18,19,4,'J1','#4',1,'3','1-2','','','','','b',NULL,NULL,'','','','','demo','kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk','edea69e5a5a562ce3b701b6b79e3e25c6a76919d5518fc1d78a003d986e5b8f0','0.0.1','k','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','','first','',1,'2026-01-01T18:00:00.000000Z',NULL,'fail',1,'write-error','device','','2026-01-01T19:00:00.000000Z',4096,4096,'','','','host-readback',0.5,0.25,NULL,'[]','');
INSERT INTO attempt VALUES(5,28,NULL,26,'J2','C',1,'1','1-2','','','C','usb','b2',NULL,NULL,'','','','','demo','','','0.0.1','k','','','first','',1,'2026-01-02T05:00:00.000000Z',NULL,'open',0,'','','','',0,0,'','','','',NULL,NULL,NULL,'[]','');
CREATE TABLE unit(
	unit          TEXT PRIMARY KEY,
	serial        TEXT NOT NULL,
	serial_source TEXT NOT NULL,
	size          INTEGER,
	usb_id        TEXT NOT NULL,
	attempts      INTEGER NOT NULL DEFAULT 0,
	first_attempt INTEGER NOT NULL,
	last_attempt  INTEGER NOT NULL,
	result        TEXT NOT NULL DEFAULT '', -- the last verdict; '' until there is one
	result_attempt INTEGER,
	returned      INTEGER NOT NULL DEFAULT 0, -- times it was loaded again after a verdict
	disposition   TEXT NOT NULL DEFAULT '' -- '', scrapped, quarantine, released
) STRICT, WITHOUT ROWID;
INSERT INTO unit VALUES('#4','','',NULL,'',1,4,4,'fail',4,0,'');
INSERT INTO unit VALUES('A','A','usb',NULL,'',1,1,1,'pass',1,0,'quarantine');
INSERT INTO unit VALUES('B','B','usb',NULL,'',2,2,3,'pass',3,1,'');
INSERT INTO unit VALUES('C','C','usb',NULL,'',1,5,5,'',NULL,0,'');
CREATE TABLE slot(
	slot         TEXT PRIMARY KEY,
	attempt      INTEGER NOT NULL, -- the last one
	acknowledged INTEGER NOT NULL DEFAULT 0,
	attempts     INTEGER NOT NULL DEFAULT 0,
	pass         INTEGER NOT NULL DEFAULT 0,
	fail         INTEGER NOT NULL DEFAULT 0, -- that blame the device
	failed_in_a_row INTEGER NOT NULL DEFAULT 0 -- likewise
) STRICT, WITHOUT ROWID;
INSERT INTO slot VALUES('1',5,0,2,1,0,0);
INSERT INTO slot VALUES('2',3,0,2,1,1,0);
INSERT INTO slot VALUES('3',4,0,1,0,1,1);
CREATE TABLE refusal(
	seq     INTEGER PRIMARY KEY,
	utc     TEXT NOT NULL,
	slot    TEXT NOT NULL,
	serial  TEXT NOT NULL,
	job     TEXT NOT NULL,
	code    TEXT NOT NULL,
	text    TEXT NOT NULL
) STRICT;
INSERT INTO refusal VALUES(20,'2026-01-01T20:00:00.000000Z','4','X','','target-mismatch','too small');
CREATE TABLE returned(
	seq     INTEGER PRIMARY KEY,
	utc     TEXT NOT NULL,
	slot    TEXT NOT NULL,
	serial  TEXT NOT NULL,
	attempt INTEGER -- the verdict it came back with
) STRICT;
INSERT INTO returned VALUES(14,'2026-01-01T14:00:00.000000Z','2','B',2);
CREATE TABLE disposition(
	seq         INTEGER PRIMARY KEY,
	utc         TEXT NOT NULL,
	serial      TEXT NOT NULL,
	disposition TEXT NOT NULL, -- scrapped, quarantine, released; retest or rework when a held board was released
	reason      TEXT NOT NULL,
	operator    TEXT NOT NULL
) STRICT;
INSERT INTO disposition VALUES(15,'2026-01-01T15:00:00.000000Z','B','retest','cable','');
INSERT INTO disposition VALUES(21,'2026-01-01T21:00:00.000000Z','A','quarantine','dropped','qa');
CREATE TABLE serial_number(
	serial   TEXT PRIMARY KEY,
	pool     TEXT NOT NULL,
	attempt  INTEGER NOT NULL,
	reserved TEXT NOT NULL,
	state    TEXT NOT NULL DEFAULT 'reserved' -- consumed by a PASS, void after anything else
) STRICT, WITHOUT ROWID;
CREATE TABLE job_unit(
	job          TEXT NOT NULL,
	unit         TEXT NOT NULL,
	counted      INTEGER NOT NULL DEFAULT 0, -- its counted attempts
	day          TEXT NOT NULL DEFAULT '',   -- where it counts in yield_day
	slot         TEXT NOT NULL DEFAULT '',
	passed       INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (job, unit)
) STRICT, WITHOUT ROWID;
INSERT INTO job_unit VALUES('J1','#4',1,'2026-01-01','3',0);
INSERT INTO job_unit VALUES('J1','A',1,'2026-01-01','1',1);
INSERT INTO job_unit VALUES('J1','B',2,'2026-01-01','2',1);
CREATE TABLE yield_day(
	day         TEXT NOT NULL, -- of the close, UTC
	job         TEXT NOT NULL,
	slot        TEXT NOT NULL,
	pass        INTEGER NOT NULL DEFAULT 0,
	fail        INTEGER NOT NULL DEFAULT 0,
	fail_other  INTEGER NOT NULL DEFAULT 0,
	unverified  INTEGER NOT NULL DEFAULT 0,
	aborted     INTEGER NOT NULL DEFAULT 0,
	interrupted INTEGER NOT NULL DEFAULT 0,
	first_units INTEGER NOT NULL DEFAULT 0,
	first_pass  INTEGER NOT NULL DEFAULT 0,
	units       INTEGER NOT NULL DEFAULT 0,
	units_pass  INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (day, job, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO yield_day VALUES('2026-01-01','J1','1',1,0,0,0,0,0,1,1,1,1);
INSERT INTO yield_day VALUES('2026-01-01','J1','2',1,1,0,0,0,0,1,0,1,1);
INSERT INTO yield_day VALUES('2026-01-01','J1','3',0,1,0,0,0,0,1,0,1,0);
CREATE INDEX log_kind ON log(kind, seq);
CREATE INDEX log_utc ON log(utc);
CREATE TRIGGER log_is_never_updated BEFORE UPDATE ON log
BEGIN
	SELECT RAISE(ABORT, 'the log is append-only: a correction is a new row');
END;
CREATE TRIGGER log_is_never_deleted BEFORE DELETE ON log
BEGIN
	SELECT RAISE(ABORT, 'the log is append-only: nothing is ever deleted');
END;
CREATE TRIGGER log_is_in_order BEFORE INSERT ON log
BEGIN
	SELECT RAISE(ABORT, 'seq is not one more than the last row''s')
	WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM log);

	SELECT RAISE(ABORT, 'prev is not the last row''s hash')
	WHERE NEW.prev IS NOT coalesce((SELECT hash FROM log ORDER BY seq DESC LIMIT 1), printf('%064d', 0));

	SELECT RAISE(ABORT, 'utc is before the last row''s, and no clock row says so')
	WHERE NEW.kind IS NOT 'clock' AND NEW.utc < (SELECT utc FROM log ORDER BY seq DESC LIMIT 1);
END;
CREATE TRIGGER row_has_a_known_kind_and_its_fields BEFORE INSERT ON log
BEGIN
	SELECT RAISE(ABORT, 'there is no such kind of row')
	WHERE NEW.kind NOT IN (SELECT kind FROM kind);

	SELECT RAISE(ABORT, 'a required field is missing or of the wrong type')
	FROM kind, json_each(kind.fields) AS field
	WHERE kind.kind = NEW.kind
	AND instr(' ' || field.value || ' ', ' ' || coalesce(json_type(NEW.body, '$.' || field.key), 'absent') || ' ') = 0;
END;
CREATE INDEX head_row ON head(row);
CREATE INDEX correction_row ON correction(row);
CREATE TRIGGER ledger_open_is_row_1 BEFORE INSERT ON log WHEN (NEW.kind = 'ledger.open') <> (NEW.seq = 1)
BEGIN
	SELECT RAISE(ABORT, 'ledger.open is the first row, and only the first');
END;
CREATE TRIGGER ledger_open AFTER INSERT ON log WHEN NEW.kind = 'ledger.open'
BEGIN
	INSERT INTO ledger(seq, id, opened) VALUES (NEW.seq, NEW.body ->> 'id', NEW.utc);
END;
CREATE TRIGGER station_start AFTER INSERT ON log WHEN NEW.kind = 'station.start'
BEGIN
	INSERT INTO run(seq, station, version, kernel, boot_id, config_sha256, started)
	VALUES (NEW.seq, NEW.body ->> 'station', NEW.body ->> 'version', NEW.body ->> 'kernel', NEW.body ->> 'boot_id',
		coalesce(NEW.body ->> 'config_sha256', ''), NEW.utc);
END;
CREATE TRIGGER station_stop_is_clean BEFORE INSERT ON log WHEN NEW.kind = 'station.stop'
BEGIN
	SELECT RAISE(ABORT, 'the station stops while an attempt is open') WHERE EXISTS (SELECT 1 FROM attempt WHERE result = 'open');
	SELECT RAISE(ABORT, 'the station stops without having started')
	WHERE NOT EXISTS (SELECT 1 FROM run WHERE seq = (SELECT max(seq) FROM run) AND stopped = '');
END;
CREATE TRIGGER station_stop AFTER INSERT ON log WHEN NEW.kind = 'station.stop'
BEGIN
	UPDATE run SET stopped = NEW.utc, reason = NEW.body ->> 'reason' WHERE seq = (SELECT max(seq) FROM run);
END;
CREATE TRIGGER key_known AFTER INSERT ON log WHEN NEW.kind = 'key'
BEGIN
	INSERT INTO key(seq, fingerprint, public, reason, since)
	VALUES (NEW.seq, NEW.body ->> 'fingerprint', NEW.body ->> 'public', NEW.body ->> 'reason', NEW.utc);
END;
CREATE TRIGGER head_is_true BEFORE INSERT ON log WHEN NEW.kind = 'head'
BEGIN
	SELECT RAISE(ABORT, 'the head names another hash than the row has')
	WHERE NEW.body ->> 'row_hash' IS NOT (SELECT hash FROM log WHERE seq = NEW.body ->> 'seq');

	SELECT RAISE(ABORT, 'the head is not signed with the ledger''s current key')
	WHERE NEW.body ->> 'key' IS NOT (SELECT fingerprint FROM key ORDER BY seq DESC LIMIT 1);
END;
CREATE TRIGGER head_signed AFTER INSERT ON log WHEN NEW.kind = 'head'
BEGIN
	INSERT INTO head(seq, row, row_hash, signed, reason, key, signature)
	VALUES (NEW.seq, NEW.body ->> 'seq', NEW.body ->> 'row_hash', NEW.body ->> 'signed', NEW.body ->> 'reason',
		NEW.body ->> 'key', NEW.body ->> 'signature');
END;
CREATE TRIGGER correction_points_back BEFORE INSERT ON log WHEN NEW.kind = 'correction'
BEGIN
	SELECT RAISE(ABORT, 'a correction points at an earlier row and has a reason')
	WHERE NOT EXISTS (SELECT 1 FROM log WHERE seq = NEW.body ->> 'row') OR NEW.body ->> 'reason' = '';
END;
CREATE TRIGGER correction_made AFTER INSERT ON log WHEN NEW.kind = 'correction'
BEGIN
	INSERT INTO correction(seq, row, field, value, reason, operator, utc)
	VALUES (NEW.seq, NEW.body ->> 'row', coalesce(NEW.body ->> 'field', ''), coalesce(NEW.body ->> 'value', ''),
		NEW.body ->> 'reason', coalesce(NEW.body ->> 'operator', ''), NEW.utc);
END;
CREATE INDEX image_name ON image(name);
CREATE INDEX image_key ON image(key);
CREATE INDEX image_plan ON image(plan_sha256);
CREATE INDEX image_source ON image(source_sha256);
CREATE TRIGGER image_add AFTER INSERT ON log WHEN NEW.kind = 'image.add'
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
END
;
CREATE TRIGGER image_remove_names_one BEFORE INSERT ON log WHEN NEW.kind = 'image.remove'
BEGIN
	SELECT RAISE(ABORT, 'there is no such image')
	WHERE NOT EXISTS (SELECT 1 FROM image WHERE name = NEW.body ->> 'name' AND removed = '');
END;
CREATE TRIGGER image_remove AFTER INSERT ON log WHEN NEW.kind = 'image.remove'
BEGIN
	UPDATE image SET removed = NEW.utc WHERE name = NEW.body ->> 'name' AND removed = '';
END;
CREATE INDEX job_lot ON job(lot);
CREATE INDEX job_order ON job(work_order);
CREATE INDEX job_image ON job(image_key);
CREATE INDEX job_open ON job(seq) WHERE closed = '';
CREATE TRIGGER job_open_is_new BEFORE INSERT ON log WHEN NEW.kind = 'job.open'
BEGIN
	SELECT RAISE(ABORT, 'this job id was used before') WHERE EXISTS (SELECT 1 FROM job WHERE job = NEW.body ->> 'job');
	SELECT RAISE(ABORT, 'the wanted quantity is not above 0') WHERE NEW.body ->> 'wanted' <= 0;
END;
CREATE TRIGGER job_opened AFTER INSERT ON log WHEN NEW.kind = 'job.open'
BEGIN
	INSERT INTO job(seq, job, image, image_key, plan_sha256, wanted, start, verify, unmapped, lun,
		work_order, customer, product, revision, lot, job_revision, operator, opened)
	VALUES (NEW.seq, NEW.body ->> 'job', NEW.body ->> 'image', coalesce(NEW.body ->> 'image_key', ''),
		coalesce(NEW.body ->> 'plan_sha256', ''), NEW.body ->> 'wanted', NEW.body ->> 'start', NEW.body ->> 'verify',
		NEW.body ->> 'unmapped', NEW.body ->> 'lun', coalesce(NEW.body ->> 'order', ''), coalesce(NEW.body ->> 'customer', ''),
		coalesce(NEW.body ->> 'product', ''), coalesce(NEW.body ->> 'revision', ''), coalesce(NEW.body ->> 'lot', ''),
		coalesce(NEW.body ->> 'job_revision', ''), coalesce(NEW.body ->> 'operator', ''), NEW.utc);
END;
CREATE TRIGGER job_close_is_of_an_open_one BEFORE INSERT ON log WHEN NEW.kind = 'job.close'
BEGIN
	SELECT RAISE(ABORT, 'this job is not open') WHERE NOT EXISTS (SELECT 1 FROM job WHERE job = NEW.body ->> 'job' AND closed = '');
END;
CREATE TRIGGER job_closed AFTER INSERT ON log WHEN NEW.kind = 'job.close'
BEGIN
	UPDATE job SET closed = NEW.utc, close_reason = NEW.body ->> 'reason' WHERE job = NEW.body ->> 'job';
END;
CREATE INDEX attempt_unit ON attempt(unit, attempt);
CREATE INDEX attempt_job ON attempt(job, result, attempt);
CREATE INDEX attempt_slot ON attempt(slot, attempt);
CREATE INDEX attempt_image ON attempt(image_key, result);
CREATE INDEX attempt_plan ON attempt(plan_sha256, result);
CREATE INDEX attempt_closed ON attempt(closed);
CREATE INDEX attempt_result ON attempt(result, attempt);
CREATE INDEX refusal_serial ON refusal(serial);
CREATE INDEX returned_serial ON returned(serial);
CREATE INDEX disposition_serial ON disposition(serial);
CREATE INDEX serial_number_attempt ON serial_number(attempt);
CREATE TRIGGER attempt_open_is_allowed BEFORE INSERT ON log WHEN NEW.kind = 'attempt.open'
BEGIN
	SELECT RAISE(ABORT, 'this attempt number was used before or is out of order')
	WHERE NEW.body ->> 'attempt' <= (SELECT coalesce(max(attempt), 0) FROM attempt);

	SELECT RAISE(ABORT, 'its job is not open')
	WHERE coalesce(NEW.body ->> 'job', '') <> '' AND NOT EXISTS (SELECT 1 FROM job WHERE job = NEW.body ->> 'job' AND closed = '');

	SELECT RAISE(ABORT, 'its disposition is none of first, retest, rework')
	WHERE NEW.body ->> 'disposition' NOT IN ('first', 'retest', 'rework');

	SELECT RAISE(ABORT, 'the unit is scrapped or in quarantine')
	WHERE NEW.body ->> 'serial' <> ''
	AND (SELECT disposition FROM unit WHERE unit = NEW.body ->> 'serial') IN ('scrapped', 'quarantine');

	SELECT RAISE(ABORT, 'a unit that has passed is programmed again only as rework and with a reason')
	WHERE NEW.body ->> 'serial' <> '' AND (SELECT result FROM unit WHERE unit = NEW.body ->> 'serial') = 'pass'
	AND (NEW.body ->> 'disposition' <> 'rework' OR coalesce(NEW.body ->> 'reason', '') = '');
END;
CREATE TRIGGER attempt_opened AFTER INSERT ON log WHEN NEW.kind = 'attempt.open'
BEGIN
	INSERT INTO unit(unit, serial, serial_source, size, usb_id, first_attempt, last_attempt)
	VALUES (CASE NEW.body ->> 'serial' WHEN '' THEN '#' || (NEW.body ->> 'attempt') ELSE NEW.body ->> 'serial' END,
		NEW.body ->> 'serial', NEW.body ->> 'serial_source', NEW.body ->> 'size', coalesce(NEW.body ->> 'usb_id', ''),
		NEW.body ->> 'attempt', NEW.body ->> 'attempt')
	ON CONFLICT(unit) DO UPDATE SET last_attempt = excluded.last_attempt, size = coalesce(excluded.size, size),
		usb_id = excluded.usb_id, serial_source = excluded.serial_source;

	UPDATE unit SET attempts = attempts + 1
	WHERE unit = CASE NEW.body ->> 'serial' WHEN '' THEN '#' || (NEW.body ->> 'attempt') ELSE NEW.body ->> 'serial' END;

	INSERT INTO attempt(attempt, open_seq, run, job, unit, number, slot, port, fixture, hub, serial, serial_source,
		boot_id, diskseq, size, usb_id, uboot, blank, node, image, image_key, plan_sha256, tool, kernel, config_sha256,
		operator, disposition, reason, clock_synchronised, opened, opened_mono_ns)
	SELECT NEW.body ->> 'attempt', NEW.seq, coalesce(run.seq, 0), coalesce(NEW.body ->> 'job', ''), unit.unit, unit.attempts,
		NEW.body ->> 'slot', NEW.body ->> 'port', coalesce(NEW.body ->> 'fixture', ''), coalesce(NEW.body ->> 'hub', ''),
		NEW.body ->> 'serial', NEW.body ->> 'serial_source', NEW.body ->> 'boot_id', NEW.body ->> 'diskseq',
		NEW.body ->> 'size', coalesce(NEW.body ->> 'usb_id', ''), coalesce(NEW.body ->> 'uboot', ''),
		coalesce(NEW.body ->> 'blank', ''), coalesce(NEW.body ->> 'node', ''),
		coalesce(NEW.body ->> 'image', job.image, ''), coalesce(nullif(NEW.body ->> 'image_key', ''), job.image_key, ''),
		coalesce(nullif(NEW.body ->> 'plan_sha256', ''), job.plan_sha256, ''),
		coalesce(NEW.body ->> 'tool', run.version, ''), coalesce(NEW.body ->> 'kernel', run.kernel, ''),
		coalesce(NEW.body ->> 'config_sha256', run.config_sha256, ''), coalesce(NEW.body ->> 'operator', job.operator, ''),
		NEW.body ->> 'disposition', coalesce(NEW.body ->> 'reason', ''),
		coalesce((SELECT clock.body ->> 'synchronised' FROM log AS clock WHERE clock.kind = 'clock' ORDER BY clock.seq DESC LIMIT 1), 0),
		NEW.utc, NEW.body ->> 'mono_ns'
	FROM unit
	LEFT JOIN run ON run.seq = (SELECT max(seq) FROM run)
	LEFT JOIN job ON job.job = NEW.body ->> 'job'
	WHERE unit.unit = CASE NEW.body ->> 'serial' WHEN '' THEN '#' || (NEW.body ->> 'attempt') ELSE NEW.body ->> 'serial' END;

	INSERT INTO slot(slot, attempt, attempts) VALUES (NEW.body ->> 'slot', NEW.body ->> 'attempt', 1)
	ON CONFLICT(slot) DO UPDATE SET attempt = excluded.attempt, attempts = attempts + 1, acknowledged = 0;
END;
CREATE TRIGGER attempt_close_is_allowed BEFORE INSERT ON log WHEN NEW.kind IN ('attempt.close', 'attempt.interrupted')
BEGIN
	SELECT RAISE(ABORT, 'this attempt is not open')
	WHERE (SELECT result FROM attempt WHERE attempt = NEW.body ->> 'attempt') IS NOT 'open';

	SELECT RAISE(ABORT, 'its result is none of pass, fail, unverified, aborted')
	WHERE NEW.kind = 'attempt.close' AND NEW.body ->> 'result' NOT IN ('pass', 'fail', 'unverified', 'aborted');

	SELECT RAISE(ABORT, 'PASS without a read-back digest that equals the plan''s')
	WHERE NEW.body ->> 'result' = 'pass' AND (NEW.body ->> 'plan_sha256' <> NEW.body ->> 'readback_sha256'
		OR length(NEW.body ->> 'plan_sha256') <> 64 OR NEW.body ->> 'extras_sha256' <> NEW.body ->> 'extras_readback_sha256');

	SELECT RAISE(ABORT, 'PASS without having been verified')
	WHERE NEW.body ->> 'result' = 'pass' AND (NEW.body ->> 'verify_method' IN ('', 'none') OR NEW.body ->> 'bytes_verified' <= 0);

	SELECT RAISE(ABORT, 'PASS with a plan that no image.add row holds')
	WHERE NEW.body ->> 'result' = 'pass' AND NOT EXISTS (SELECT 1 FROM image WHERE plan_sha256 = NEW.body ->> 'plan_sha256');

	SELECT RAISE(ABORT, 'PASS and UNVERIFIED carry no failure code')
	WHERE NEW.body ->> 'result' IN ('pass', 'unverified') AND (NEW.body ->> 'code' <> '' OR NEW.body ->> 'blame' <> '');

	SELECT RAISE(ABORT, 'FAIL and ABORTED carry a failure code and whom it blames')
	WHERE NEW.body ->> 'result' IN ('fail', 'aborted') AND (NEW.body ->> 'code' = ''
		OR NEW.body ->> 'blame' NOT IN ('device', 'store', 'import', 'station', 'operator'));
END;
CREATE TRIGGER attempt_closed AFTER INSERT ON log WHEN NEW.kind IN ('attempt.close', 'attempt.interrupted')
BEGIN
	UPDATE attempt SET
		close_seq = NEW.seq,
		closed = NEW.utc,
		result = coalesce(NEW.body ->> 'result', 'interrupted'),
		counted = NEW.body ->> 'result' IS 'pass' OR (NEW.body ->> 'result' IS 'fail' AND NEW.body ->> 'blame' = 'device'),
		code = coalesce(NEW.body ->> 'code', 'interrupted'),
		blame = coalesce(NEW.body ->> 'blame', 'station'),
		text = NEW.body ->> 'text',
		bytes_written = coalesce(NEW.body ->> 'bytes_written', 0),
		bytes_verified = coalesce(NEW.body ->> 'bytes_verified', 0),
		plan_sha256 = coalesce(nullif(NEW.body ->> 'plan_sha256', ''), plan_sha256),
		image_key = coalesce(nullif(NEW.body ->> 'image_key', ''), nullif(image_key, ''),
			(SELECT key FROM image WHERE plan_sha256 = NEW.body ->> 'plan_sha256' ORDER BY seq DESC LIMIT 1), ''),
		readback_sha256 = coalesce(NEW.body ->> 'readback_sha256', ''),
		extras_sha256 = coalesce(NEW.body ->> 'extras_sha256', ''),
		extras_readback_sha256 = coalesce(NEW.body ->> 'extras_readback_sha256', ''),
		verify_method = coalesce(NEW.body ->> 'verify_method', ''),
		write_s = NEW.body ->> 'write_s',
		verify_s = NEW.body ->> 'verify_s',
		retries = NEW.body ->> 'retries',
		stages = coalesce(NEW.body -> 'stages', '[]')
	WHERE attempt = NEW.body ->> 'attempt';

	UPDATE unit SET result = attempt.result, result_attempt = attempt.attempt
	FROM attempt WHERE attempt.attempt = NEW.body ->> 'attempt' AND unit.unit = attempt.unit;

	UPDATE slot SET
		pass = pass + (attempt.result = 'pass'),
		fail = fail + (attempt.result = 'fail' AND attempt.counted),
		failed_in_a_row = CASE WHEN attempt.result = 'pass' THEN 0 ELSE failed_in_a_row + (attempt.result = 'fail' AND attempt.counted) END
	FROM attempt WHERE attempt.attempt = NEW.body ->> 'attempt' AND slot.slot = attempt.slot;

	UPDATE serial_number SET state = CASE NEW.body ->> 'result' WHEN 'pass' THEN 'consumed' ELSE 'void' END
	WHERE attempt = NEW.body ->> 'attempt' AND state = 'reserved';
END;
CREATE TRIGGER slot_refused AFTER INSERT ON log WHEN NEW.kind = 'slot.refused'
BEGIN
	INSERT INTO refusal(seq, utc, slot, serial, job, code, text)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'slot', coalesce(NEW.body ->> 'serial', ''), coalesce(NEW.body ->> 'job', ''),
		NEW.body ->> 'code', NEW.body ->> 'text');

	UPDATE job SET refused = refused + 1 WHERE job = NEW.body ->> 'job';
END;
CREATE TRIGGER slot_acknowledged AFTER INSERT ON log WHEN NEW.kind = 'slot.ack'
BEGIN
	UPDATE slot SET acknowledged = 1
	WHERE slot = NEW.body ->> 'slot' AND (NEW.body ->> 'attempt' IS NULL OR attempt = NEW.body ->> 'attempt');

	UPDATE attempt SET acknowledged = NEW.utc WHERE attempt = NEW.body ->> 'attempt' AND acknowledged = '';
END;
CREATE TRIGGER slot_released AFTER INSERT ON log WHEN NEW.kind = 'slot.release'
BEGIN
	INSERT INTO disposition(seq, utc, serial, disposition, reason, operator)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'serial', NEW.body ->> 'disposition', NEW.body ->> 'reason',
		coalesce(NEW.body ->> 'operator', ''));
END;
CREATE TRIGGER unit_returned AFTER INSERT ON log WHEN NEW.kind = 'unit.returned'
BEGIN
	INSERT INTO returned(seq, utc, slot, serial, attempt)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'slot', NEW.body ->> 'serial', NEW.body ->> 'attempt');

	UPDATE unit SET returned = returned + 1 WHERE unit = NEW.body ->> 'serial';
END;
CREATE TRIGGER unit_disposition_is_known BEFORE INSERT ON log WHEN NEW.kind = 'unit.disposition'
BEGIN
	SELECT RAISE(ABORT, 'a disposition is scrapped, quarantine or released, of a unit with a serial, and has a reason')
	WHERE NEW.body ->> 'disposition' NOT IN ('scrapped', 'quarantine', 'released')
	OR NEW.body ->> 'serial' = '' OR NEW.body ->> 'reason' = '';
END;
CREATE TRIGGER unit_disposition AFTER INSERT ON log WHEN NEW.kind = 'unit.disposition'
BEGIN
	INSERT INTO disposition(seq, utc, serial, disposition, reason, operator)
	VALUES (NEW.seq, NEW.utc, NEW.body ->> 'serial', NEW.body ->> 'disposition', NEW.body ->> 'reason',
		coalesce(NEW.body ->> 'operator', ''));

	UPDATE unit SET disposition = NEW.body ->> 'disposition' WHERE unit = NEW.body ->> 'serial';
END;
CREATE TRIGGER serial_reserve_is_new BEFORE INSERT ON log WHEN NEW.kind = 'serial.reserve'
BEGIN
	SELECT RAISE(ABORT, 'this serial was handed out before')
	WHERE EXISTS (SELECT 1 FROM serial_number WHERE serial = NEW.body ->> 'serial');

	SELECT RAISE(ABORT, 'a serial is reserved for an attempt that is open')
	WHERE (SELECT result FROM attempt WHERE attempt = NEW.body ->> 'attempt') IS NOT 'open';
END;
CREATE TRIGGER serial_reserved AFTER INSERT ON log WHEN NEW.kind = 'serial.reserve'
BEGIN
	INSERT INTO serial_number(serial, pool, attempt, reserved)
	VALUES (NEW.body ->> 'serial', NEW.body ->> 'pool', NEW.body ->> 'attempt', NEW.utc);
END;
CREATE VIEW share AS
SELECT attempt.attempt, attempt.job, attempt.unit, attempt.slot, substr(attempt.closed, 1, 10) AS day, attempt.counted,
	attempt.result = 'pass' AS pass,
	attempt.result = 'fail' AND attempt.counted AS fail,
	attempt.result = 'fail' AND NOT attempt.counted AS fail_other,
	attempt.result = 'unverified' AS unverified,
	attempt.result = 'aborted' AS aborted,
	attempt.result = 'interrupted' AS interrupted,
	attempt.counted AND coalesce(job_unit.counted, 0) = 0 AS first,
	coalesce(job_unit.day, '') AS old_day, coalesce(job_unit.slot, '') AS old_slot, coalesce(job_unit.passed, 0) AS old_passed,
	attempt.counted AND coalesce(job_unit.day, '') <> '' AS moves
FROM attempt LEFT JOIN job_unit ON job_unit.job = attempt.job AND job_unit.unit = attempt.unit;
CREATE TRIGGER attempt_counts AFTER UPDATE OF result ON attempt WHEN OLD.result = 'open'
BEGIN
	INSERT INTO yield_day(day, job, slot) SELECT day, job, slot FROM share WHERE attempt = NEW.attempt
	ON CONFLICT DO NOTHING;

	UPDATE yield_day SET units = units - share.moves, units_pass = units_pass - share.old_passed
	FROM share WHERE share.attempt = NEW.attempt
	AND yield_day.day = share.old_day AND yield_day.job = share.job AND yield_day.slot = share.old_slot;

	UPDATE yield_day SET
		pass = yield_day.pass + share.pass, fail = yield_day.fail + share.fail,
		fail_other = yield_day.fail_other + share.fail_other, unverified = yield_day.unverified + share.unverified,
		aborted = yield_day.aborted + share.aborted, interrupted = yield_day.interrupted + share.interrupted,
		first_units = first_units + share.first, first_pass = first_pass + (share.first AND share.pass),
		units = units + share.counted, units_pass = units_pass + share.pass
	FROM share WHERE share.attempt = NEW.attempt
	AND yield_day.day = share.day AND yield_day.job = share.job AND yield_day.slot = share.slot;

	UPDATE job SET
		pass = job.pass + share.pass, fail = job.fail + share.fail, fail_other = job.fail_other + share.fail_other,
		unverified = job.unverified + share.unverified, aborted = job.aborted + share.aborted,
		interrupted = job.interrupted + share.interrupted,
		first_units = first_units + share.first, first_pass = first_pass + (share.first AND share.pass),
		units = units + share.counted - share.moves, units_pass = units_pass + share.pass - share.old_passed
	FROM share WHERE share.attempt = NEW.attempt AND job.job = share.job;

	INSERT INTO job_unit(job, unit, counted, day, slot, passed)
	SELECT job, unit, counted, CASE WHEN counted THEN day ELSE '' END, CASE WHEN counted THEN slot ELSE '' END, pass
	FROM share WHERE attempt = NEW.attempt
	ON CONFLICT(job, unit) DO UPDATE SET counted = job_unit.counted + excluded.counted, passed = excluded.passed,
		day = CASE WHEN excluded.counted THEN excluded.day ELSE job_unit.day END,
		slot = CASE WHEN excluded.counted THEN excluded.slot ELSE job_unit.slot END;
END;
COMMIT;
PRAGMA application_id = 0x47616e67;
PRAGMA user_version = 1;
