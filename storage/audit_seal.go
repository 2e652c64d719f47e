package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrAuditBroken says that the stored log no longer agrees with its last signed
// head. VerifyAudit names what was changed.
var ErrAuditBroken = errors.New("storage: the audit log does not agree with its signed head")

// sealMost is how many rows one transaction seals at most, so that its
// statements stay within what both databases accept.
const sealMost = 4000

const revisionAudit = "audit" // its row lock lets one sealer in at a time

// auditRecord is what a leaf of the log hashes, as one line of JSON with the
// members in this order. Its form must never change: old leaves would not
// verify.
type auditRecord struct {
	ID           int64  `json:"id"`
	At           string `json:"at"` // RFC 3339, UTC, six decimals
	Event        string `json:"event"`
	AfiliadoID   string `json:"afiliado_id"`
	ClientID     string `json:"client_id"`
	Actor        string `json:"actor"`
	RequestID    string `json:"request_id"`
	Detail       string `json:"detail"`
	PersonalHash string `json:"personal_hash"`
}

// Record is the line the log's leaf of r hashes: tlog.RecordHash of these bytes
// (RFC 6962 section 2.1).
func (r AuditRow) Record() ([]byte, error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	err := enc.Encode(auditRecord{
		ID: r.ID, At: r.At.UTC().Format("2006-01-02T15:04:05.000000Z"), Event: r.Event, AfiliadoID: r.AfiliadoID,
		ClientID: r.ClientID, Actor: r.Actor, RequestID: r.RequestID, Detail: r.Detail, PersonalHash: r.PersonalHash,
	})
	if err != nil {
		return nil, fmt.Errorf("storage: audit record: %w", err)
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n")), nil
}

// SealAudit takes up to limit committed rows (at most 4000) that are in no leaf
// yet into the Merkle log, in one transaction, and returns how many; fewer than
// limit means that none is left. Any number of replicas may call it at once.
func (db *DB) SealAudit(ctx context.Context, limit int) (int, error) {
	limit = min(max(limit, 1), sealMost)
	var waiting []int64
	err := db.list(ctx, &waiting, `SELECT audit_id FROM audit_pending LIMIT 1`)
	if err != nil {
		return 0, fmt.Errorf("storage: seal audit: %w", err)
	}
	if len(waiting) == 0 {
		return 0, nil // most seconds of the night end here, without a write
	}
	sealed := 0
	err = db.InTx(ctx, func(tx *Tx) error {
		var err error
		sealed, err = tx.sealAudit(ctx, limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("storage: seal audit: %w", err)
	}
	return sealed, nil
}

func (tx *Tx) sealAudit(ctx context.Context, limit int) (int, error) {
	if err := tx.bump(ctx, revisionAudit); err != nil {
		return 0, err
	}
	size, err := tx.auditSize(ctx)
	if err != nil {
		return 0, err
	}
	var waiting []int64
	err = tx.list(ctx, &waiting, `SELECT audit_id FROM audit_pending ORDER BY audit_id LIMIT ?`, limit)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	var rows []AuditRow
	// The bounds keep PostgreSQL from reading the whole log, as it does for the
	// join alone where its statistics are old.
	err = tx.list(ctx, &rows, `SELECT `+auditColumns+` FROM audit a WHERE a.id BETWEEN ? AND ?
		AND a.id IN (SELECT audit_id FROM audit_pending) ORDER BY a.id LIMIT ?`, waiting[0], waiting[len(waiting)-1], limit)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	nodes := tx.auditNodes(ctx)
	if _, err := tlog.TreeHash(size, nodes); err != nil { // reads every old node the new ones need, at once
		return 0, err
	}
	var leaves, stored, ids []any
	next := tlog.StoredHashCount(size)
	for i, row := range rows {
		record, err := row.Record()
		if err != nil {
			return 0, err
		}
		hashes, err := tlog.StoredHashes(size+int64(i), record, nodes)
		if err != nil {
			return 0, err
		}
		for _, h := range hashes {
			nodes.have[next] = h
			stored = append(stored, next, h[:])
			next++
		}
		leaves = append(leaves, size+int64(i), row.ID)
		ids = append(ids, row.ID)
	}
	if _, err := tx.execOnce(ctx, `INSERT INTO audit_leaf (leaf, audit_id) VALUES `+values(len(rows), 2), leaves...); err != nil {
		return 0, err
	}
	if _, err := tx.execOnce(ctx, `INSERT INTO audit_node (id, hash) VALUES `+values(len(stored)/2, 2), stored...); err != nil {
		return 0, err
	}
	_, err = tx.execOnce(ctx, `DELETE FROM audit_pending WHERE audit_id IN `+places(len(ids)), ids...)
	return len(rows), err
}

// auditSize is the number of leaves.
func (r reads) auditSize(ctx context.Context) (int64, error) {
	var n int64
	if err := r.get(ctx, &n, `SELECT COALESCE(MAX(leaf) + 1, 0) FROM audit_leaf`); err != nil {
		return 0, fmt.Errorf("storage: audit size: %w", err)
	}
	return n, nil
}

// auditNodes reads stored hashes for tlog and keeps those it has seen.
type auditNodes struct {
	read func(ids []any) (map[int64]tlog.Hash, error)
	have map[int64]tlog.Hash
}

func (r reads) auditNodes(ctx context.Context) *auditNodes {
	return &auditNodes{have: map[int64]tlog.Hash{}, read: func(ids []any) (map[int64]tlog.Hash, error) {
		var rows []auditNode
		if err := r.listOnce(ctx, &rows, `SELECT id, hash FROM audit_node WHERE id IN `+places(len(ids)), ids...); err != nil {
			return nil, err
		}
		out := make(map[int64]tlog.Hash, len(rows))
		for _, row := range rows {
			if len(row.Hash) == tlog.HashSize {
				out[row.ID] = tlog.Hash(row.Hash)
			}
		}
		return out, nil
	}}
}

type auditNode struct {
	ID   int64  `db:"id"`
	Hash []byte `db:"hash"`
}

// ReadHashes implements tlog.HashReader.
func (n *auditNodes) ReadHashes(ids []int64) ([]tlog.Hash, error) {
	var missing []any
	for _, id := range ids {
		if _, ok := n.have[id]; !ok {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		read, err := n.read(missing)
		if err != nil {
			return nil, err
		}
		for id, h := range read {
			n.have[id] = h
		}
	}
	out := make([]tlog.Hash, len(ids))
	for i, id := range ids {
		h, ok := n.have[id]
		if !ok {
			return nil, fmt.Errorf("%w: node %d is missing", ErrAuditBroken, id)
		}
		out[i] = h
	}
	return out, nil
}

// NewAuditKey makes the key pair with which heads of the log are signed. The
// secret goes into the configuration of the program, the verifier to whoever is
// to check; both are one line of text (golang.org/x/mod/sumdb/note). name says
// whose log it is and stands in every head; it holds no space and no plus sign.
func NewAuditKey(name string) (AuditKey, error) {
	secret, verifier, err := note.GenerateKey(nil, name)
	if err != nil {
		return AuditKey{}, fmt.Errorf("storage: audit key: %w", err)
	}
	return AuditKey{Secret: secret, Verifier: verifier}, nil
}

// AuditKey is a pair of note.NewSigner and note.NewVerifier texts.
type AuditKey struct {
	Secret   string
	Verifier string
}

// SignAuditHead signs the present size and root of the log with signer, stores
// the note and returns it, so that it can be kept elsewhere too. Nothing sealed
// yet is "", nothing new the last note again. A log that does not continue its
// last head is ErrAuditBroken and is not signed.
//
// The note's text is four lines: the signer's name, the size, the root (base64)
// and the time (RFC 3339).
func (db *DB) SignAuditHead(ctx context.Context, signer note.Signer, now time.Time) (string, error) {
	var signed string
	err := db.InTx(ctx, func(tx *Tx) error {
		var err error
		signed, err = tx.signAuditHead(ctx, signer, now)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("storage: sign audit head: %w", err)
	}
	return signed, nil
}

func (tx *Tx) signAuditHead(ctx context.Context, signer note.Signer, now time.Time) (string, error) {
	if err := tx.bump(ctx, revisionAudit); err != nil {
		return "", err
	}
	size, err := tx.auditSize(ctx)
	if err != nil || size == 0 {
		return "", err
	}
	nodes := tx.auditNodes(ctx)
	var last []AuditHead
	if err := tx.list(ctx, &last, `SELECT size, at, note FROM audit_head ORDER BY size DESC LIMIT 1`); err != nil {
		return "", err
	}
	if len(last) > 0 {
		was, err := parseHead(last[0].Note)
		if err != nil {
			return "", err
		}
		if was.size > size {
			return "", fmt.Errorf("%w: it had %d leaves and has %d", ErrAuditBroken, was.size, size)
		}
		root, err := tlog.TreeHash(was.size, nodes)
		if err != nil {
			return "", err
		}
		if root != was.root {
			return "", ErrAuditBroken
		}
		if was.size == size {
			return last[0].Note, nil
		}
	}
	root, err := tlog.TreeHash(size, nodes)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n%s\n", signer.Name(), size, root, now.UTC().Format(time.RFC3339))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return "", err
	}
	return string(signed), tx.run(ctx, `INSERT INTO audit_head (size, at, note) VALUES (?, ?, ?)`, size, At(now), string(signed))
}
