package storage_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"iess.gob.ec/clave/storage"
)

// disarm does what only a superuser can: it switches the triggers off.
func disarm(t testing.TB, db *storage.DB, raw *sql.DB) {
	t.Helper()
	for _, table := range []string{"audit", "audit_leaf", "audit_node", "audit_head"} {
		if db.Engine() == "postgres" {
			must(t, raw, `ALTER TABLE `+table+` DISABLE TRIGGER `+table+`_append_only`)
			continue
		}
		must(t, raw, `DROP TRIGGER `+table+`_no_update`)
		must(t, raw, `DROP TRIGGER `+table+`_no_delete`)
	}
}

// Whatever somebody with all rights on the database does to the log, verifying
// finds it and names the row (spec T07). Every log has 11 rows and 8 of them
// under a signed head.
func TestT07_TamperingNamesTheRow(t *testing.T) {
	for _, tt := range []struct {
		name  string
		leaf  int64
		do    []string // %[1]d is the id of the row of that leaf, %[2]d the node of its hash
		found string   // %[1]d and leaf likewise
	}{
		{"edited row", 5, []string{`UPDATE audit SET event = 'clave.changed' WHERE id = %[1]d`}, "row %[1]d leaf 5: the row was changed"},
		{"edited row, no sibling yet", 10, []string{`UPDATE audit SET actor = 'nobody' WHERE id = %[1]d`}, "row %[1]d leaf 10: the row was changed"},
		{"other person", 0, []string{`UPDATE audit SET afiliado_id = 'other' WHERE id = %[1]d`}, "row %[1]d leaf 0: the row was changed"},
		{"other time", 3, []string{`UPDATE audit SET at = at + 1 WHERE id = %[1]d`}, "row %[1]d leaf 3: the row was changed"},
		{"edited detail", 7, []string{`UPDATE audit SET detail = '{}' WHERE id = %[1]d`}, "row %[1]d leaf 7: the row was changed"},
		{
			"removed row", 4,
			[]string{`DELETE FROM audit WHERE id = %[1]d`, `DELETE FROM audit_personal WHERE audit_id = %[1]d`},
			"row %[1]d leaf 4: the row was removed",
		},
		{"removed row and leaf", 4, []string{
			`DELETE FROM audit WHERE id = %[1]d`, `DELETE FROM audit_personal WHERE audit_id = %[1]d`,
			`DELETE FROM audit_leaf WHERE audit_id = %[1]d`,
		}, "row 0 leaf 4: a leaf was removed from the log"},
		{
			"removed leaf", 6,
			[]string{`DELETE FROM audit_leaf WHERE audit_id = %[1]d`},
			"row %[1]d leaf -1: the row is in no leaf: it was added behind the program's back, or its leaf was removed",
		},
		{"personal hash erased", 2, []string{`UPDATE audit SET personal_hash = '' WHERE id = %[1]d`}, "row %[1]d leaf 2: the row was changed"},
		{
			"garbled personal data", 2,
			[]string{`UPDATE audit_personal SET data = (SELECT data FROM audit_personal WHERE audit_id = %[1]d + 2) WHERE audit_id = %[1]d`},
			"row %[1]d leaf 2: the personal data of the row were changed",
		},
		{
			"added personal data", 3,
			[]string{`INSERT INTO audit_personal (audit_id, data) SELECT %[1]d, data FROM audit_personal WHERE audit_id = %[1]d - 1`},
			"row %[1]d leaf 3: personal data were added to a row that had none",
		},
		{
			"edited node of a row", 5,
			[]string{`UPDATE audit_node SET hash = (SELECT hash FROM audit_node WHERE id = 0) WHERE id = %[2]d`},
			"row %[1]d leaf 5: node %[2]d was changed; the rows below it were not",
		},
		{
			"edited inner node", 0,
			[]string{`UPDATE audit_node SET hash = (SELECT hash FROM audit_node WHERE id = 0) WHERE id = 2`},
			"row 0 leaf -1: node 2 was changed; the rows below it were not",
		},
		{
			"edited root node", 0,
			[]string{`UPDATE audit_node SET hash = (SELECT hash FROM audit_node WHERE id = 0) WHERE id = 14`},
			"row 0 leaf -1: node 14 was changed; the rows below it were not",
		},
		{"removed node", 1, []string{`DELETE FROM audit_node WHERE id = %[2]d`}, "row %[1]d leaf 1: node %[2]d, the hash of the row, is missing"},
		{"swapped leaves", 1, []string{
			`UPDATE audit_leaf SET leaf = 100 WHERE audit_id = %[1]d`, `UPDATE audit_leaf SET leaf = 1 WHERE audit_id = %[1]d + 1`,
			`UPDATE audit_leaf SET leaf = 2 WHERE leaf = 100`,
		}, "row %[1]d leaf 2: the row was changed"},
		{
			"row hidden from the sealer", 8,
			[]string{`INSERT INTO audit (at, event, afiliado_id, client_id, actor, request_id, detail, personal_hash)
			VALUES (1, 'forged', '', '', '', '', '', '')`, `DELETE FROM audit_pending`},
			"row 12 leaf -1: the row is in no leaf: it was added behind the program's back, or its leaf was removed",
		},
		{"row removed before sealing", 8, []string{`INSERT INTO audit (at, event, afiliado_id, client_id, actor, request_id, detail, personal_hash)
			VALUES (1, 'done', '', '', '', '', '', '')`, `DELETE FROM audit WHERE event = 'done'`}, "row 12 leaf -1: the row was removed before it was sealed"},
		{"end cut off", 9, []string{`DELETE FROM audit_leaf WHERE leaf >= 9`}, "row %[1]d leaf -1: the row is in no leaf: it was added behind the program's back, or its leaf was removed"},
		{"signed end cut off", 6, []string{`DELETE FROM audit_leaf WHERE leaf >= 6`}, "row 0 leaf -1: the log was cut: on 2026-11-22 it had 8 leaves, now it has 6"},
		{"leaf sent away", 6, []string{`UPDATE audit_leaf SET leaf = 1000000000000 WHERE audit_id = %[1]d`}, "row 0 leaf 6: a leaf was removed from the log"},
		{"head of another size", 0, []string{`UPDATE audit_head SET size = 7`}, "row 0 leaf -1: the head of 7 leaves does not hold: storage: a signed head of the audit is malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
				signer, verifiers := auditKey(t)
				ids := events(t, db, 8)
				seal(t, db, 100)
				sign(t, db, signer, now)
				ids = append(ids, events(t, db, 3)...)
				seal(t, db, 100)
				disarm(t, db, raw)
				id, node := ids[tt.leaf], tlog.StoredHashIndex(0, tt.leaf)
				for _, do := range tt.do {
					must(t, raw, filled(do, id, node))
				}
				check, found := verify(t, db, verifiers)
				if want := filled(tt.found, id, node); !slices.Contains(found, want) {
					t.Errorf("got %q, want %q among them", found, want)
				}
				if check.Findings != int64(len(found)) {
					t.Errorf("counted %d findings of %d", check.Findings, len(found))
				}
				if strings.HasPrefix(tt.name, "edited") && len(found) != 1 {
					t.Errorf("got %q, want that alone", found)
				}
			})
		})
	}
}

func filled(text string, id, node int64) string {
	text = strings.ReplaceAll(text, "%[1]d", fmt.Sprint(id))
	return strings.ReplaceAll(text, "%[2]d", fmt.Sprint(node))
}

// rebuild rewrites the log's nodes and leaves from the rows as they are now, as
// somebody would who knows how it is made.
func rebuild(t testing.TB, db *storage.DB, raw *sql.DB) {
	t.Helper()
	must(t, raw, `DELETE FROM audit_node`)
	must(t, raw, `DELETE FROM audit_leaf`)
	must(t, raw, `DELETE FROM audit_pending`)
	must(t, raw, `INSERT INTO audit_pending (audit_id) SELECT id FROM audit`)
	seal(t, db, 1000)
}

// A log rebuilt from forged rows is whole in itself; only what was signed tells.
func TestT07_RebuiltLogFailsItsHeads(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		signer, verifiers := auditKey(t)
		ids := events(t, db, 8)
		seal(t, db, 100)
		first := sign(t, db, signer, now)
		events(t, db, 8)
		seal(t, db, 100)
		second := sign(t, db, signer, now.AddDate(0, 0, 1))
		disarm(t, db, raw)
		must(t, raw, fmt.Sprintf(`UPDATE audit SET event = 'forged' WHERE id = %d`, ids[7]+3))
		rebuild(t, db, raw)

		want := "row 0 leaf -1: the head signed on 2026-11-23 for 16 leaves has another root: a leaf from 8 to 15 was changed together with its nodes"
		check, found := verify(t, db, verifiers)
		if !slices.Equal(found, []string{want}) || check.SignedTo != 8 {
			t.Errorf("got %q, signed to %d; want %q, 8", found, check.SignedTo, want)
		}
		if _, err := db.SignAuditHead(t.Context(), signer, now.AddDate(0, 0, 2)); err == nil {
			t.Error("the forged log was signed")
		}
		must(t, raw, `DELETE FROM audit_head`)
		if _, found := verify(t, db, verifiers); len(found) != 0 {
			t.Errorf("got %q, want nothing: no head is left", found)
		}
		if _, found := verify(t, db, verifiers, first, second); !slices.Equal(found, []string{want}) {
			t.Errorf("with the copies kept elsewhere got %q, want %q", found, want)
		}
	})
}

// Heads signed by somebody else's key are worth nothing.
func TestT07_HeadsOfAnotherKeyDoNotHold(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		_, verifiers := auditKey(t)
		other, _ := auditKey(t)
		events(t, db, 3)
		seal(t, db, 100)
		signed := sign(t, db, other, now)
		if _, found := verify(t, db, verifiers); len(found) != 1 || !strings.Contains(found[0], "none of the keys it was checked with has signed it") {
			t.Errorf("got %q, want the head refused", found)
		}
		if check, found := verify(t, db, nil); len(found) != 0 || check.Unchecked != 1 {
			t.Errorf("got %+v, %q; want one head counted as unchecked", check, found)
		}
		disarm(t, db, raw)
		garbled := strings.Replace(signed, "\n3\n", "\n2\n", 1)
		must(t, raw, `UPDATE audit_head SET size = 2, note = '`+garbled+`'`)
		if _, found := verify(t, db, note.VerifierList()); len(found) != 1 {
			t.Errorf("got %q, want the head refused", found)
		}
	})
}
