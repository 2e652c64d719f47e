-- +goose Up
-- People, their claves, the browsers they use, applications, requests, tokens,
-- keys and the audit. Times are unix microseconds UTC, 0 meaning "not".

-- A person. What identifies her is sealed; identifier_mac finds her.
CREATE TABLE afiliado (
	id              TEXT PRIMARY KEY,
	identifier_mac  BLOB NOT NULL UNIQUE,
	identifier_type TEXT NOT NULL CHECK (identifier_type IN ('cedula', 'codigo')),
	identifier      BLOB NOT NULL,
	given_name      BLOB NOT NULL,
	family_name     BLOB NOT NULL,
	birthdate       BLOB NOT NULL,
	email           BLOB,
	mobile          BLOB,
	landline        BLOB,
	email_verified  BOOLEAN NOT NULL,
	phone_verified  BOOLEAN NOT NULL,
	kinds           TEXT NOT NULL,
	estado          TEXT NOT NULL CHECK (estado IN ('activa', 'inactiva')),
	fingerprint     BOOLEAN NOT NULL,
	locale          TEXT NOT NULL DEFAULT '',
	disabled_at     BIGINT NOT NULL DEFAULT 0,
	disabled_reason TEXT NOT NULL DEFAULT '',
	created_at      BIGINT NOT NULL,
	updated_at      BIGINT NOT NULL
);

-- The clave of a person; no row: she never had one.
CREATE TABLE clave (
	afiliado_id TEXT PRIMARY KEY REFERENCES afiliado (id),
	phc         BLOB NOT NULL,
	long        BOOLEAN NOT NULL,
	created_at  BIGINT NOT NULL,
	due_at      BIGINT NOT NULL,
	compromised BOOLEAN NOT NULL DEFAULT 0
);

CREATE TABLE clave_history (
	id          TEXT PRIMARY KEY,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	phc         BLOB NOT NULL,
	created_at  BIGINT NOT NULL
);
CREATE INDEX clave_history_afiliado ON clave_history (afiliado_id, created_at);

-- Attempts on an identifier from browsers not known to be its person's. Rows
-- exist for unknown identifiers too.
CREATE TABLE login_budget (
	identifier_mac BLOB PRIMARY KEY,
	failures       INTEGER NOT NULL,
	lock_reason    TEXT NOT NULL DEFAULT '' CHECK (lock_reason IN ('', 'login', 'recuperacion', 'operador', 'compromiso')),
	locked_at      BIGINT NOT NULL DEFAULT 0,
	last_at        BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX login_budget_expires ON login_budget (expires_at) WHERE expires_at > 0;

-- The known-device lane: a person in a browser she has signed in from.
CREATE TABLE device (
	id          TEXT PRIMARY KEY,
	secret_hash TEXT NOT NULL,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	failures    INTEGER NOT NULL DEFAULT 0,
	user_agent  TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	last_at     BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL,
	UNIQUE (secret_hash, afiliado_id)
);
CREATE INDEX device_afiliado ON device (afiliado_id);
CREATE INDEX device_expires ON device (expires_at);

-- Failures that a network or an identifier has caused lately, as a leaky
-- bucket: tat is the moment at which it will be empty.
CREATE TABLE pressure (
	key        BLOB PRIMARY KEY,
	tat        BIGINT NOT NULL
);
CREATE INDEX pressure_tat ON pressure (tat);

-- A signed-in browser (SSO).
CREATE TABLE session (
	id          TEXT PRIMARY KEY,
	secret_hash TEXT NOT NULL UNIQUE,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	amr         TEXT NOT NULL,
	acr         TEXT NOT NULL,
	auth_at     BIGINT NOT NULL,
	seen_at     BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL,
	ended_at    BIGINT NOT NULL DEFAULT 0,
	user_agent  TEXT NOT NULL
);
CREATE INDEX session_afiliado ON session (afiliado_id);
CREATE INDEX session_expires ON session (expires_at);

-- The applications a session has entered; sid is what each of them knows it by.
CREATE TABLE session_client (
	session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	client_id  TEXT NOT NULL,
	sid        TEXT NOT NULL UNIQUE,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (session_id, client_id)
);

-- A registered application; metadata is RFC 7591 JSON without its secret.
CREATE TABLE client (
	id          TEXT PRIMARY KEY,
	metadata    TEXT NOT NULL,
	secret_mac  BLOB,
	disabled_at BIGINT NOT NULL DEFAULT 0,
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL
);

-- One authorization request, from /authorize to the code and its one use.
CREATE TABLE auth_request (
	id              TEXT PRIMARY KEY,
	client_id       TEXT NOT NULL,
	redirect_uri    TEXT NOT NULL,
	response_mode   TEXT NOT NULL,
	state           TEXT NOT NULL,
	nonce           TEXT NOT NULL,
	scope           TEXT NOT NULL,
	code_challenge  TEXT NOT NULL,
	params          TEXT NOT NULL,
	browser_hash    TEXT NOT NULL,
	created_at      BIGINT NOT NULL,
	expires_at      BIGINT NOT NULL,
	session_id      TEXT NOT NULL DEFAULT '',
	proved_at       BIGINT NOT NULL DEFAULT 0,
	completed_at    BIGINT NOT NULL DEFAULT 0,
	afiliado_id     TEXT NOT NULL DEFAULT '',
	sid             TEXT NOT NULL DEFAULT '',
	auth_at         BIGINT NOT NULL DEFAULT 0,
	acr             TEXT NOT NULL DEFAULT '',
	amr             TEXT NOT NULL DEFAULT '',
	code_hash       TEXT UNIQUE,
	code_expires_at BIGINT NOT NULL DEFAULT 0,
	code_used_at    BIGINT NOT NULL DEFAULT 0,
	grant_id        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX auth_request_expires ON auth_request (expires_at);

-- What a person allowed an application to receive.
CREATE TABLE consent (
	afiliado_id  TEXT NOT NULL REFERENCES afiliado (id),
	client_id    TEXT NOT NULL,
	kind         TEXT NOT NULL CHECK (kind IN ('notice', 'consent')),
	scope        TEXT NOT NULL,
	asked        TEXT NOT NULL DEFAULT '',
	created_at   BIGINT NOT NULL,
	withdrawn_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (afiliado_id, client_id)
);

-- An OAuth grant: the family of tokens that came from one code.
CREATE TABLE oauth_grant (
	id             TEXT PRIMARY KEY,
	client_id      TEXT NOT NULL,
	afiliado_id    TEXT NOT NULL,
	session_id     TEXT NOT NULL,
	sid            TEXT NOT NULL,
	scope          TEXT NOT NULL,
	claims         TEXT NOT NULL,
	nonce          TEXT NOT NULL,
	auth_at        BIGINT NOT NULL,
	acr            TEXT NOT NULL,
	amr            TEXT NOT NULL,
	created_at     BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL,
	revoked_at     BIGINT NOT NULL DEFAULT 0,
	revoked_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX oauth_grant_afiliado ON oauth_grant (afiliado_id);
CREATE INDEX oauth_grant_session ON oauth_grant (session_id);
CREATE INDEX oauth_grant_expires ON oauth_grant (expires_at);

CREATE TABLE access_token (
	hash       TEXT PRIMARY KEY,
	grant_id   TEXT NOT NULL,
	client_id  TEXT NOT NULL,
	scope      TEXT NOT NULL,
	audience   TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX access_token_expires ON access_token (expires_at);

CREATE TABLE refresh_token (
	hash         TEXT PRIMARY KEY,
	grant_id     TEXT NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
	created_at   BIGINT NOT NULL,
	used_at      BIGINT NOT NULL DEFAULT 0,
	child_hash   TEXT NOT NULL DEFAULT '',
	replacements INTEGER NOT NULL DEFAULT 0,
	revoked_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX refresh_token_grant ON refresh_token (grant_id);

CREATE TABLE signing_key (
	kid          TEXT PRIMARY KEY,
	alg          TEXT NOT NULL,
	state        TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
	private_key  BLOB NOT NULL,
	created_at   BIGINT NOT NULL,
	activated_at BIGINT NOT NULL DEFAULT 0,
	retired_at   BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX signing_key_active ON signing_key (alg) WHERE state = 'active';

-- Counts changes of what processes keep in memory (clients, keys).
CREATE TABLE revision (
	name TEXT PRIMARY KEY,
	n    BIGINT NOT NULL
);

-- A text a person accepted, by version and hash.
CREATE TABLE acceptance (
	id          TEXT PRIMARY KEY,
	afiliado_id TEXT NOT NULL REFERENCES afiliado (id),
	document    TEXT NOT NULL,
	version     TEXT NOT NULL,
	text_hash   TEXT NOT NULL,
	accepted_at BIGINT NOT NULL
);
CREATE INDEX acceptance_afiliado ON acceptance (afiliado_id, document);

-- One month of contributions at one employer.
CREATE TABLE historia (
	afiliado_id  TEXT NOT NULL REFERENCES afiliado (id),
	employer_id  TEXT NOT NULL,
	year         INTEGER NOT NULL,
	month        INTEGER NOT NULL CHECK (month BETWEEN 1 AND 12),
	kind         TEXT NOT NULL,
	employer     TEXT NOT NULL,
	province     TEXT NOT NULL,
	sector       TEXT NOT NULL,
	days         INTEGER NOT NULL,
	salary_cents BIGINT NOT NULL,
	PRIMARY KEY (afiliado_id, employer_id, year, month, kind)
);

-- How far the import of a file has come.
CREATE TABLE import_run (
	file_hash   TEXT NOT NULL,
	kind        TEXT NOT NULL,
	lines       BIGINT NOT NULL,
	refused     BIGINT NOT NULL,
	started_at  BIGINT NOT NULL,
	finished_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (file_hash, kind)
);

-- So that one replica runs each periodic job.
CREATE TABLE job (
	name         TEXT PRIMARY KEY,
	leased_until BIGINT NOT NULL,
	last_at      BIGINT NOT NULL
);

-- What happened. Rows are never changed; the personal part lies beside them,
-- committed to by a salted hash, so that it can be erased without a trace lost.
CREATE TABLE audit (
	id            INTEGER PRIMARY KEY AUTOINCREMENT,
	at            BIGINT NOT NULL,
	event         TEXT NOT NULL,
	afiliado_id   TEXT NOT NULL,
	client_id     TEXT NOT NULL,
	actor         TEXT NOT NULL,
	request_id    TEXT NOT NULL,
	detail        TEXT NOT NULL,
	personal_hash TEXT NOT NULL
);
CREATE INDEX audit_afiliado ON audit (afiliado_id, id);
CREATE TABLE audit_personal (
	audit_id BIGINT PRIMARY KEY,
	data     BLOB NOT NULL
);
-- Rows that are not in the log yet, noted by a trigger: ids may commit out of order.
CREATE TABLE audit_pending (
	audit_id BIGINT PRIMARY KEY
);
-- The Merkle log over it (tlog): which row is which leaf, the stored hashes, the signed heads.
CREATE TABLE audit_leaf (
	leaf     BIGINT PRIMARY KEY,
	audit_id BIGINT NOT NULL UNIQUE
);
CREATE TABLE audit_node (
	id   BIGINT PRIMARY KEY,
	hash BLOB NOT NULL
);
CREATE TABLE audit_head (
	size BIGINT PRIMARY KEY,
	at   BIGINT NOT NULL,
	note TEXT NOT NULL
);

-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
	SELECT RAISE(ABORT, 'audit is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN
	SELECT RAISE(ABORT, 'audit is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_leaf_no_update BEFORE UPDATE ON audit_leaf BEGIN
	SELECT RAISE(ABORT, 'audit_leaf is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_leaf_no_delete BEFORE DELETE ON audit_leaf BEGIN
	SELECT RAISE(ABORT, 'audit_leaf is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_node_no_update BEFORE UPDATE ON audit_node BEGIN
	SELECT RAISE(ABORT, 'audit_node is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_node_no_delete BEFORE DELETE ON audit_node BEGIN
	SELECT RAISE(ABORT, 'audit_node is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_head_no_update BEFORE UPDATE ON audit_head BEGIN
	SELECT RAISE(ABORT, 'audit_head is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head BEGIN
	SELECT RAISE(ABORT, 'audit_head is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_pending AFTER INSERT ON audit BEGIN
	INSERT INTO audit_pending (audit_id) VALUES (NEW.id);
END;
-- +goose StatementEnd
