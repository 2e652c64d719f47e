-- +goose Up
-- Authorization requests that applications have pushed (RFC 9126), by the hash of
-- the request_uri they got. used_at is when a request that came of one was
-- completed; it may be visited any number of times before.
CREATE TABLE pushed_request (
	uri_hash   TEXT PRIMARY KEY,
	client_id  TEXT NOT NULL,
	request    TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX pushed_request_expires ON pushed_request (expires_at);

-- The keys a token is bound to: the thumbprint of a DPoP key (RFC 9449), the hash
-- of a client certificate (RFC 8705); '' for none. Those of a grant bind its
-- refresh tokens.
ALTER TABLE access_token ADD COLUMN jkt TEXT NOT NULL DEFAULT '';
ALTER TABLE access_token ADD COLUMN x5t TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_grant ADD COLUMN jkt TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_grant ADD COLUMN x5t TEXT NOT NULL DEFAULT '';
