package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// originMonths is for how many months after an event it stays known whence, coarsely,
// it came: as long as people are shown what happened with their accounts.
const originMonths = 13

// erasable is a personal part with what decides what is left of it.
type erasable struct {
	ID         int64   `db:"audit_id"`
	Data       []byte  `db:"data"`
	At         Instant `db:"at"`
	AfiliadoID string  `db:"afiliado_id"`
}

// originUntil is when nothing is left any more of the personal part of an event of
// at: 13 months later, on the last day of that month where it has no such day.
func originUntil(at time.Time) time.Time {
	at = at.UTC()
	until := at.AddDate(0, originMonths, 0)
	if day := until.Day(); day < at.Day() {
		until = until.AddDate(0, 0, -day)
	}
	return until
}

// keepOrigins stores what coarse leaves of the personal parts of events of people,
// but for those that are over by now. A part that does not open leaves nothing: it
// is erased all the same.
func (tx *Tx) keepOrigins(ctx context.Context, rows []erasable, coarse func(map[string]string) map[string]string, now time.Time) error {
	var args []any
	n := 0
	for _, row := range rows {
		until := originUntil(row.At.Time)
		if row.AfiliadoID == "" || !until.After(now) {
			continue
		}
		fields, err := tx.db.personalOf(row.ID, row.Data)
		if err != nil {
			continue
		}
		left := coarse(fields)
		if len(left) == 0 {
			continue
		}
		data, err := json.Marshal(left)
		if err != nil {
			return err
		}
		sealed, err := tx.db.ring.seal("audit", auditOriginPlace(row.ID), data)
		if err != nil {
			return err
		}
		args = append(args, row.ID, sealed, At(until))
		n++
	}
	if n == 0 {
		return nil
	}
	_, err := tx.execOnce(ctx, `INSERT INTO audit_origin (audit_id, data, expires_at) VALUES `+values(n, 3)+`
		ON CONFLICT (audit_id) DO NOTHING`, args...)
	return err
}

// originOf opens what is left of a personal part.
func (db *DB) originOf(id int64, sealed []byte) (map[string]string, error) {
	data, err := db.ring.open("audit", auditOriginPlace(id), sealed)
	if err != nil {
		return nil, err
	}
	var out map[string]string
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("storage: audit origin: %w", err)
	}
	return out, nil
}

func auditOriginPlace(id int64) string {
	return "audit_origin.data/" + strconv.FormatInt(id, 10)
}
