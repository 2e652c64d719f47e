-- +goose Up
-- Failed sign-ins of all replicas, by slots of ten seconds (at is where one
-- begins): nothing of whose they were. Replicas add to it every few seconds.
CREATE TABLE failure_tally (
	at       BIGINT PRIMARY KEY,
	failures BIGINT NOT NULL
);

-- What all replicas are alarmed about, until ends_at; 0: about nothing.
-- baseline is what was usual when it was raised.
CREATE TABLE alarm (
	name      TEXT PRIMARY KEY,
	raised_at BIGINT NOT NULL,
	ends_at   BIGINT NOT NULL,
	baseline  BIGINT NOT NULL
);
