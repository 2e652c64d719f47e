package storage

// Seal is what the sealed columns of rows that a test writes beside the program
// hold.
func Seal(db *DB, purpose, place, value string) ([]byte, error) {
	return db.ring.seal(purpose, place, []byte(value))
}

// SealedFor says of which purpose, and with which column in their place, the sealed
// columns of an exported table are, and which they are.
func SealedFor(table string) (string, string, []string) {
	for _, s := range exportSources {
		if s.table != table {
			continue
		}
		var sealed []string
		for _, c := range s.parsed() {
			if c.sealed {
				sealed = append(sealed, c.name)
			}
		}
		return s.purpose, s.key, sealed
	}
	return "", "", nil
}

// AddressMAC is what finds an address.
func AddressMAC(db *DB, address string) []byte { return db.addressMAC(address) }

// ExportQuery is how the rows of a table are found.
func ExportQuery(table string) string {
	for _, s := range exportSources {
		if s.table == table {
			query, _ := s.query()
			return query
		}
	}
	return ""
}
