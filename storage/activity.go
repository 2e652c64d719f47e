package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// ActivityRows returns up to limit rows about a person that are not before since,
// older than the row with the id before (0: from the newest), newest first, but for
// those of the names without.
func (r reads) ActivityRows(ctx context.Context, afiliadoID string, since time.Time, before int64, without []string, limit int) ([]AuditRow, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	args, but := []any{afiliadoID, before, At(since)}, ""
	if len(without) > 0 {
		but = ` AND a.event NOT IN ` + places(len(without))
	}
	for _, name := range without {
		args = append(args, name)
	}
	var out []AuditRow
	err := r.list(ctx, &out, `SELECT `+auditColumns+` FROM audit a WHERE a.afiliado_id = ? AND a.id < ? AND a.at >= ?`+but+`
		ORDER BY a.id DESC LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("storage: activity rows: %w", err)
	}
	return out, nil
}

// ActivityRow returns the row with that id if it is about the person; one about
// anybody else is ErrNotFound, as an unknown one.
func (r reads) ActivityRow(ctx context.Context, afiliadoID string, id int64) (*AuditRow, error) {
	var out AuditRow
	if err := r.get(ctx, &out, `SELECT `+auditColumns+` FROM audit a WHERE a.id = ? AND a.afiliado_id = ?`, id, afiliadoID); err != nil {
		return nil, fmt.Errorf("storage: activity row: %w", err)
	}
	return &out, nil
}

// personalMost is how many personal parts are read by one statement.
const personalMost = 500

// AuditPersonals opens the personal parts of rows, by their ids, or what was left of
// those that have been erased (EraseAuditPersonal); a row that has neither is not in
// what it returns.
func (r reads) AuditPersonals(ctx context.Context, ids []int64) (map[int64]map[string]string, error) {
	out := map[int64]map[string]string{}
	for len(ids) > 0 {
		n := min(len(ids), personalMost)
		args := make([]any, 2*n)
		for i, id := range ids[:n] {
			args[i], args[n+i] = id, id
		}
		ids = ids[n:]
		var rows []struct {
			ID    int64  `db:"audit_id"`
			Data  []byte `db:"data"`
			Whole int    `db:"whole"`
		}
		// One statement: between two of them the one could become the other.
		err := r.list(ctx, &rows, `SELECT audit_id, data, 1 AS whole FROM audit_personal WHERE audit_id IN `+places(n)+`
			UNION ALL SELECT audit_id, data, 0 AS whole FROM audit_origin WHERE audit_id IN `+places(n), args...)
		if err != nil {
			return nil, fmt.Errorf("storage: audit personals: %w", err)
		}
		for _, row := range rows {
			open := r.db.originOf
			if row.Whole > 0 {
				open = r.db.personalOf
			}
			fields, err := open(row.ID, row.Data)
			if err != nil {
				return nil, err
			}
			out[row.ID] = fields
		}
	}
	return out, nil
}

// personalOf opens a personal part.
func (db *DB) personalOf(id int64, sealed []byte) (map[string]string, error) {
	salted, err := db.openAuditPersonal(id, sealed)
	if err != nil {
		return nil, err
	}
	var p personal
	if err := json.Unmarshal(salted, &p); err != nil {
		return nil, fmt.Errorf("storage: audit personal: %w", err)
	}
	return p.Fields, nil
}
