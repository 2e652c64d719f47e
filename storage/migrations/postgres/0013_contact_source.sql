-- +goose Up
-- What the registry's file last said of contact data that the person has changed
-- here since, as a MAC: while it says the same, an import leaves hers alone. NULL:
-- what is on file is what the file said. 'unknown': what it said is not known, and
-- the next import notes it.
ALTER TABLE afiliado ADD COLUMN email_source BYTEA;
ALTER TABLE afiliado ADD COLUMN mobile_source BYTEA;
ALTER TABLE afiliado ADD COLUMN landline_source BYTEA;

-- Addresses on file that were asked for here.
UPDATE afiliado SET email_source = CAST('unknown' AS BYTEA) WHERE EXISTS
	(SELECT 1 FROM contact_change c WHERE c.afiliado_id = afiliado.id AND c.applied_at > 0 AND c.asked_at = afiliado.email_at);
