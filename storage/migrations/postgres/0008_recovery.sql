-- +goose Up
-- Generating and recovering a clave: its cases and attempts, the personal answers,
-- and addresses that are to replace the one on file.

-- One case: a browser on the way to a new clave. It looks the same whether or not
-- anybody has the identifier (T01). Identifier and contact are sealed. It stays
-- for some time after it is over, so that its risk decision can be made again.
CREATE TABLE recovery (
	id             TEXT PRIMARY KEY,
	browser_hash   TEXT NOT NULL,
	identifier     BYTEA NOT NULL,
	identifier_mac BYTEA NOT NULL,
	network_mac    BYTEA NOT NULL,
	afiliado_id    TEXT NOT NULL,
	step           TEXT NOT NULL,
	client_id      TEXT NOT NULL,
	auth_request   TEXT NOT NULL,
	risk           TEXT NOT NULL,
	contact        BYTEA,
	created_at     BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL,
	passed_at      BIGINT NOT NULL DEFAULT 0,
	requested_at   BIGINT NOT NULL DEFAULT 0,
	done_at        BIGINT NOT NULL DEFAULT 0,
	ended_at       BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX recovery_browser ON recovery (browser_hash) WHERE ended_at = 0;
CREATE INDEX recovery_identifier ON recovery (identifier_mac) WHERE ended_at = 0;
CREATE INDEX recovery_network ON recovery (network_mac, created_at);
CREATE INDEX recovery_expires ON recovery (expires_at);

-- Attempts to answer for an identifier. Rows exist for unknown ones too.
CREATE TABLE recovery_budget (
	identifier_mac BYTEA PRIMARY KEY,
	failures       INTEGER NOT NULL,
	last_at        BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL
);
CREATE INDEX recovery_budget_expires ON recovery_budget (expires_at) WHERE expires_at > 0;

-- What a person answered when she enrolled, as sealed hashes. The id is her own
-- and the answer's position, which are part of what the hash is sealed for.
CREATE TABLE personal_answer (
	id          TEXT PRIMARY KEY,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	position    INTEGER NOT NULL,
	question    TEXT NOT NULL,
	phc         BYTEA NOT NULL,
	created_at  BIGINT NOT NULL,
	UNIQUE (afiliado_id, position),
	UNIQUE (afiliado_id, question)
);

-- An address that is to take the place of the one on file (D18): it has to be
-- proved, and to wait or be approved from the one before.
CREATE TABLE contact_change (
	id           TEXT PRIMARY KEY,
	afiliado_id  TEXT NOT NULL REFERENCES afiliado (id),
	email        BYTEA NOT NULL,
	email_mac    BYTEA NOT NULL,
	asked_at     BIGINT NOT NULL,
	proved_at    BIGINT NOT NULL DEFAULT 0,
	ready_at     BIGINT NOT NULL CHECK (ready_at > 0),
	approved_at  BIGINT NOT NULL DEFAULT 0,
	cancelled_at BIGINT NOT NULL DEFAULT 0,
	applied_at   BIGINT NOT NULL DEFAULT 0,
	CHECK (cancelled_at = 0 OR applied_at = 0)
);
CREATE UNIQUE INDEX contact_change_open ON contact_change (afiliado_id) WHERE cancelled_at = 0 AND applied_at = 0;
CREATE INDEX contact_change_email ON contact_change (email_mac, asked_at);
CREATE INDEX contact_change_ready ON contact_change (ready_at);

-- Since when the address on file is hers; 0: always.
ALTER TABLE afiliado ADD COLUMN email_at BIGINT NOT NULL DEFAULT 0;
-- When a clave of hers was last generated or recovered; 0: never here.
ALTER TABLE clave ADD COLUMN recovered_at BIGINT NOT NULL DEFAULT 0;

-- Other people's employers, which the wrong options of questions are drawn from.
CREATE INDEX historia_peers ON historia (year, province, sector, afiliado_id) WHERE month = 6;
CREATE INDEX historia_peers_province ON historia (year, province, afiliado_id) WHERE month = 6;
