// Package storage owns the nouns of Clave IESS and every SQL statement about
// them. It runs the same statements on PostgreSQL (production) and on SQLite
// (embedded; the first minute, one machine).
//
// Reads are methods of both *DB and *Tx. Writes and row locks are methods of
// *Tx only, so that writing outside a transaction does not compile. Lock order:
// afiliado (several in the order of their ids), consent, rights requests, ceremony,
// passkey, recovery, recovery budget, login budget, authenticator application,
// recovery codes, devices, pressure (an identifier's before a network's), contact
// change, email address, messages, links, auth request, session, logouts, events,
// grant, tokens, disclosures (in the order of their keys); what is written without a
// row lock comes in the same order, but for what only holders of the same person's
// row write: they never meet. A row that refers to a held one may be written at any
// point: locks are FOR NO KEY UPDATE, as no key ever changes.
//
// Data that identify a person are sealed per column before they reach the
// database, and found again by a keyed hash; bearer secrets (codes, tokens,
// cookies) are stored as hashes only. See Keys.
//
// Times are unix microseconds in UTC (Instant). No statement asks the database
// for the time: the caller's clock is an argument, so that a test can move it.
package storage
