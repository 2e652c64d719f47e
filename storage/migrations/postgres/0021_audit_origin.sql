-- +goose Up
-- What is left of the personal part of an audit row about a person once it is
-- erased: a part of the network and the kind of device, for as long as she is shown
-- what happened with her account. The row of the audit does not commit to it.
CREATE TABLE audit_origin (
	audit_id   BIGINT PRIMARY KEY,
	data       BYTEA NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX audit_origin_expires ON audit_origin (expires_at);
