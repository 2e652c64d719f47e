package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// HistoriaColumns are the columns of "clave import historia", in any order.
func HistoriaColumns() []Column {
	return []Column{
		{"cedula", true, "of a person who is on file already"},
		{"empleador_ruc", true, "RUC or número patronal: 4 to 20 digits, capital letters or hyphens"},
		{"empleador", true, "name of the employer, at most 200 characters"},
		{"anio", true, "year, from 1928"},
		{"mes", true, "month, 1 to 12"},
		{"dias", true, "days contributed in it, 0 to 31"},
		{"sueldo", true, "salary in dollars, with two decimals at most: 482.00 or 482,00, no thousands separator"},
		{"tipo", true, "tipo de planilla, at most 60 characters"},
		{"provincia", false, "province of the employer, at most 60 characters"},
		{"sector", false, "sector of the employer, at most 60 characters"},
	}
}

// ImportHistoria reads months of work history from a CSV file, HistoriaColumns,
// under the same rules as ImportAfiliados. A month at an employer that is on
// file with the same tipo gets the file's data in place of its own.
func (db *DB) ImportHistoria(ctx context.Context, r io.ReadSeeker, opts ImportOptions) (ImportReport, error) {
	return db.importFile(ctx, ImportKindHistoria, r, HistoriaColumns(), &historiaImport{db: db, opts: opts}, opts)
}

// Historia is one month of contributions of a person at one employer.
type Historia struct {
	AfiliadoID  string `db:"afiliado_id"`
	EmployerID  string `db:"employer_id"` // RUC or número patronal
	Year        int    `db:"year"`
	Month       int    `db:"month"`
	Kind        string `db:"kind"` // tipo de planilla
	Employer    string `db:"employer"`
	Province    string `db:"province"`
	Sector      string `db:"sector"`
	Days        int    `db:"days"`
	SalaryCents int64  `db:"salary_cents"`
}

const historiaColumns = `h.afiliado_id, h.employer_id, h.year, h.month, h.kind, h.employer, h.province, h.sector, h.days, h.salary_cents`

// Historia returns a person's work history, oldest month first.
func (r reads) Historia(ctx context.Context, afiliadoID string) ([]Historia, error) {
	var out []Historia
	err := r.list(ctx, &out, `SELECT `+historiaColumns+` FROM historia h WHERE h.afiliado_id = ?
		ORDER BY h.year, h.month, h.employer_id, h.kind`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: historia: %w", err)
	}
	return out, nil
}

type historiaLine struct {
	line int64
	mac  []byte
	h    Historia
}

type historiaImport struct {
	db    *DB
	opts  ImportOptions
	batch []historiaLine
}

func (m *historiaImport) drop() { m.batch = m.batch[:0] }

var employerSyntax = regexp.MustCompile(`^[0-9A-Z-]{4,20}$`)

func (m *historiaImport) parse(r record) *Refusal {
	l := historiaLine{line: r.line}
	h := &l.h
	var err error
	refused := r.each([]setter{
		{"cedula", func(s string) error {
			var id Identifier
			id, _, err = m.opts.Identifier(s)
			l.mac = m.db.IdentifierMAC(id)
			return err
		}},
		{"empleador_ruc", func(s string) error {
			if h.EmployerID = s; !employerSyntax.MatchString(s) {
				return errors.New("is not a RUC or número patronal of 4 to 20 digits, capital letters or hyphens")
			}
			return nil
		}},
		{"empleador", func(s string) error { return shortText(s, 200, true, &h.Employer) }},
		{"anio", func(s string) error { return wholeNumber(s, 1928, m.opts.Now().Year(), &h.Year) }},
		{"mes", func(s string) error { return wholeNumber(s, 1, 12, &h.Month) }},
		{"dias", func(s string) error { return wholeNumber(s, 0, 31, &h.Days) }},
		{"sueldo", func(s string) error { h.SalaryCents, err = parseCents(s); return err }},
		{"tipo", func(s string) error { return shortText(s, 60, true, &h.Kind) }},
		{"provincia", func(s string) error { return shortText(s, 60, false, &h.Province) }},
		{"sector", func(s string) error { return shortText(s, 60, false, &h.Sector) }},
	})
	if refused != nil {
		return refused
	}
	m.batch = append(m.batch, l)
	return nil
}

func (m *historiaImport) write(ctx context.Context, tx *Tx, report *ImportReport) ([]Refusal, error) {
	if len(m.batch) == 0 {
		return nil, nil
	}
	ids, err := tx.idsByMAC(ctx, m.batch)
	if err != nil {
		return nil, err
	}
	var refused []Refusal
	months := map[Historia]Historia{} // by key alone: the last line of a month holds
	for _, l := range m.batch {
		id, ok := ids[string(l.mac)]
		if !ok {
			refused = append(refused, Refusal{Line: l.line, Column: "cedula", Reason: "nobody with this identifier is on file; import afiliados first"})
			continue
		}
		l.h.AfiliadoID = id
		if _, twice := months[l.h.key()]; twice {
			report.Updated++
		}
		months[l.h.key()] = l.h
	}
	known, err := tx.historiaOf(ctx, ids, months)
	if err != nil {
		return nil, err
	}
	var rows []Historia
	for key, h := range months {
		was, ok := known[key]
		switch {
		case !ok:
			report.Added++
		case was == h:
			report.Unchanged++
			continue
		default:
			report.Updated++
		}
		rows = append(rows, h)
	}
	return refused, tx.saveHistoria(ctx, rows)
}

func (h Historia) key() Historia {
	return Historia{AfiliadoID: h.AfiliadoID, EmployerID: h.EmployerID, Year: h.Year, Month: h.Month, Kind: h.Kind}
}

func (h Historia) compare(o Historia) int {
	return cmp.Or(cmp.Compare(h.AfiliadoID, o.AfiliadoID), cmp.Compare(h.EmployerID, o.EmployerID), cmp.Compare(h.Year, o.Year),
		cmp.Compare(h.Month, o.Month), cmp.Compare(h.Kind, o.Kind))
}

func (tx *Tx) idsByMAC(ctx context.Context, batch []historiaLine) (map[string]string, error) {
	macs := make([]any, len(batch))
	for i, l := range batch {
		macs[i] = l.mac
	}
	var rows []struct {
		ID  string `db:"id"`
		MAC []byte `db:"identifier_mac"`
	}
	err := tx.listOnce(ctx, &rows, `SELECT id, identifier_mac FROM afiliado WHERE identifier_mac IN `+places(len(macs)), macs...)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, row := range rows {
		out[string(row.MAC)] = row.ID
	}
	return out, nil
}

// historiaOf reads what is on file for the months of a batch.
func (tx *Tx) historiaOf(ctx context.Context, ids map[string]string, months map[Historia]Historia) (map[Historia]Historia, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	years := []int{9999, 0}
	for key := range months {
		years[0], years[1] = min(years[0], key.Year), max(years[1], key.Year)
	}
	args := make([]any, 0, len(ids)+2)
	for _, id := range ids {
		args = append(args, id)
	}
	var rows []Historia
	err := tx.listOnce(ctx, &rows, `SELECT `+historiaColumns+` FROM historia h WHERE h.afiliado_id IN `+places(len(ids))+
		` AND h.year BETWEEN ? AND ?`, append(args, years[0], years[1])...)
	if err != nil {
		return nil, err
	}
	out := make(map[Historia]Historia, len(rows))
	for _, h := range rows {
		if _, asked := months[h.key()]; asked {
			out[h.key()] = h
		}
	}
	return out, nil
}

func (tx *Tx) saveHistoria(ctx context.Context, rows []Historia) error {
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, Historia.compare) // two imports at once lock months in the same order
	args := make([]any, 0, 10*len(rows))
	for _, h := range rows {
		args = append(args, h.AfiliadoID, h.EmployerID, h.Year, h.Month, h.Kind, h.Employer, h.Province, h.Sector, h.Days, h.SalaryCents)
	}
	_, err := tx.execOnce(ctx, `INSERT INTO historia (afiliado_id, employer_id, year, month, kind, employer, province, sector, days, salary_cents)
		VALUES `+values(len(rows), 10)+` ON CONFLICT (afiliado_id, employer_id, year, month, kind) DO UPDATE SET employer = excluded.employer,
		province = excluded.province, sector = excluded.sector, days = excluded.days, salary_cents = excluded.salary_cents`, args...)
	return err
}

func shortText(s string, most int, required bool, to *string) error {
	*to = s
	switch {
	case s == "" && required:
		return errors.New("is empty")
	case utf8.RuneCountInString(s) > most:
		return fmt.Errorf("is longer than %d characters", most)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("contains a control character")
	}
	return nil
}

func wholeNumber(s string, least, most int, to *int) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return fmt.Errorf("is not a whole number from %d to %d", least, most)
	}
	*to = n
	return nil
}

var centsSyntax = regexp.MustCompile(`^([0-9]{1,9})(?:[.,]([0-9]{1,2}))?$`)

func parseCents(s string) (int64, error) {
	part := centsSyntax.FindStringSubmatch(s)
	if part == nil {
		return 0, errors.New("is not an amount such as 482.00, without thousands separator")
	}
	return strconv.ParseInt(part[1]+(part[2] + "00")[:2], 10, 64)
}
