-- +goose NO TRANSACTION
-- +goose Up
-- What is kept of one person is found without reading what is kept of everybody: her
-- export (LOPDP arts. 13 and 17). Where an index found only live rows, one of all takes
-- its place. Writers go on meanwhile; a run that was stopped begins anew.
DROP INDEX CONCURRENTLY IF EXISTS logout_delivery_afiliado;
CREATE INDEX CONCURRENTLY logout_delivery_afiliado ON logout_delivery (afiliado_id);
DROP INDEX CONCURRENTLY IF EXISTS event_delivery_afiliado;
CREATE INDEX CONCURRENTLY event_delivery_afiliado ON event_delivery (afiliado_id);
DROP INDEX CONCURRENTLY IF EXISTS errand_identifier;
CREATE INDEX CONCURRENTLY errand_identifier ON errand (identifier_mac);
DROP INDEX CONCURRENTLY IF EXISTS contact_change_afiliado;
CREATE INDEX CONCURRENTLY contact_change_afiliado ON contact_change (afiliado_id);
DROP INDEX CONCURRENTLY IF EXISTS recovery_ended;
CREATE INDEX CONCURRENTLY recovery_ended ON recovery (identifier_mac, ended_at);
DROP INDEX CONCURRENTLY IF EXISTS link_afiliado;
CREATE INDEX CONCURRENTLY link_afiliado ON link (afiliado_id, purpose);
DROP INDEX CONCURRENTLY IF EXISTS recovery_identifier;
DROP INDEX CONCURRENTLY IF EXISTS link_open;
