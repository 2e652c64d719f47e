package storage_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// column is one of the live schema.
type column struct{ name, typ string }

// columns are those of a table of the live schema.
func columns(t testing.TB, db *storage.DB, raw *sql.DB, table string) []column {
	t.Helper()
	query := `SELECT name, type FROM pragma_table_info('` + table + `')`
	if db.Engine() == "postgres" {
		query = `SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '` + table + `'`
	}
	rows, err := raw.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.typ); err != nil {
			t.Fatal(err)
		}
		out = append(out, column{c.name, strings.ToLower(c.typ)})
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// A table, or a column, that an export does not know of would be kept from people
// (LOPDP art. 13): whoever adds one says here whether it is theirs.
func TestLAW05_LAW06_ExportKnowsEveryTableAndColumn(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		known := map[string][]string{}
		for _, table := range storage.ExportPlan() {
			for _, f := range table.Rows[0] {
				known[table.Name] = append(known[table.Name], f.Column)
			}
			for _, h := range table.Held {
				known[table.Name] = append(known[table.Name], h.Column)
			}
		}
		live := append(tables(t, db, raw), "goose_db_version")
		for _, table := range live {
			if storage.ImpersonalTables()[table] != "" {
				if known[table] != nil {
					t.Errorf("table %s is exported, and said to be about nobody", table)
				}
				continue
			}
			if known[table] == nil {
				t.Errorf("table %s is in no export: add it to storage/export_tables.go, or to impersonal with the reason", table)
				continue
			}
			var got []string
			for _, c := range columns(t, db, raw, table) {
				got = append(got, c.name)
			}
			want := known[table]
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("table %s has the columns %q, the export gives or holds %q", table, got, want)
			}
		}
		for table := range known {
			if !slices.Contains(live, table) {
				t.Errorf("there is no table %s", table)
			}
		}
	})
}

// her is a person with a row in every table, each of whose values has her mark.
type her struct {
	storage.Afiliado
	n       int64 // differs from the other's
	session string
	grant   string
	audit   int64
}

func (h her) mark(table, column string) string {
	return fmt.Sprintf("%s-%s-%s-%d", h.GivenName, table, column, h.n)
}

// bound are the values of columns that say whose a row is, or that the schema does
// not leave free.
func (h her) bound(db *storage.DB, table string) map[string]any {
	mac := db.IdentifierMAC(h.Identifier)
	out := map[string]map[string]any{
		"login_budget":    {"identifier_mac": mac, "lock_reason": "login"},
		"recovery_budget": {"identifier_mac": mac},
		"errand":          {"identifier_mac": mac},
		"recovery":        {"identifier_mac": mac, "afiliado_id": ""},
		"pressure":        {"key": db.PressureKey("identifier", string(h.Identifier))},
		"suppression":     {"address_mac": storage.AddressMAC(db, h.Email)},
		"session":         {"id": h.session},
		"session_client":  {"session_id": h.session},
		"oauth_grant":     {"id": h.grant},
		"access_token":    {"grant_id": h.grant},
		"refresh_token":   {"grant_id": h.grant},
		"audit_origin":    {"audit_id": h.audit},
		"audit_leaf":      {"audit_id": h.audit, "leaf": h.audit + 1000},
		"ceremony":        {"kind": "create"},
		"consent":         {"kind": "notice"},
		"outbox":          {"kind": "mail", "state": "sent"},
		"logout_delivery": {"state": "pending"},
		"event_delivery":  {"state": "pending"},
		"contact_change":  {"cancelled_at": int64(0)},
		"historia":        {"month": h.n%12 + 1},
		"rights_request":  {"kind": "acceso", "state": "contestada", "outcome": "parcial"},
	}[table]
	if out == nil {
		out = map[string]any{}
	}
	return out
}

// seed writes a row of every exported table for her, and returns the text that each
// column of it is to have in her export.
func seed(t *testing.T, db *storage.DB, raw *sql.DB, h *her) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	inTx(t, db, func(tx *storage.Tx) error {
		return errors.Join(tx.AddAfiliado(t.Context(), h.Afiliado), tx.Audit(t.Context(), storage.Event{
			At: storage.At(now), Name: h.mark("audit", "event"), AfiliadoID: h.ID, Personal: map[string]string{"ip": h.mark("audit_personal", "data")},
		}))
	})
	err := raw.QueryRowContext(t.Context(), `SELECT MAX(id) FROM audit`).Scan(&h.audit)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range storage.ExportPlan() {
		switch table.Name {
		case "afiliado", "audit", "audit_personal", "audit_pending": // there by now
			continue
		}
		values := h.bound(db, table.Name)
		purpose, key, sealed := storage.SealedFor(table.Name)
		want := map[string]string{}
		live := columns(t, db, raw, table.Name)
		slices.SortFunc(live, func(a, b column) int { // what others are sealed for comes first
			if (a.name == key) != (b.name == key) {
				return map[bool]int{true: -1, false: 1}[a.name == key]
			}
			return strings.Compare(a.name, b.name)
		})
		for i, c := range live {
			mark := h.mark(table.Name, c.name)
			if set, ok := values[c.name]; ok {
				if want[c.name] = fmt.Sprint(set); set == int64(0) {
					want[c.name] = "" // never
				}
				continue
			}
			switch at := now.Add(time.Duration(h.n*1000+int64(i)) * time.Second); {
			case c.name == "afiliado_id":
				values[c.name], want[c.name] = h.ID, h.ID
			case slices.Contains(sealed, c.name):
				want[c.name] = `{"mark":"` + mark + `"}`
				if values[c.name], err = storage.Seal(db, purpose, table.Name+"."+c.name+"/"+fmt.Sprint(values[key]), want[c.name]); err != nil {
					t.Fatal(err)
				}
			case c.typ == "bigint" && slices.ContainsFunc(table.Rows[0], func(f storage.ExportField) bool {
				return f.Column == c.name && f.Kind == storage.ExportInstant
			}):
				values[c.name], want[c.name] = at.UnixMicro(), at.Format(time.RFC3339Nano)
			case c.typ == "bigint" || c.typ == "integer":
				values[c.name], want[c.name] = h.n*100+int64(i), fmt.Sprint(h.n*100+int64(i))
			case c.typ == "boolean":
				values[c.name], want[c.name] = h.n%2 == 0, fmt.Sprint(h.n%2 == 0)
			case c.typ == "bytea" || c.typ == "blob":
				values[c.name], want[c.name] = []byte(mark), mark
			default:
				values[c.name], want[c.name] = mark, mark
			}
		}
		insert(t, db, raw, table.Name, values)
		all[table.Name] = want
	}
	return all
}

func insert(t *testing.T, db *storage.DB, raw *sql.DB, table string, values map[string]any) {
	t.Helper()
	var names, places []string
	var args []any
	for name, value := range values {
		names = append(names, name)
		places = append(places, fmt.Sprintf("$%d", len(names)))
		if db.Engine() != "postgres" {
			places[len(places)-1] = "?"
		}
		args = append(args, value)
	}
	statement := `INSERT INTO ` + table + ` (` + strings.Join(names, ", ") + `) VALUES (` + strings.Join(places, ", ") + `)`
	if _, err := raw.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
}

// Her export has each of her rows, whole but for what is held, and nothing of
// anybody else.
func TestLAW05_LAW06_ExportHasHerRowsAndNobodyElses(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		people := []*her{{n: 1}, {n: 2}}
		seeds := make([]map[string]map[string]string, 2)
		for i, h := range people {
			h.Afiliado = maria([]string{"1759999913", "0959999921"}[i])
			h.GivenName, h.Email = []string{"Ana", "Bea"}[i], []string{"ana@example.org", "bea@example.org"}[i]
			h.session, h.grant = storage.NewID(), storage.NewID()
			seeds[i] = seed(t, db, raw, h)
		}
		for i, h := range people {
			other := people[1-i]
			export, err := db.Export(t.Context(), h.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, table := range storage.ExportPlan() {
				rows := export.Table(table.Name).Rows
				if len(rows) != 1 {
					t.Errorf("%s: the export has %d rows of hers, want 1", table.Name, len(rows))
					continue
				}
				for _, f := range rows[0] {
					want, seeded := seeds[i][table.Name][f.Column]
					if seeded && (f.Text != want || f.Broken) || !json.Valid(f.JSON()) {
						t.Errorf("%s.%s: got %q, want %q", table.Name, f.Column, f.Text, want)
					}
				}
			}
			whole := fmt.Sprint(export)
			for _, mine := range []string{"1985-03-14", "+593991234567", string(h.Identifier), h.Email, h.mark("audit_personal", "data"), h.mark("audit", "event")} {
				if !strings.Contains(whole, mine) {
					t.Errorf("her export lacks %q", mine)
				}
			}
			for _, foreign := range []string{other.GivenName + "-", other.ID, string(other.Identifier), other.Email, other.session, other.grant} {
				if strings.Contains(whole, foreign) {
					t.Errorf("her export has %q of somebody else", foreign)
				}
			}
			for _, table := range storage.ExportPlan() {
				for _, held := range table.Held {
					if strings.Contains(whole, h.mark(table.Name, held.Column)) {
						t.Errorf("%s.%s is to be kept back, and is in the export", table.Name, held.Column)
					}
				}
			}
		}
		if _, err := db.Export(t.Context(), "nobody"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %v for nobody, want ErrNotFound", err)
		}
	})
}

// Of a table that keeps rows for long no more is read than hers: whoever takes her data
// must not make everybody else wait. (SQLite tells how a statement finds its rows
// whatever the tables hold; both databases have the same indexes.)
func TestLAW05_ExportReadsHerRowsAlone(t *testing.T) {
	raw := beside(t, storagetest.URL(t, "sqlite"))
	brief := map[string]string{
		"auth_request":  "a day at most",
		"access_token":  "as long as it is good for",
		"ceremony":      "five minutes",
		"audit_pending": "a second",
		"suppression":   "few addresses take no mail",
	}
	for _, table := range storage.ExportPlan() {
		query := storage.ExportQuery(table.Name)
		args := make([]any, strings.Count(query, "?"))
		for _, step := range planned(t, raw, query, args) {
			if strings.HasPrefix(step, "SCAN ") && brief[table.Name] == "" {
				t.Errorf("%s: %s", table.Name, step)
			}
		}
	}
}

// planned is how SQLite goes about a statement.
func planned(t *testing.T, raw *sql.DB, query string, args []any) []string {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		out = append(out, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// What does not open is said to be there, and keeps nothing else back.
func TestLAW05_ExportSurvivesWhatDoesNotOpen(t *testing.T) {
	url := storagetest.URL(t, "sqlite")
	db := open(t, url)
	a := person(t, db, "1759999913")
	inTx(t, db, func(tx *storage.Tx) error {
		return tx.Enqueue(t.Context(), storage.Message{AfiliadoID: a.ID, Template: "prueba", Recipient: a.Email, CreatedAt: storage.At(now)})
	})
	must(t, beside(t, url), `UPDATE outbox SET recipient = CAST('broken' AS BLOB)`)
	export, err := db.Export(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range export.Table("outbox").Rows[0] {
		if broken := f.Column == "recipient"; f.Broken != broken || broken && string(f.JSON()) != "null" {
			t.Errorf("%s: broken is %v: %s", f.Column, f.Broken, f.JSON())
		}
	}
}
