-- +goose Up
-- What applications have received about people, and what people have asked of the
-- IESS as the law on personal data lets them (LOPDP arts. 13 to 17).

-- Claims that an application has been handed of a person at least once: the names,
-- in order, separated by spaces. What is left of a grant once it is purged.
CREATE TABLE disclosure (
	afiliado_id TEXT NOT NULL,
	client_id   TEXT NOT NULL,
	claims      TEXT NOT NULL,
	first_at    BIGINT NOT NULL,
	last_at     BIGINT NOT NULL,
	PRIMARY KEY (afiliado_id, client_id, claims)
);
CREATE INDEX disclosure_last ON disclosure (last_at);

-- One request. What was asked and answered is sealed. number is what people call
-- it by; due_at is when the law wants an answer.
CREATE TABLE rights_request (
	id          TEXT PRIMARY KEY,
	number      TEXT NOT NULL UNIQUE,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	kind        TEXT NOT NULL CHECK (kind IN ('acceso', 'rectificacion', 'eliminacion', 'oposicion', 'portabilidad')),
	detail      BLOB NOT NULL,
	state       TEXT NOT NULL CHECK (state IN ('abierta', 'contestada', 'cancelada')),
	outcome     TEXT NOT NULL DEFAULT '' CHECK (outcome IN ('', 'concedida', 'parcial', 'negada')),
	answer      BLOB,
	created_at  BIGINT NOT NULL,
	due_at      BIGINT NOT NULL,
	done_at     BIGINT NOT NULL DEFAULT 0,
	CHECK ((state = 'abierta') = (done_at = 0)),
	CHECK ((state = 'contestada') = (outcome <> ''))
);
CREATE INDEX rights_request_afiliado ON rights_request (afiliado_id, created_at);
CREATE INDEX rights_request_open ON rights_request (due_at) WHERE state = 'abierta';
CREATE INDEX rights_request_done ON rights_request (done_at) WHERE done_at > 0;
