package storage

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// resealBatch is how many rows one transaction of Reseal looks at.
const resealBatch = 500

// sealedColumns are the sealed values outside afiliado: where they lie, what
// they are sealed for, and the type of the key that is part of their place.
var sealedColumns = []struct{ table, column, key, keyType, purpose string }{
	{"clave", "phc", "afiliado_id", "TEXT", "clave"},
	{"clave_history", "phc", "id", "TEXT", "clave"},
	{"signing_key", "private_key", "kid", "TEXT", "signing_key"},
	{"audit_personal", "data", "audit_id", "BIGINT", "audit"},
	{"audit_origin", "data", "audit_id", "BIGINT", "audit"},
	{"outbox", "recipient", "id", "TEXT", "outbox"},
	{"outbox", "data", "id", "TEXT", "outbox"},
	{"errand", "data", "id", "TEXT", "errand"},
	{"recovery", "identifier", "id", "TEXT", "recovery"},
	{"recovery", "contact", "id", "TEXT", "recovery"},
	{"personal_answer", "phc", "id", "TEXT", "answer"},
	{"contact_change", "email", "id", "TEXT", "contact_change"},
	{"passkey", "name", "id", "TEXT", sealPasskey},
	{"rights_request", "detail", "id", "TEXT", "rights_request"},
	{"rights_request", "answer", "id", "TEXT", "rights_request"},
	{"totp", "secret", "afiliado_id", "TEXT", "totp"},
	{"email_address", "email", "id", "TEXT", "email_address"},
}

// Reseal seals every value again that another key than the current one has
// sealed, and returns how many rows that were; after it has returned 0 on every
// database, the other keys may be dropped. It may run beside everything else
// and be stopped at any moment: transactions are short and what is done stays
// done. progress, where it is not nil, is told after each batch how many rows of
// how many have been looked at.
func (db *DB) Reseal(ctx context.Context, progress func(done, total int64)) (int64, error) {
	rows, err := db.sealedRows(ctx)
	if err != nil {
		return 0, fmt.Errorf("storage: reseal: %w", err)
	}
	done, tell := int64(0), toTotal(rows, progress)
	looked := func(n int) {
		done += int64(n)
		tell(done)
	}
	total, err := db.resealAfiliados(ctx, looked)
	if err != nil {
		return total, fmt.Errorf("storage: reseal afiliado: %w", err)
	}
	for _, c := range sealedColumns {
		n, err := db.resealColumn(ctx, c.table, c.column, c.key, c.keyType, c.purpose, looked)
		total += n
		if err != nil {
			return total, fmt.Errorf("storage: reseal %s: %w", c.table, err)
		}
	}
	return total, nil
}

// sealedRows is how many rows Reseal looks at.
func (db *DB) sealedRows(ctx context.Context) (int64, error) {
	tables := []string{"afiliado"}
	for _, c := range sealedColumns {
		tables = append(tables, c.table)
	}
	var total int64
	for _, table := range tables {
		var n int64
		if err := db.get(ctx, &n, `SELECT COUNT(*) FROM `+table); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// stale reports whether a value is sealed with another key than the current.
func (r *ring) stale(sealed []byte) bool {
	return len(sealed) > 0 && !bytes.HasPrefix(sealed, r.mark())
}

func (db *DB) resealAfiliados(ctx context.Context, looked func(rows int)) (int64, error) {
	var total int64
	for after, more := "", true; more; {
		batch := 0
		err := db.InTx(ctx, func(tx *Tx) error {
			var rows []afiliadoRow
			err := tx.list(ctx, &rows, `SELECT `+afiliadoColumns+` FROM afiliado a WHERE a.id > ? ORDER BY a.id LIMIT ?`+tx.db.dia.forUpdate,
				after, resealBatch)
			if err != nil {
				return err
			}
			batch, more = len(rows), len(rows) == resealBatch
			var values []any
			n := 0
			for _, row := range rows {
				after = row.ID
				sealed := [][]byte{row.Identifier, row.GivenName, row.FamilyName, row.Birthdate, row.Email, row.Mobile, row.Landline}
				if !slices.ContainsFunc(sealed, db.ring.stale) {
					continue
				}
				a, err := db.openAfiliado(row)
				if err != nil {
					return err
				}
				again, err := db.sealedAfiliado(*a)
				if err != nil {
					return err
				}
				values = append(values, again...)
				n++
			}
			total += int64(n)
			return tx.putAfiliados(ctx, values, n)
		})
		if err != nil {
			return total, err
		}
		looked(batch)
	}
	return total, nil
}

func (db *DB) resealColumn(ctx context.Context, table, column, key, keyType, purpose string, looked func(rows int)) (int64, error) {
	read := fmt.Sprintf(`SELECT CAST(%[3]s AS TEXT) AS place, %[2]s AS value FROM %[1]s WHERE %[3]s > CAST(? AS %[4]s) ORDER BY %[3]s LIMIT ?`,
		table, column, key, keyType) + db.dia.forUpdate
	write := fmt.Sprintf(`UPDATE %s SET %s = ? WHERE %s = CAST(? AS %s)`, table, column, key, keyType)
	after := ""
	if keyType == "BIGINT" {
		after = "-1"
	}
	var total int64
	for more := true; more; {
		batch := 0
		err := db.InTx(ctx, func(tx *Tx) error {
			var rows []struct {
				Place string `db:"place"`
				Value []byte `db:"value"`
			}
			if err := tx.list(ctx, &rows, read, after, resealBatch); err != nil {
				return err
			}
			batch, more = len(rows), len(rows) == resealBatch
			for _, row := range rows {
				after = row.Place
				if !db.ring.stale(row.Value) {
					continue
				}
				place := table + "." + column + "/" + row.Place
				value, err := db.ring.open(purpose, place, row.Value)
				if err != nil {
					return err
				}
				sealed, err := db.ring.seal(purpose, place, value)
				if err != nil {
					return err
				}
				if err := tx.run(ctx, write, sealed, row.Place); err != nil {
					return err
				}
				total++
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		looked(batch)
	}
	return total, nil
}
