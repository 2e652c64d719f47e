package storage_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"iess.gob.ec/clave/storage"
)

// events writes n audit rows, every second one with a personal side, and
// returns their ids.
func events(t testing.TB, db *storage.DB, n int) []int64 {
	t.Helper()
	inTx(t, db, func(tx *storage.Tx) error {
		for i := range n {
			e := storage.Event{At: storage.At(now), Name: "clave.failed", AfiliadoID: "person", Actor: "afiliado", Detail: map[string]string{"n": fmt.Sprint(i)}}
			if i%2 == 0 {
				e.Personal = map[string]string{"ip": "192.0.2.44"}
			}
			if err := tx.Audit(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	rows, err := db.AuditRows(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, r := range rows[len(rows)-n:] {
		ids = append(ids, r.ID)
	}
	return ids
}

func seal(t testing.TB, db *storage.DB, limit int) int {
	t.Helper()
	n, err := db.SealAudit(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// auditKey returns a signer and who verifies it.
func auditKey(t testing.TB) (note.Signer, note.Verifiers) {
	t.Helper()
	key, err := storage.NewAuditKey("clave.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(key.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	return signer, note.VerifierList(verifier)
}

func sign(t testing.TB, db *storage.DB, signer note.Signer, at time.Time) string {
	t.Helper()
	signed, err := db.SignAuditHead(t.Context(), signer, at)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// verify returns the count and what was found, one line each.
func verify(t testing.TB, db *storage.DB, verifiers note.Verifiers, copies ...string) (storage.AuditCheck, []string) {
	t.Helper()
	var found []string
	var done, total int64
	check, err := db.VerifyAudit(t.Context(), verifiers, copies, func(f storage.AuditFinding) {
		found = append(found, fmt.Sprintf("row %d leaf %d: %s", f.AuditID, f.Leaf, f.Problem))
	}, func(d, t int64) { done, total = d, t })
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 && (done != check.Leaves || total != check.Leaves) {
		t.Errorf("progress: got %d of %d, want all %d leaves", done, total, check.Leaves)
	}
	return check, found
}

// Batches of every size, heads in between: the tree is the same as tlog's.
func TestAuditSealedInBatchesVerifies(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		signer, verifiers := auditKey(t)
		if signed := sign(t, db, signer, now); signed != "" {
			t.Errorf("an empty log was signed: %q", signed)
		}
		var copies []string
		for day, n := range []int{1, 2, 5, 13, 40, 3} {
			events(t, db, n)
			for n > 0 {
				sealed := seal(t, db, 7)
				if sealed != min(n, 7) {
					t.Fatalf("sealed %d of %d, want %d", sealed, n, min(n, 7))
				}
				n -= sealed
			}
			copies = append(copies, sign(t, db, signer, now.AddDate(0, 0, day)))
		}
		if again := sign(t, db, signer, now.AddDate(0, 0, 9)); again != copies[len(copies)-1] {
			t.Errorf("nothing new gave another head: %q", again)
		}
		events(t, db, 2)
		check, found := verify(t, db, verifiers, copies...)
		if len(found) > 0 {
			t.Errorf("an untouched log has findings: %q", found)
		}
		want := storage.AuditCheck{Leaves: 64, Pending: 2, Personal: 34, Heads: 12, SignedTo: 64, LastHead: storage.At(now.AddDate(0, 0, 5))}
		if check != want {
			t.Errorf("got %+v, want %+v", check, want)
		}
	})
}

// Whoever holds the export and the public key needs nothing else.
func TestAuditExportProvesItself(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		signer, verifiers := auditKey(t)
		events(t, db, 11)
		seal(t, db, 100)
		sign(t, db, signer, now)
		events(t, db, 1)
		var out bytes.Buffer
		var done, total int64
		if n, err := db.ExportAudit(t.Context(), &out, func(d, t int64) { done, total = d, t }); err != nil || n != 11 || done != 11 || total != 11 {
			t.Fatalf("exported %d, %v; want 11 rows", n, err)
		}
		if strings.Contains(out.String(), "192.0.2.44") {
			t.Error("the export has personal data")
		}
		var nodes []tlog.Hash
		reader := tlog.HashReaderFunc(func(ids []int64) ([]tlog.Hash, error) {
			var hashes []tlog.Hash
			for _, id := range ids {
				hashes = append(hashes, nodes[id])
			}
			return hashes, nil
		})
		lines := bufio.NewScanner(&out)
		for n := range int64(11) {
			lines.Scan()
			hashes, err := tlog.StoredHashes(n, lines.Bytes(), reader)
			if err != nil {
				t.Fatal(err)
			}
			nodes = append(nodes, hashes...)
		}
		root, err := tlog.TreeHash(11, reader)
		if err != nil {
			t.Fatal(err)
		}
		lines.Scan()
		var head struct{ Head string }
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			t.Fatal(err)
		}
		signed, err := note.Open([]byte(head.Head), verifiers)
		if err != nil {
			t.Fatal(err)
		}
		if want := "clave.example\n11\n" + root.String() + "\n2026-11-22T12:00:00Z\n"; signed.Text != want {
			t.Errorf("got head %q, want %q", signed.Text, want)
		}
	})
}

// Retention: the address goes after 90 days, the proof stays, and the erasing is
// itself on the record.
func TestErasedPersonalDataKeepTheProof(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		signer, verifiers := auditKey(t)
		ids := events(t, db, 9)
		seal(t, db, 100)
		sign(t, db, signer, now)
		if fields, err := db.AuditPersonal(t.Context(), ids[0]); err != nil || fields["ip"] != "192.0.2.44" {
			t.Fatalf("got %v, %v; want the address", fields, err)
		}
		later := now.AddDate(0, 0, 91)
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.Audit(t.Context(), storage.Event{At: storage.At(later), Name: "clave.failed", Personal: map[string]string{"ip": "192.0.2.45"}})
		})
		n, err := db.EraseAuditPersonal(t.Context(), later.AddDate(0, 0, -90), later, 2, ipOnly)
		if err != nil || n != 5 {
			t.Fatalf("erased %d, %v; want 5", n, err)
		}
		if left := count(t, raw, `SELECT COUNT(*) FROM audit_personal`); left != 1 {
			t.Errorf("%d personal sides are left, want the young one", left)
		}
		if fields, err := db.AuditPersonal(t.Context(), ids[0]); err != nil || len(fields) != 1 || fields["network"] != "192.0.2" {
			t.Errorf("got %v, %v; want a part of the network", fields, err)
		}
		if said := count(t, raw, `SELECT COUNT(*) FROM audit WHERE event = '`+storage.EventAuditErased+`'`); said != 3 {
			t.Errorf("%d audit rows tell of it, want one for each of the 3 transactions", said)
		}
		seal(t, db, 100)
		check, found := verify(t, db, verifiers)
		if len(found) > 0 || check.Erased != 5 || check.Personal != 1 {
			t.Errorf("got %+v with %q, want 5 erased, 1 there, nothing found", check, found)
		}
	})
}

func TestASVS_16_4_2_AuditIsAppendOnly(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		signer, _ := auditKey(t)
		events(t, db, 3)
		seal(t, db, 100)
		sign(t, db, signer, now)
		before := dump(t, db, raw)
		statements := []string{
			`UPDATE audit SET event = 'x'`, `DELETE FROM audit`, `UPDATE audit_leaf SET audit_id = audit_id + 10`, `DELETE FROM audit_leaf`,
			`UPDATE audit_node SET id = id + 100`, `DELETE FROM audit_node`, `UPDATE audit_head SET at = 1`, `DELETE FROM audit_head`,
		}
		if db.Engine() == "postgres" {
			statements = append(statements, `TRUNCATE audit`, `TRUNCATE audit_leaf`, `TRUNCATE audit_node`, `TRUNCATE audit_head`)
		}
		for _, statement := range statements {
			if _, err := raw.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s was let through", statement)
			}
		}
		if after := dump(t, db, raw); after != before {
			t.Errorf("got %s, want %s", after, before)
		}
	})
}

// Ids commit out of order on PostgreSQL: a row that a slow transaction commits
// after later ones have been sealed is not missed.
func TestSealerTakesLateCommits(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		signer, verifiers := auditKey(t)
		started, release, done := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			done <- db.InTx(t.Context(), func(tx *storage.Tx) error {
				err := tx.Audit(t.Context(), storage.Event{At: storage.At(now), Name: "slow"})
				close(started)
				<-release
				return err
			})
		}()
		<-started
		if db.Engine() == "postgres" { // SQLite has one writer, and everybody waits
			events(t, db, 4)
			if n := seal(t, db, 100); n != 4 {
				t.Errorf("sealed %d, want the 4 that are committed", n)
			}
		}
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := seal(t, db, 100); n != 1 {
			t.Errorf("sealed %d, want the late row", n)
		}
		sign(t, db, signer, now)
		if check, found := verify(t, db, verifiers); len(found) > 0 || check.Pending > 0 {
			t.Errorf("got %+v, %q; want all in the log", check, found)
		}
	})
}

func TestWritersAndTwoSealersMissNothing(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		signer, verifiers := auditKey(t)
		const writers, each = 6, 20
		writing, stop := context.WithCancel(t.Context())
		sealers := make(chan error, 2)
		for range 2 {
			go func() {
				for writing.Err() == nil {
					if _, err := db.SealAudit(t.Context(), 5); err != nil {
						sealers <- err
						return
					}
				}
				sealers <- nil
			}()
		}
		parallel(t, writers, func(ctx context.Context, i int) (bool, error) {
			for n := range each {
				err := db.InTx(ctx, func(tx *storage.Tx) error {
					return tx.Audit(ctx, storage.Event{At: storage.At(now), Name: "clave.failed", Detail: map[string]string{"w": fmt.Sprint(i, n)}})
				})
				if err != nil {
					return false, err
				}
			}
			return true, nil
		})
		stop()
		for range 2 {
			if err := <-sealers; err != nil {
				t.Error(err)
			}
		}
		for seal(t, db, 50) > 0 {
		}
		sign(t, db, signer, now)
		check, found := verify(t, db, verifiers)
		if len(found) > 0 || check.Leaves != writers*each || check.Pending != 0 {
			t.Errorf("got %+v, %q; want %d leaves and no findings", check, found, writers*each)
		}
	})
}
