package storage_test

import (
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// ipOnly keeps the first three numbers of an address.
func ipOnly(fields map[string]string) map[string]string {
	ip, out := fields["ip"], map[string]string{}
	if i := strings.LastIndex(ip, "."); i > 0 {
		out["network"] = ip[:i]
	}
	return out
}

// C8: what is erased after 90 days leaves its coarse half until 13 months after the
// event, for people only. The log proves the same, and no copy of the whole is kept.
func TestC8_ErasedPersonalDataLeaveTheCoarse(t *testing.T) {
	at(t, func(t *testing.T, url string) {
		db, raw := open(t, url), beside(t, url)
		ctx := t.Context()
		a := person(t, db, "1759999913")
		signer, verifiers := auditKey(t)
		born := time.Date(2026, time.January, 31, 15, 0, 0, 0, time.UTC)
		for i, e := range []storage.Event{
			{AfiliadoID: a.ID, Personal: map[string]string{"ip": "192.0.2.44", "user_agent": "Canario/7"}},
			{Personal: map[string]string{"ip": "192.0.2.44"}}, // nobody's
			{AfiliadoID: a.ID, Personal: map[string]string{"ip": "?"}},
			{AfiliadoID: a.ID},
			{AfiliadoID: a.ID, Personal: map[string]string{"ip": "192.0.2.46"}}, // does not open
			{AfiliadoID: a.ID, Personal: map[string]string{"ip": "192.0.2.47"}},
		} {
			e.At, e.Name, e.Actor = storage.At(born.Add(time.Duration(i/5)*time.Hour)), "clave.failed", "afiliado"
			inTx(t, db, func(tx *storage.Tx) error { return tx.Audit(ctx, e) })
		}
		rows, err := db.AuditRows(ctx, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, r := range rows[len(rows)-6:] {
			ids = append(ids, r.ID)
		}
		seal(t, db, 100)
		sign(t, db, signer, born)
		personals := func(want map[int]string) {
			t.Helper()
			got, err := db.AuditPersonals(ctx, ids)
			if err != nil || len(got) != len(want) {
				t.Fatalf("got %v, %v; want %v", got, err, want)
			}
			for i, w := range want {
				if one, err := db.AuditPersonal(ctx, ids[i]); err != nil || !maps.Equal(one, got[ids[i]]) || fmt.Sprint(one) != w {
					t.Errorf("event %d: got %v, %v, of all %v; want %s", i, one, err, got[ids[i]], w)
				}
			}
		}
		whole := map[int]string{
			0: "map[ip:192.0.2.44 user_agent:Canario/7]", 1: "map[ip:192.0.2.44]", 2: "map[ip:?]", 4: "map[ip:192.0.2.46]", 5: "map[ip:192.0.2.47]",
		}
		personals(whole)
		erase := func(now time.Time) int64 {
			t.Helper()
			n, err := db.EraseAuditPersonal(ctx, now.AddDate(0, 0, -90), now, 2, ipOnly)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := erase(born.AddDate(0, 0, 90)); n != 0 {
			t.Errorf("erased %d on the ninetieth day", n)
		}
		personals(whole)
		must(t, raw, fmt.Sprintf(`UPDATE audit_personal SET data = (SELECT data FROM audit_personal WHERE audit_id = %d) WHERE audit_id = %d`, ids[0], ids[4]))
		if n := erase(born.AddDate(0, 0, 91)); n != 5 {
			t.Errorf("erased %d, want 5", n)
		}
		left := map[int]string{0: "map[network:192.0.2]", 5: "map[network:192.0.2]"}
		personals(left)
		if n := count(t, raw, `SELECT COUNT(*) FROM audit_personal`); n != 0 {
			t.Errorf("%d whole parts are left", n)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM audit_origin`); n != 2 {
			t.Errorf("%d coarse parts are left, want 2", n)
		}
		export, err := db.Export(ctx, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(export.Table("audit_origin").Rows); n != 2 || strings.Contains(fmt.Sprint(export), "192.0.2.4") || strings.Contains(fmt.Sprint(export), "Canario") {
			t.Errorf("her export has %d of them, or the whole address", n)
		}
		if strings.Contains(dump(t, db, raw), "192.0.2") {
			t.Error("a network lies open in the database")
		}

		fresh := newKey()
		rotated := withKeys(t, url, func(k *storage.Keys) {
			k.Seal = maps.Clone(k.Seal)
			k.Current, k.Seal["fresh"] = "fresh", fresh
		})
		if _, err := rotated.Reseal(ctx, nil); err != nil {
			t.Fatal(err)
		}
		alone := withKeys(t, url, func(k *storage.Keys) { k.Current, k.Seal = "fresh", map[string][]byte{"fresh": fresh} })
		if got, err := alone.AuditPersonal(ctx, ids[0]); err != nil || got["network"] != "192.0.2" {
			t.Errorf("under the new key: got %v, %v", got, err)
		}
		must(t, raw, fmt.Sprintf(`UPDATE audit_origin SET data = (SELECT data FROM audit_origin WHERE audit_id = %d) WHERE audit_id = %d`, ids[0], ids[5]))
		if got, err := alone.AuditPersonal(ctx, ids[5]); err == nil {
			t.Errorf("that of another row opened: %v", got)
		}

		seal(t, alone, 100)
		check, found := verify(t, alone, verifiers)
		if len(found) > 0 || check.Erased != 5 || check.Personal != 0 {
			t.Errorf("got %+v with %q, want 5 erased, nothing found", check, found)
		}

		over := time.Date(2027, time.February, 28, 15, 0, 0, 0, time.UTC) // it has no 31st
		for _, tt := range []struct {
			at   time.Time
			left int
		}{{over.Add(-time.Microsecond), 2}, {over, 1}, {over.Add(time.Hour), 0}} {
			if _, err := alone.Purge(ctx, tt.at, 1); err != nil {
				t.Fatal(err)
			}
			if n := count(t, raw, `SELECT COUNT(*) FROM audit_origin`); n != tt.left {
				t.Errorf("at %s %d are left, want %d", tt.at, n, tt.left)
			}
		}
		if got, err := alone.AuditPersonals(ctx, ids); err != nil || len(got) != 0 {
			t.Errorf("after 13 months: got %v, %v", got, err)
		}
	})
}

// A part that is erased after 13 months or more leaves nothing.
func TestC8_WhatIsOverLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		events(t, db, 3)
		later := now.AddDate(0, 13, 0)
		if n, err := db.EraseAuditPersonal(t.Context(), later, later, 100, ipOnly); err != nil || n != 2 {
			t.Errorf("erased %d, %v; want 2", n, err)
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM audit_origin`); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}
