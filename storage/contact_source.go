package storage

import (
	"bytes"
	"strings"
)

// contactSource tells what the registry's file last said of contact data that the
// person has changed here since, as a MAC of it. A nil one: what is on file is what
// the file said.
type contactSource struct {
	Email    []byte `db:"email_source"`
	Mobile   []byte `db:"mobile_source"`
	Landline []byte `db:"landline_source"`
}

// sourceUnknown stands for what the file said of a field that was changed here before
// it was kept.
const sourceUnknown = "unknown"

// sourceMAC is what a file says of a contact field of a person. It is the same for
// nobody else, and capitals of an address make no other.
func (db *DB) sourceMAC(column, afiliadoID, value string) []byte {
	return db.cfg.Keys.MAC("source", column+"/"+afiliadoID+"\x00"+strings.ToLower(value))
}

// changedHere is what is kept as the source of a contact field whose value has been
// was and is about to become another than the file's. Of several changes, the file's
// word is in the first.
func (db *DB) changedHere(source []byte, column, afiliadoID, was string) []byte {
	if source != nil {
		return source
	}
	return db.sourceMAC(column, afiliadoID, was)
}

// keepChanged takes the file's contact data of a person back to what she has made
// of them here, where the file says of them what it said before: the registry knows
// nothing newer than she does. It notes what the file says now.
func (db *DB) keepChanged(a *Afiliado, was Afiliado) {
	for _, f := range []struct {
		column string
		value  *string
		was    string
		noted  []byte
		notes  *[]byte
	}{
		{"email", &a.Email, was.Email, was.source.Email, &a.source.Email},
		{"mobile", &a.Mobile, was.Mobile, was.source.Mobile, &a.source.Mobile},
		{"landline", &a.Landline, was.Landline, was.source.Landline, &a.source.Landline},
	} {
		*f.notes = nil
		said := db.sourceMAC(f.column, was.ID, *f.value)
		if f.noted == nil || bytes.Equal(said, db.sourceMAC(f.column, was.ID, f.was)) {
			continue // nothing was changed here, or the file has followed
		}
		if string(f.noted) == sourceUnknown || bytes.Equal(said, f.noted) {
			*f.value, *f.notes = f.was, said
		}
	}
}

// same reports whether two sources are one.
func (s contactSource) same(other contactSource) bool {
	return bytes.Equal(s.Email, other.Email) && bytes.Equal(s.Mobile, other.Mobile) && bytes.Equal(s.Landline, other.Landline)
}
