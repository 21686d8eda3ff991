-- A collection as catalog format 4 keeps it, written by version 0.1.0; later versions have to open it.
BEGIN TRANSACTION;
CREATE TABLE changes (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	operation TEXT NOT NULL, 
	document_id TEXT NOT NULL, 
	crc INTEGER NOT NULL
);
INSERT INTO "changes" VALUES(1,'put','a6432901b0288add47302aadf1e067b4',3996059673);
INSERT INTO "changes" VALUES(2,'put','10a5e73cdf4f8633c8cba67dccdd4aac',2140684905);
INSERT INTO "changes" VALUES(3,'put','f727eee116ae0cc73d257fc5fc954372',3467105742);
INSERT INTO "changes" VALUES(4,'delete','f727eee116ae0cc73d257fc5fc954372',2640162322);
CREATE TABLE cuts (
	document_id TEXT NOT NULL, 
	space TEXT NOT NULL, 
	passages INTEGER NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (document_id, space), 
	FOREIGN KEY(document_id) REFERENCES documents (id), 
	FOREIGN KEY(space) REFERENCES spaces (id)
);
INSERT INTO "cuts" VALUES('a6432901b0288add47302aadf1e067b4','a07464f69394aedd',1,628939926);
INSERT INTO "cuts" VALUES('10a5e73cdf4f8633c8cba67dccdd4aac','a07464f69394aedd',1,1187193460);
CREATE TABLE documents (
	id TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	source TEXT NOT NULL, 
	title TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	language TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	content_sha256 TEXT NOT NULL, 
	characters INTEGER NOT NULL, 
	pages TEXT NOT NULL, 
	metadata TEXT NOT NULL, 
	added TEXT NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (origin)
);
INSERT INTO "documents" VALUES('a6432901b0288add47302aadf1e067b4','upload:dam.txt','dam.txt','dam.txt','text/plain','en','9c050b4ecec3a9a9df025ac79108978313d57d335f7c8dcab67b8657ce25318d','9c050b4ecec3a9a9df025ac79108978313d57d335f7c8dcab67b8657ce25318d',45,'[[1, 0, 28, "slide", "text", null, "The dam"], [2, 28, 28, "slide", "blank", null, null], [3, 29, 45, "slide", "ocr", null, null], [4, 45, 45, "slide", "unread", "no text is on it, and OCR is off", null]]','{}','2026-11-26T12:02:42+00:00',905580973);
INSERT INTO "documents" VALUES('10a5e73cdf4f8633c8cba67dccdd4aac','upload:letters.txt','letters.txt','letters.txt','text/plain','en','202e378b46739878b9cc90c8b6687522557db6bad6c8fad12c51f9b051a18a63','42b58e35b4afbc545c42b7d2fc1d31c7a26a4193c86d61323bf5b2465e25d12b',58,'[[1, 0, 23, "page", "text", null, null], [2, 23, 57, "page", "text", null, null]]','{}','2026-11-26T12:02:42+00:00',3501445683);
CREATE TABLE job_files (
	job_id TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	source TEXT NOT NULL, 
	status TEXT NOT NULL, 
	document_id TEXT, 
	passages INTEGER NOT NULL, 
	reason TEXT, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (job_id, origin), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
CREATE TABLE jobs (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	request TEXT NOT NULL, 
	state TEXT NOT NULL, 
	created TEXT NOT NULL, 
	updated TEXT NOT NULL, 
	code TEXT, 
	message TEXT, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE layouts (
	document_id TEXT NOT NULL, 
	page INTEGER NOT NULL, 
	width REAL NOT NULL, 
	height REAL NOT NULL, 
	words BLOB NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (document_id, page), 
	FOREIGN KEY(document_id) REFERENCES documents (id)
);
INSERT INTO "layouts" VALUES('10a5e73cdf4f8633c8cba67dccdd4aac',1,612.0,792.0,X'789C636060606004E205AC10ECC0C6C0300B889980621C409CC106114FE084880300609C0458',3129640649);
INSERT INTO "layouts" VALUES('10a5e73cdf4f8633c8cba67dccdd4aac',2,595.276,841.89,X'789C936060609007E205AC109CC0C9C0308B8D8101001C7F028B',2369893568);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('lexical_key','b8b12555c136227003497633431f3cef',886751369);
INSERT INTO "meta" VALUES('schema_version','4',3853987228);
INSERT INTO "meta" VALUES('unread_pages','1 1',726327374);
INSERT INTO "meta" VALUES('next_row','3',1174196229);
CREATE TABLE originals (
	part INTEGER NOT NULL, 
	document_id TEXT NOT NULL, 
	data BLOB NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (document_id, part), 
	FOREIGN KEY(document_id) REFERENCES documents (id)
);
INSERT INTO "originals" VALUES(0,'10a5e73cdf4f8633c8cba67dccdd4aac',X'255044462D312E36206F66206C65747465727300FF',3582683766);
CREATE TABLE outlines (
	document_id TEXT NOT NULL, 
	blocks TEXT NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (document_id), 
	FOREIGN KEY(document_id) REFERENCES documents (id)
);
INSERT INTO "outlines" VALUES('a6432901b0288add47302aadf1e067b4','[["paragraph", 0, 28, 0], ["paragraph", 29, 45, 0]]',4140013405);
INSERT INTO "outlines" VALUES('10a5e73cdf4f8633c8cba67dccdd4aac','[["paragraph", 0, 23, 0], ["paragraph", 24, 58, 0]]',511056394);
CREATE TABLE passages (
	"row" INTEGER NOT NULL, 
	space TEXT NOT NULL, 
	id TEXT NOT NULL, 
	document_id TEXT NOT NULL, 
	ordinal INTEGER NOT NULL, 
	start INTEGER NOT NULL, 
	"end" INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	heading TEXT, 
	page INTEGER, 
	sentences TEXT NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY ("row"), 
	UNIQUE (document_id, space, ordinal), 
	FOREIGN KEY(space) REFERENCES spaces (id), 
	FOREIGN KEY(document_id) REFERENCES documents (id)
);
INSERT INTO "passages" VALUES(0,'a07464f69394aedd','37454da8d664b1698f9b91bc781f5d01','a6432901b0288add47302aadf1e067b4',0,0,45,'The dam was built in 1947. 😀
It stores water.',NULL,NULL,'[[0, 26], [29, 45]]',1540070424);
INSERT INTO "passages" VALUES(1,'a07464f69394aedd','58f859ffb222b4d703a37ad970d1ffd9','10a5e73cdf4f8633c8cba67dccdd4aac',0,0,58,'A letter came from Ada.
Another came from Charles in 1843.',NULL,NULL,'[[0, 23], [24, 58]]',2076531516);
CREATE TABLE quarantine (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	added TEXT NOT NULL, 
	place TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	record TEXT NOT NULL, 
	crc INTEGER NOT NULL
);
CREATE TABLE segments (
	document_id TEXT NOT NULL, 
	start INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (document_id, start), 
	FOREIGN KEY(document_id) REFERENCES documents (id)
);
INSERT INTO "segments" VALUES('a6432901b0288add47302aadf1e067b4',0,'The dam was built in 1947. 😀
It stores water.',235050823);
INSERT INTO "segments" VALUES('10a5e73cdf4f8633c8cba67dccdd4aac',0,'A letter came from Ada.
Another came from Charles in 1843.',2154230549);
CREATE TABLE spaces (
	id TEXT NOT NULL, 
	description TEXT NOT NULL, 
	active INTEGER NOT NULL, 
	activated INTEGER, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "spaces" VALUES('a07464f69394aedd','{"dimension": 16, "name": "hashing", "normalized": true, "passages": "test", "pooling": "sum", "prompts": {"passage": "", "query": ""}, "weights": "ffe33abb14da62ad2695c35ba71cfb42f761a41533560ce22533c68b8d8ed738"}',1,0,3657319103);
CREATE TABLE uploads (
	job_id TEXT NOT NULL, 
	part INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY (job_id, part), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
CREATE TABLE vectors (
	"row" INTEGER NOT NULL, 
	space TEXT NOT NULL, 
	"key" BLOB NOT NULL, 
	vector BLOB NOT NULL, 
	crc INTEGER NOT NULL, 
	PRIMARY KEY ("row"), 
	FOREIGN KEY("row") REFERENCES passages ("row"), 
	FOREIGN KEY(space) REFERENCES spaces (id)
);
INSERT INTO "vectors" VALUES(0,'a07464f69394aedd',X'9C050B4ECEC3A9A9DF025AC791089783',X'76109E3976109E3976109E3997839A3E97839A3E51481ABF8F349ABE97839A3E76109E398F349ABE76109E3976109E3976109E3997839A3E76109E3997839A3E',3860000680);
INSERT INTO "vectors" VALUES(1,'a07464f69394aedd',X'202E378B46739878B9CC90C8B6687522',X'9E80783E57367E39830178BED860F83E57367E39D860F83E57367E399E80783E57367E3957367E3957367E3957367E39D860F83E830178BE57367E399E80783E',2600586737);
CREATE INDEX vectors_by_key ON vectors (space, "key");
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('changes',4);
COMMIT;
