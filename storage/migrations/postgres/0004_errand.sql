-- +goose Up
-- What is left to do for whoever an identifier belongs to, written in the
-- transaction of its cause. It looks the same whether or not anybody has the
-- identifier: nobody is looked up before the answer has gone (T01, T17).
CREATE TABLE errand (
	id             TEXT PRIMARY KEY,
	kind           TEXT NOT NULL,
	identifier_mac BYTEA NOT NULL,
	browser_hash   TEXT NOT NULL,
	client_id      TEXT NOT NULL,
	auth_request   TEXT NOT NULL,
	data           BYTEA,
	created_at     BIGINT NOT NULL,
	next_at        BIGINT NOT NULL,
	done_at        BIGINT NOT NULL DEFAULT 0,
	expires_at     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX errand_due ON errand (next_at) WHERE done_at = 0;
CREATE INDEX errand_browser ON errand (browser_hash, created_at);
CREATE INDEX errand_expires ON errand (expires_at) WHERE expires_at > 0;

-- Reminders look for the claves that end soon.
CREATE INDEX clave_due ON clave (due_at) WHERE due_at > 0;
