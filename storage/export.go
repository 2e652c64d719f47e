package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ExportKind is how a value of an export is to be read.
type ExportKind string

// The kinds.
const (
	ExportText    ExportKind = ""
	ExportNumber  ExportKind = "n"
	ExportFlag    ExportKind = "flag"
	ExportInstant ExportKind = "at"   // Text is RFC 3339, UTC; "" for never
	ExportJSON    ExportKind = "json" // Text is JSON
)

// Held is why a column of an exported table is kept back. That it exists is said.
type Held string

// The reasons.
const (
	HeldSecret   Held = "secreto" // a secret, or a hash that could be tried: whoever has the file would have it
	HeldDigest   Held = "huella"  // a keyed hash of what is given beside it, or of a network, to find rows by
	HeldInternal Held = "interno" // a mark of the program or of an application, which says nothing about a person
)

// Export is every row about one person in every table (LOPDP arts. 13 and 17).
type Export []ExportTable

// ExportTable is what one table holds about her.
type ExportTable struct {
	Name string
	Rows [][]ExportField
	Held []ExportHeld // what of each row is kept back
}

// ExportHeld is a column that is kept back.
type ExportHeld struct {
	Column string
	Reason Held
}

// ExportField is one value. Broken: it is sealed, and does not open.
type ExportField struct {
	Column string
	Kind   ExportKind
	Text   string
	Broken bool
}

// JSON is the value as JSON; null for one that does not open, and for an instant
// that never was.
func (f ExportField) JSON() json.RawMessage {
	switch {
	case f.Broken, f.Kind != ExportText && f.Text == "":
		return json.RawMessage("null")
	case f.Kind == ExportText, f.Kind == ExportInstant, !json.Valid([]byte(f.Text)):
		out, _ := json.Marshal(f.Text) // strings always marshal
		return out
	default:
		return json.RawMessage(f.Text)
	}
}

// Table is the table of that name, empty where there is none.
func (e Export) Table(name string) ExportTable {
	for _, t := range e {
		if t.Name == name {
			return t
		}
	}
	return ExportTable{Name: name}
}

// Get is the text of a column of a row, "" where there is none.
func Get(row []ExportField, column string) string {
	for _, f := range row {
		if f.Column == column {
			return f.Text
		}
	}
	return ""
}

// ExportPlan says of each table with rows about people, in the order of an export,
// which columns are given and which are kept back.
func ExportPlan() []ExportTable {
	var out []ExportTable
	for _, s := range exportSources {
		t := ExportTable{Name: s.table, Held: s.held}
		var row []ExportField
		for _, c := range s.parsed() {
			row = append(row, ExportField{Column: c.name, Kind: c.kind})
		}
		t.Rows = [][]ExportField{row}
		out = append(out, t)
	}
	return out
}

// ImpersonalTables are the tables without rows about a person, each with the reason.
func ImpersonalTables() map[string]string {
	out := map[string]string{}
	for _, t := range impersonal {
		out[t[0]] = t[1]
	}
	return out
}

// Export reads every row about a person on one unchanging view of the database.
// What identifies her is opened; secrets are left out. ErrNotFound for nobody.
func (db *DB) Export(ctx context.Context, afiliadoID string) (Export, error) {
	a, err := db.Afiliado(ctx, afiliadoID)
	if err != nil {
		return nil, err
	}
	args := map[whose]string{
		wherePerson: a.ID, whereIdentifier: string(db.IdentifierMAC(a.Identifier)),
		wherePressure: string(db.PressureKey("identifier", string(a.Identifier))), whereAddress: string(db.addressMAC(a.Email)),
	}
	var out Export
	err = db.snapshot(ctx, func(r reads) error {
		for _, s := range exportSources {
			t := ExportTable{Name: s.table, Held: s.held}
			if t.Rows, err = r.exportRows(ctx, s, args); err != nil {
				return fmt.Errorf("storage: export %s: %w", s.table, err)
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

// whose is what finds a person's rows.
type whose byte

const (
	wherePerson     whose = 'p' // her opaque id
	whereIdentifier whose = 'i' // the hash of her identifier
	wherePressure   whose = 'b' // the name of her bucket of pressure
	whereAddress    whose = 'e' // the hash of her address
)

// exportSource is how the rows of a table about a person are found and given.
type exportSource struct {
	table string
	// rows is a condition on the table t; by says, a letter for each ?, what it is
	// about.
	rows, by string
	order    string
	// columns are those given, in order, each with its kind after a colon; sealed
	// and sealedjson are opened. The rest is in held.
	columns string
	// purpose and key are what sealed columns are sealed for, and the column that is
	// part of their place.
	purpose, key string
	held         []ExportHeld
}

// exportColumn is one of exportSource.columns.
type exportColumn struct {
	name   string
	kind   ExportKind
	sealed bool
}

func (s exportSource) parsed() []exportColumn {
	var out []exportColumn
	for _, field := range strings.Fields(s.columns) {
		name, kind, _ := strings.Cut(field, ":")
		rest, sealed := strings.CutPrefix(kind, "sealed")
		out = append(out, exportColumn{name, ExportKind(rest), sealed})
	}
	return out
}

// keep is the columns of one reason.
func keep(reason Held, columns string) []ExportHeld {
	var out []ExportHeld
	for _, c := range strings.Fields(columns) {
		out = append(out, ExportHeld{c, reason})
	}
	return out
}

// query selects a person's rows: the columns of parsed, and where the sealed ones are
// sealed for one that is not among them, that one at the end. It also returns where in a
// row that is; -1: nothing is sealed.
func (s exportSource) query() (string, int) {
	query, key, columns := `SELECT `, -1, s.parsed()
	for i, c := range columns {
		query += `t.` + c.name + `, `
		if c.name == s.key {
			key = i
		}
	}
	if s.key != "" && key < 0 {
		key = len(columns)
		query += `t.` + s.key + `, `
	}
	return strings.TrimSuffix(query, ", ") + ` FROM ` + s.table + ` t WHERE ` + s.rows + ` ORDER BY ` + s.order, key
}

func (r reads) exportRows(ctx context.Context, s exportSource, args map[whose]string) ([][]ExportField, error) {
	columns := s.parsed()
	query, key := s.query()
	var values []any
	for _, b := range []byte(s.by) {
		value := any([]byte(args[whose(b)]))
		if whose(b) == wherePerson {
			value = args[wherePerson]
		}
		values = append(values, value)
	}
	rows, err := r.tx.QueryxContext(ctx, r.db.dia.rebind(query), values...)
	if err != nil {
		return nil, r.db.dia.mapped(err)
	}
	defer rows.Close()
	var out [][]ExportField
	for rows.Next() {
		cells, err := rows.SliceScan()
		if err != nil {
			return nil, err
		}
		var place string
		if key >= 0 {
			place = exportText(cells[key], ExportText)
		}
		row := make([]ExportField, len(columns))
		for i, c := range columns {
			row[i] = ExportField{Column: c.name, Kind: c.kind}
			if !c.sealed {
				row[i].Text = exportText(cells[i], c.kind)
				continue
			}
			value, err := r.db.ring.open(s.purpose, s.table+"."+c.name+"/"+place, []byte(exportText(cells[i], ExportText)))
			row[i].Text, row[i].Broken = string(value), err != nil
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// exportText is a cell as text.
func exportText(cell any, kind ExportKind) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		switch {
		case kind == ExportInstant && v == 0:
			return ""
		case kind == ExportInstant:
			return time.UnixMicro(v).UTC().Format(time.RFC3339Nano)
		case kind == ExportFlag:
			return strconv.FormatBool(v != 0)
		default:
			return strconv.FormatInt(v, 10)
		}
	default:
		return fmt.Sprint(v)
	}
}

// withheld joins columns of several reasons.
func withheld(all ...[]ExportHeld) []ExportHeld { return slices.Concat(all...) }
