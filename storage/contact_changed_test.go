package storage_test

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// T05: a file that changes somebody's address leaves word for both addresses,
// once, and what lies in the former mailbox opens nothing any more. New people,
// other changes, and capitals are no cause.
func TestT05_ImportOfAnotherAddress(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		ctx := t.Context()
		var refused []string
		line := "1759999913,%,Quishpe,1985-03-14,@,,,afiliado,activa,si\n"
		file := func(name, address string) string {
			return afiliadosHeader + strings.NewReplacer("%", name, "@", address).Replace(line) +
				"0959999913,Eva,Mora,1985-03-14,eva@example.org,,,afiliado,activa,si\n"
		}
		due := func() []storage.Errand {
			t.Helper()
			all, err := db.DueErrands(ctx, now.Add(time.Hour), 10)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		importAfiliados(t, db, file("María", "maria@example.org"), importing(&refused))
		importAfiliados(t, db, file("María Fernanda", "Maria@example.org"), importing(&refused))
		if all := due(); len(all) != 0 {
			t.Fatalf("got %+v, want nobody told", all)
		}
		a, err := db.AfiliadoByIdentifier(ctx, "1759999913")
		if err != nil {
			t.Fatal(err)
		}
		eva, err := db.AfiliadoByIdentifier(ctx, "0959999913")
		if err != nil {
			t.Fatal(err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			for _, l := range []storage.Link{
				link02(a.ID, "unlock", storage.LinkDesbloqueo), link02(a.ID, "disavow", storage.LinkNoFuiYo),
				link02(a.ID, "change", storage.LinkCambio), link02(eva.ID, "eva", storage.LinkDesbloqueo),
			} {
				if err := tx.AddLink(ctx, l); err != nil {
					return err
				}
				m := mailTo(*a)
				m.ID, m.AfiliadoID, m.LinkID = "mail-"+l.ID, l.AfiliadoID, l.ID
				if err := tx.Enqueue(ctx, m); err != nil {
					return err
				}
			}
			return nil
		})
		for range 2 { // the second time nothing is new
			importAfiliados(t, db, file("María Fernanda", "mf@example.net"), importing(&refused))
		}
		for id, live := range map[string]bool{"unlock": false, "disavow": false, "change": true, "eva": true} {
			if l, err := db.Link(ctx, id); err != nil || l.Live(now) != live {
				t.Errorf("link %s: got %+v, %v; want live %v", id, l, err, live)
			}
		}
		for id, state := range map[string]string{
			"mail-unlock": storage.MessageExpired, "mail-disavow": storage.MessagePending, "mail-eva": storage.MessagePending,
		} {
			if m, err := db.Message(ctx, id); err != nil || m.State != state {
				t.Errorf("%s: got %+v, %v; want %s", id, m, err, state)
			}
		}
		all := due()
		if len(all) != 1 || all[0].Kind != storage.ErrandContact || string(all[0].IdentifierMAC) != string(db.IdentifierMAC(a.Identifier)) {
			t.Fatalf("got %+v, want one errand for her", all)
		}
		data, err := db.ErrandData(ctx, all[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		var c storage.ChangedContact
		if err := json.Unmarshal(data, &c); err != nil || !c.When.Equal(now) || c.Former != "Maria@example.org" || c.Present != "mf@example.net" {
			t.Errorf("got %+v, %v; want both addresses", c, err)
		}
		if kept := dump(t, db, raw); strings.Contains(strings.ToLower(kept), "maria@") || strings.Contains(kept, "mf@example.net") {
			t.Error("an address lies in clear")
		}
		if rows, err := db.PersonEvents(ctx, a.ID, storage.EventContactChanged, now, 10); err != nil || len(rows) != 1 {
			t.Errorf("got %d audit rows, %v; want one", len(rows), err)
		}
	})
}
