-- +goose NO TRANSACTION
-- +goose Up
-- What is kept of one person is found without reading what is kept of everybody: her
-- export (LOPDP arts. 13 and 17). Where an index found only live rows, one of all takes
-- its place. Writers go on meanwhile; a run that was stopped begins anew.
DROP INDEX IF EXISTS logout_delivery_afiliado;
CREATE INDEX logout_delivery_afiliado ON logout_delivery (afiliado_id);
DROP INDEX IF EXISTS event_delivery_afiliado;
CREATE INDEX event_delivery_afiliado ON event_delivery (afiliado_id);
DROP INDEX IF EXISTS errand_identifier;
CREATE INDEX errand_identifier ON errand (identifier_mac);
DROP INDEX IF EXISTS contact_change_afiliado;
CREATE INDEX contact_change_afiliado ON contact_change (afiliado_id);
DROP INDEX IF EXISTS recovery_ended;
CREATE INDEX recovery_ended ON recovery (identifier_mac, ended_at);
DROP INDEX IF EXISTS link_afiliado;
CREATE INDEX link_afiliado ON link (afiliado_id, purpose);
DROP INDEX IF EXISTS recovery_identifier;
DROP INDEX IF EXISTS link_open;
