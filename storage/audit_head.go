package storage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// AuditHead is a signed head of the log: that it had Size leaves, and which.
type AuditHead struct {
	Size int64   `db:"size"`
	At   Instant `db:"at"`
	Note string  `db:"note"` // sumdb/note; see SignAuditHead
}

// AuditHeads lists every signed head, oldest first.
func (r reads) AuditHeads(ctx context.Context) ([]AuditHead, error) {
	var out []AuditHead
	if err := r.list(ctx, &out, `SELECT size, at, note FROM audit_head ORDER BY size`); err != nil {
		return nil, fmt.Errorf("storage: audit heads: %w", err)
	}
	return out, nil
}

type head struct {
	size int64
	root tlog.Hash
	at   time.Time
}

var errHead = errors.New("storage: a signed head of the audit is malformed")

// parseHead reads the text of a head; its signature is not looked at.
func parseHead(note string) (head, error) {
	text, _, ok := strings.Cut(note, "\n\n")
	lines := strings.Split(text, "\n")
	if !ok || len(lines) != 4 {
		return head{}, errHead
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return head{}, errHead
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return head{}, errHead
	}
	at, err := time.Parse(time.RFC3339, lines[3])
	if err != nil {
		return head{}, errHead
	}
	return head{size: size, root: root, at: at}, nil
}

// ExportAudit writes the sealed log to w as JSON lines and returns how many
// rows. Line n (from 0) is the exact record of leaf n, so that whoever holds
// the file can compute the root; the signed heads follow, each as
// {"size":…,"head":…}. Personal data are not in it, only their salted hashes.
// Rows not sealed yet are left out. progress, where it is not nil, is told after
// each batch how many rows of how many are written.
func (db *DB) ExportAudit(ctx context.Context, w io.Writer, progress func(done, total int64)) (int64, error) {
	out := bufio.NewWriter(w)
	var n int64
	err := db.snapshot(ctx, func(r reads) error {
		total, err := r.auditSize(ctx)
		if err != nil {
			return err
		}
		written := toTotal(total, progress)
		for {
			var rows []AuditRow
			err := r.list(ctx, &rows, `SELECT `+auditColumns+` FROM audit_leaf l JOIN audit a ON a.id = l.audit_id
				WHERE l.leaf >= ? ORDER BY l.leaf LIMIT ?`, n, verifyBatch)
			if err != nil {
				return err
			}
			for _, row := range rows {
				record, err := row.Record()
				if err != nil {
					return err
				}
				if _, err := out.Write(append(record, '\n')); err != nil {
					return err
				}
			}
			n += int64(len(rows))
			written(n)
			if len(rows) < verifyBatch {
				break
			}
		}
		heads, err := r.AuditHeads(ctx)
		if err != nil {
			return err
		}
		for _, h := range heads {
			var line bytes.Buffer
			enc := json.NewEncoder(&line)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(struct {
				Size int64  `json:"size"`
				Head string `json:"head"`
			}{h.Size, h.Note}); err != nil {
				return err
			}
			if _, err := out.Write(line.Bytes()); err != nil {
				return err
			}
		}
		return out.Flush()
	})
	if err != nil {
		return n, fmt.Errorf("storage: export audit: %w", err)
	}
	return n, nil
}

// EventAuditErased is the event of EraseAuditPersonal.
const EventAuditErased = "audit.personal_erased"

// EraseAuditPersonal deletes the personal side of rows that happened before
// before (network addresses are kept whole for 90 days), in transactions of at
// most batch rows that each say so in the audit, and returns how many went. Of a row
// about a person what coarse makes of the fields stays, sealed, until 13 months after
// the event, if that is anything (AuditPersonal, Purge). The proof of the log is
// untouched: rows commit to a salted hash only.
func (db *DB) EraseAuditPersonal(ctx context.Context, before, now time.Time, batch int, coarse func(map[string]string) map[string]string) (int64, error) {
	var total int64
	batch = min(max(batch, 1), sealMost)
	for {
		var n int64
		err := db.InTx(ctx, func(tx *Tx) error {
			var err error
			n, err = tx.eraseAuditPersonal(ctx, before, now, batch, coarse)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("storage: erase audit personal: %w", err)
		}
		total += n
		if n < int64(batch) {
			return total, nil
		}
	}
}

func (tx *Tx) eraseAuditPersonal(ctx context.Context, before, now time.Time, batch int, coarse func(map[string]string) map[string]string) (int64, error) {
	// Oldest first by id: ids follow time closely, and a straggler goes next time.
	var oldest []erasable
	err := tx.list(ctx, &oldest, `SELECT p.audit_id, p.data, a.at, a.afiliado_id FROM audit_personal p JOIN audit a ON a.id = p.audit_id
		ORDER BY p.audit_id LIMIT ?`, batch)
	if err != nil {
		return 0, err
	}
	var ids []any
	var gone []erasable
	for _, row := range oldest {
		if row.At.Before(before) {
			gone = append(gone, row)
			ids = append(ids, row.ID)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	n, err := tx.execOnce(ctx, `DELETE FROM audit_personal WHERE audit_id IN `+places(len(ids)), ids...)
	if err != nil {
		return 0, err
	}
	if err := tx.keepOrigins(ctx, gone, coarse, now); err != nil {
		return 0, err
	}
	return n, tx.Audit(ctx, Event{At: At(now), Name: EventAuditErased, Actor: "system", Detail: map[string]string{
		"before": before.UTC().Format(time.RFC3339), "rows": strconv.FormatInt(n, 10),
	}})
}
