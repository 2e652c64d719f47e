package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// verifyBatch is how many rows VerifyAudit and ExportAudit hold at a time.
const verifyBatch = 1000

// AuditFinding is one thing about the log that cannot be explained by the
// program having written it.
type AuditFinding struct {
	AuditID int64 // the row, or 0 where no single one can be named
	Leaf    int64 // its place in the log, or -1
	Problem string
}

// AuditCheck counts what VerifyAudit has looked at.
type AuditCheck struct {
	Leaves    int64   // rows in the log
	Pending   int64   // rows that the next sealing will take
	Personal  int64   // rows whose personal side was there and agreed
	Erased    int64   // rows whose personal side has been erased
	Heads     int64   // signed heads that were checked
	SignedTo  int64   // leaves under the last good head
	LastHead  Instant // when that was signed
	Findings  int64   // problems reported; 0: the log is whole
	Unchecked int64   // heads whose signature nobody could check, for want of a verifier
}

// VerifyAudit reads the whole log on one unchanging view and recomputes it: the
// hash of every row, every stored node, the root under every signed head, the
// personal side against its hash where it has not been erased, and rows in no
// leaf. It calls report for each problem, naming the row that was changed,
// removed or added wherever that can be told, and uses the same memory however
// long the log is.
//
// verifiers check the heads' signatures; nil leaves them unchecked and counts
// them. copies are heads kept elsewhere (SignAuditHead returned them): they
// find a log that was rewritten together with its stored heads. progress, where
// it is not nil, is told after each batch how many leaves of how many are done.
func (db *DB) VerifyAudit(ctx context.Context, verifiers note.Verifiers, copies []string, report func(AuditFinding), progress func(done, total int64)) (AuditCheck, error) {
	v := &auditVerifier{report: report}
	err := db.snapshot(ctx, func(r reads) error {
		total, err := r.auditSize(ctx)
		if err != nil {
			return err
		}
		v.progress = toTotal(total, progress)
		if err := v.readHeads(ctx, r, verifiers, copies); err != nil {
			return err
		}
		if err := v.leaves(ctx, r); err != nil {
			return err
		}
		return v.outside(ctx, r)
	})
	if err != nil {
		return v.check, fmt.Errorf("storage: verify audit: %w", err)
	}
	return v.check, nil
}

type auditVerifier struct {
	report   func(AuditFinding)
	progress func(done int64)
	check    AuditCheck
	heads    []head // by size, those not reached yet
	tree     auditTree
}

// toTotal is progress towards total, of which nil hears nothing.
func toTotal(total int64, progress func(done, total int64)) func(done int64) {
	return func(done int64) {
		if progress != nil {
			progress(done, total)
		}
	}
}

func (v *auditVerifier) found(auditID, leaf int64, problem string) {
	v.check.Findings++
	v.report(AuditFinding{AuditID: auditID, Leaf: leaf, Problem: problem})
}

// leafRow is a leaf, its row where there still is one, and its personal side.
type leafRow struct {
	Leaf         int64    `db:"leaf"`
	AuditID      int64    `db:"audit_id"`
	At           *Instant `db:"at"`
	Event        *string  `db:"event"`
	AfiliadoID   *string  `db:"afiliado_id"`
	ClientID     *string  `db:"client_id"`
	Actor        *string  `db:"actor"`
	RequestID    *string  `db:"request_id"`
	Detail       *string  `db:"detail"`
	PersonalHash *string  `db:"personal_hash"`
	Data         []byte   `db:"data"`
}

func (l leafRow) row() AuditRow {
	return AuditRow{
		ID: l.AuditID, At: *l.At, Event: *l.Event, AfiliadoID: *l.AfiliadoID, ClientID: *l.ClientID, Actor: *l.Actor,
		RequestID: *l.RequestID, Detail: *l.Detail, PersonalHash: *l.PersonalHash,
	}
}

func (v *auditVerifier) leaves(ctx context.Context, r reads) error {
	v.tree.found = v.found
	for {
		var rows []leafRow
		err := r.list(ctx, &rows, `SELECT l.leaf, l.audit_id, a.at, a.event, a.afiliado_id, a.client_id, a.actor, a.request_id, a.detail,
			a.personal_hash, p.data FROM audit_leaf l LEFT JOIN audit a ON a.id = l.audit_id LEFT JOIN audit_personal p ON p.audit_id = l.audit_id
			WHERE l.leaf >= ? ORDER BY l.leaf LIMIT ?`, v.tree.size, verifyBatch)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			if row.Leaf-v.tree.size > verifyBatch { // somebody moved a leaf far away: the nodes cannot bridge that
				v.found(row.AuditID, row.Leaf, fmt.Sprintf("leaves %d to %d are missing", v.tree.size, row.Leaf-1))
				return v.end(ctx, r)
			}
			for v.tree.size < row.Leaf {
				if err := v.missing(ctx, r); err != nil {
					return err
				}
			}
			if err := v.leaf(ctx, r, row); err != nil {
				return err
			}
		}
		v.progress(v.tree.size)
	}
	return v.end(ctx, r)
}

// missing stands in for a leaf that is gone: its stored node shows what was there.
func (v *auditVerifier) missing(ctx context.Context, r reads) error {
	v.found(0, v.tree.size, "a leaf was removed from the log")
	return v.add(ctx, r, nil, 0)
}

func (v *auditVerifier) leaf(ctx context.Context, r reads, l leafRow) error {
	if l.At == nil {
		v.found(l.AuditID, l.Leaf, "the row was removed")
		return v.add(ctx, r, nil, l.AuditID)
	}
	row := l.row()
	record, err := row.Record()
	if err != nil {
		return err
	}
	v.personal(r.db, row, l)
	hash := tlog.RecordHash(record)
	return v.add(ctx, r, &hash, l.AuditID)
}

// add grows the tree by a leaf and checks the heads that were signed there.
func (v *auditVerifier) add(ctx context.Context, r reads, computed *tlog.Hash, auditID int64) error {
	if err := v.tree.load(ctx, r); err != nil {
		return err
	}
	v.tree.add(computed, auditID)
	v.check.Leaves = v.tree.size
	for len(v.heads) > 0 && v.heads[0].size == v.tree.size {
		h := v.heads[0]
		v.heads = v.heads[1:]
		v.check.Heads++
		if v.tree.settle(h.root) {
			v.check.SignedTo, v.check.LastHead = h.size, At(h.at)
			continue
		}
		v.found(0, -1, fmt.Sprintf("the head signed on %s for %d leaves has another root: a leaf from %d to %d was changed together with its nodes",
			h.at.Format("2006-01-02"), h.size, v.check.SignedTo, h.size-1))
	}
	return nil
}

func (v *auditVerifier) personal(db *DB, row AuditRow, l leafRow) {
	switch {
	case l.Data == nil && row.PersonalHash != "":
		v.check.Erased++
	case l.Data == nil:
	case row.PersonalHash == "":
		v.found(row.ID, l.Leaf, "personal data were added to a row that had none")
	default:
		salted, err := db.openAuditPersonal(row.ID, l.Data)
		sum := sha256.Sum256(salted)
		if err != nil || hex.EncodeToString(sum[:]) != row.PersonalHash {
			v.found(row.ID, l.Leaf, "the personal data of the row were changed")
			return
		}
		v.check.Personal++
	}
}

func (v *auditVerifier) end(ctx context.Context, r reads) error {
	v.tree.finish()
	for _, h := range v.heads {
		v.check.Heads++
		v.found(0, -1, fmt.Sprintf("the log was cut: on %s it had %d leaves, now it has %d", h.at.Format("2006-01-02"), h.size, v.tree.size))
	}
	var extra []int64
	err := r.list(ctx, &extra, `SELECT id FROM audit_node WHERE id >= ? OR id < 0 ORDER BY id LIMIT ?`, tlog.StoredHashCount(v.tree.size), verifyBatch)
	for _, id := range extra {
		v.found(0, -1, fmt.Sprintf("node %d belongs to no leaf: leaves were removed from the end, or nodes added", id))
	}
	return err
}

// outside looks for rows, notes and personal data that no leaf accounts for.
func (v *auditVerifier) outside(ctx context.Context, r reads) error {
	for _, q := range []struct{ query, problem string }{
		{
			`SELECT a.id FROM audit a WHERE a.id > ? AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.audit_id = a.id)
			AND NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.audit_id = a.id) ORDER BY a.id LIMIT ?`,
			"the row is in no leaf: it was added behind the program's back, or its leaf was removed",
		},
		{`SELECT p.audit_id FROM audit_pending p WHERE p.audit_id > ? AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.id = p.audit_id)
			ORDER BY p.audit_id LIMIT ?`, "the row was removed before it was sealed"},
		{`SELECT p.audit_id FROM audit_pending p JOIN audit_leaf l ON l.audit_id = p.audit_id WHERE p.audit_id > ?
			ORDER BY p.audit_id LIMIT ?`, "the row is noted as waiting although it is in the log"},
		{`SELECT p.audit_id FROM audit_personal p WHERE p.audit_id > ? AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.id = p.audit_id)
			ORDER BY p.audit_id LIMIT ?`, "personal data of a row that is not there"},
		{`SELECT l.audit_id FROM audit_leaf l WHERE l.audit_id > ? AND l.leaf < 0 ORDER BY l.audit_id LIMIT ?`, "the row's leaf has an impossible number"},
	} {
		after := int64(-1 << 62)
		for {
			var ids []int64
			if err := r.list(ctx, &ids, q.query, after, verifyBatch); err != nil {
				return err
			}
			for _, id := range ids {
				v.found(id, -1, q.problem)
				after = id
			}
			if len(ids) < verifyBatch {
				break
			}
		}
	}
	err := r.get(ctx, &v.check.Pending, `SELECT COUNT(*) FROM audit_pending`)
	return err
}

// readHeads reads stored heads and copies, and leaves those that hold, by size.
func (v *auditVerifier) readHeads(ctx context.Context, r reads, verifiers note.Verifiers, copies []string) error {
	stored, err := r.AuditHeads(ctx)
	if err != nil {
		return err
	}
	for _, text := range copies {
		stored = append(stored, AuditHead{Size: -1, Note: text})
	}
	for _, s := range stored {
		h, err := parseHead(s.Note)
		which := "a head kept elsewhere"
		if s.Size >= 0 {
			which = fmt.Sprintf("the head of %d leaves", s.Size)
		}
		if err == nil && s.Size >= 0 && (h.size != s.Size || h.at.Unix() != s.At.Unix()) {
			err = errHead
		}
		if err == nil && verifiers != nil {
			_, err = note.Open([]byte(s.Note), verifiers)
			var unsigned *note.UnverifiedNoteError
			if errors.As(err, &unsigned) {
				err = errors.New("none of the keys it was checked with has signed it")
			}
		} else if err == nil {
			v.check.Unchecked++
		}
		if err != nil {
			v.found(0, -1, which+" does not hold: "+err.Error())
			continue
		}
		v.heads = append(v.heads, h)
	}
	sortHeads(v.heads)
	return nil
}
