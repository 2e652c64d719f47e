package storage

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// AfiliadosColumns are the columns of "clave import afiliados", in any order.
func AfiliadosColumns() []Column {
	return []Column{
		{"cedula", true, "cédula, or código de identificación of a foreigner without one"},
		{"nombres", true, "given names, at most 100 characters"},
		{"apellidos", true, "family names, at most 100 characters"},
		{"fecha_nacimiento", true, "YYYY-MM-DD"},
		{"correo", false, "e-mail address on file, or empty"},
		{"celular", false, "09 and eight digits more, +593…, or another country's number with + and its code, or empty"},
		{"convencional", false, "02 to 07 and seven digits more, +593…, or another country's number with + and its code, or empty"},
		{"tipo_asegurado", true, "afiliado, pensionista, beneficiario; several are separated by a space or |"},
		{"estado", true, "activa or inactiva"},
		{"huella", true, "si or no: data registered with fingerprint at a CAU"},
		{"clave_phc", false, "Argon2id hash of the clave as a PHC string ($argon2id$v=19$…), or empty; used only where the person has no clave yet"},
		{"clave_fecha", false, "YYYY-MM-DD on which that clave was set; required with clave_phc"},
	}
}

// ImportAfiliados reads people from a CSV file in UTF-8 (a byte order mark is
// accepted) whose first line names its columns, AfiliadosColumns, separated by
// commas or, throughout, by semicolons. Values may be quoted; each record is
// one line of at most 64 KiB.
//
// Lines that cannot be used are left out and reported. The others are stored in
// transactions of 300, in memory that does not grow with the file. A run that
// was killed goes on where it was when the same file is given again; a file
// that was imported to its end is imported anew. Known people get the file's
// data in place of theirs, but for an address or a telephone that they have changed
// here since: it stays until the file says of it something else than it said before.
// What they had proven of an address stays proven only while the address stays the
// same; where their e-mail address changes, links in their mails die, a change they
// asked for themselves is cancelled, and both addresses are told (ErrandContact).
// Their claves, locks, sessions and devices are never touched. Where a person stands
// on several lines, the last holds, and the first clave.
//
// A file that cannot be read as such is ErrImportFile.
func (db *DB) ImportAfiliados(ctx context.Context, r io.ReadSeeker, opts ImportOptions) (ImportReport, error) {
	return db.importFile(ctx, ImportKindAfiliados, r, AfiliadosColumns(), &afiliadoImport{db: db, opts: opts}, opts)
}

type afiliadoLine struct {
	mac     []byte
	a       Afiliado
	phc     string
	claveAt time.Time
}

type afiliadoImport struct {
	db    *DB
	opts  ImportOptions
	batch []afiliadoLine
}

func (m *afiliadoImport) drop() { m.batch = m.batch[:0] }

func (m *afiliadoImport) parse(r record) *Refusal {
	now := m.opts.Now()
	var l afiliadoLine
	var err error
	refused := r.each([]setter{
		{"cedula", func(s string) error {
			l.a.Identifier, l.a.IdentifierType, err = m.opts.Identifier(s)
			return err
		}},
		{"nombres", func(s string) error { l.a.GivenName = s; return checkName(s) }},
		{"apellidos", func(s string) error { l.a.FamilyName = s; return checkName(s) }},
		{"fecha_nacimiento", func(s string) error { l.a.Birthdate = s; return checkBirthdate(s, now) }},
		{"correo", func(s string) error { return optional(s, ParseEmail, &l.a.Email) }},
		{"celular", func(s string) error { return optional(s, ParseMobile, &l.a.Mobile) }},
		{"convencional", func(s string) error { return optional(s, ParseLandline, &l.a.Landline) }},
		{"tipo_asegurado", func(s string) error { l.a.Kinds, err = parseKinds(s); return err }},
		{"estado", func(s string) error { l.a.Estado, err = parseEstado(s); return err }},
		{"huella", func(s string) error { l.a.Fingerprint, err = parseYesNo(s); return err }},
		{"clave_phc", func(s string) error { l.phc = s; return checkPHC(s, m.opts.ClaveDue) }},
		{"clave_fecha", func(s string) error { l.claveAt, err = claveDate(s, l.phc, now); return err }},
	})
	if refused != nil {
		return refused
	}
	l.mac = m.db.IdentifierMAC(l.a.Identifier)
	m.batch = append(m.batch, l)
	return nil
}

func (m *afiliadoImport) write(ctx context.Context, tx *Tx, report *ImportReport) ([]Refusal, error) {
	people := lastOfEach(m.batch)
	report.Updated += int64(len(m.batch) - len(people))
	if len(people) == 0 {
		return nil, nil
	}
	known, err := tx.afiliadosByMAC(ctx, people)
	if err != nil {
		return nil, err
	}
	now := At(m.opts.Now())
	var rows []any
	var moved []changedContact
	n := 0
	for i := range people {
		a := people[i].a
		was, ok := known[a.Identifier]
		if ok {
			m.db.keepChanged(&a, *was)
		}
		switch {
		case !ok:
			report.Added++
			a.ID, a.CreatedAt, a.UpdatedAt = NewID(), now, now
		case a.sameRegistry(*was):
			report.Unchanged++
			people[i].a.ID = was.ID
			if a.source.same(was.source) {
				continue
			}
			a = a.over(*was)
		default:
			report.Updated++
			a = a.over(*was)
			a.UpdatedAt = now
			if !sameMailbox(a.Email, was.Email) {
				a.EmailAt = now
				moved = append(moved, changedContact{a.ID, people[i].mac, ChangedContact{When: now.Time, Former: was.Email, Present: a.Email}})
			}
		}
		people[i].a = a
		args, err := m.db.sealedAfiliado(a)
		if err != nil {
			return nil, err
		}
		rows = append(rows, args...)
		n++
	}
	if err := tx.putAfiliados(ctx, rows, n); err != nil {
		return nil, err
	}
	if err := tx.contactsChanged(ctx, moved, m.opts.Actor, now); err != nil {
		return nil, err
	}
	return nil, m.writeClaves(ctx, tx, people)
}

// putAfiliados stores n people whose sealed values are rows: new ones whole, of
// known ones (by id) what the registry says.
func (tx *Tx) putAfiliados(ctx context.Context, rows []any, n int) error {
	if n == 0 {
		return nil
	}
	_, err := tx.execOnce(ctx, `INSERT INTO afiliado (`+afiliadoInsertColumns+`) VALUES `+values(n, len(rows)/n)+`
		ON CONFLICT (id) DO UPDATE SET identifier_type = excluded.identifier_type, identifier = excluded.identifier,
		given_name = excluded.given_name, family_name = excluded.family_name, birthdate = excluded.birthdate,
		email = excluded.email, mobile = excluded.mobile, landline = excluded.landline, email_verified = excluded.email_verified,
		phone_verified = excluded.phone_verified, kinds = excluded.kinds, estado = excluded.estado,
		fingerprint = excluded.fingerprint, updated_at = excluded.updated_at, email_at = excluded.email_at,
		email_source = excluded.email_source, mobile_source = excluded.mobile_source, landline_source = excluded.landline_source`, rows...)
	return err
}

// writeClaves gives a clave to those who have none.
func (m *afiliadoImport) writeClaves(ctx context.Context, tx *Tx, people []afiliadoLine) error {
	var rows []any
	byID := map[string]afiliadoLine{}
	for _, p := range people {
		if p.phc == "" {
			continue
		}
		sealed, err := m.db.ring.seal("clave", "clave.phc/"+p.a.ID, []byte(p.phc))
		if err != nil {
			return err
		}
		rows = append(rows, p.a.ID, sealed, false, At(p.claveAt), At(m.opts.ClaveDue(p.claveAt, p.a.ID)), false)
		byID[p.a.ID] = p
	}
	if len(byID) == 0 {
		return nil
	}
	var given []string
	err := tx.listOnce(ctx, &given, `INSERT INTO clave (afiliado_id, phc, long, created_at, due_at, compromised) VALUES `+
		values(len(byID), 6)+` ON CONFLICT (afiliado_id) DO NOTHING RETURNING afiliado_id`, rows...)
	if err != nil || len(given) == 0 {
		return err
	}
	var past []any
	for _, id := range given {
		row := NewID()
		sealed, err := m.db.ring.seal("clave", "clave_history.phc/"+row, []byte(byID[id].phc))
		if err != nil {
			return err
		}
		past = append(past, row, id, sealed, At(byID[id].claveAt))
	}
	_, err = tx.execOnce(ctx, `INSERT INTO clave_history (id, afiliado_id, phc, created_at) VALUES `+values(len(given), 4), past...)
	return err
}

// lastOfEach leaves one line for each person, the last, in the order of their
// hashes: two imports at once then add people in the same order.
func lastOfEach(batch []afiliadoLine) []afiliadoLine {
	at := map[string]int{}
	var out []afiliadoLine
	for _, l := range batch {
		i, twice := at[string(l.mac)]
		if !twice {
			at[string(l.mac)] = len(out)
			out = append(out, l)
			continue
		}
		if out[i].phc != "" {
			l.phc, l.claveAt = out[i].phc, out[i].claveAt
		}
		out[i] = l
	}
	slices.SortFunc(out, func(a, b afiliadoLine) int { return bytes.Compare(a.mac, b.mac) })
	return out
}

func (tx *Tx) afiliadosByMAC(ctx context.Context, people []afiliadoLine) (map[Identifier]*Afiliado, error) {
	macs := make([]any, len(people))
	for i, p := range people {
		macs[i] = p.mac
	}
	var rows []afiliadoRow
	err := tx.listOnce(ctx, &rows, `SELECT `+afiliadoColumns+` FROM afiliado a WHERE a.identifier_mac IN `+places(len(macs))+
		` ORDER BY a.id`+tx.db.dia.forUpdate, macs...)
	if err != nil {
		return nil, err
	}
	out := make(map[Identifier]*Afiliado, len(rows))
	for _, row := range rows {
		a, err := tx.db.openAfiliado(row)
		if err != nil {
			return nil, err
		}
		out[a.Identifier] = a
	}
	return out, nil
}

// sameRegistry reports whether the file says nothing new about was.
func (a Afiliado) sameRegistry(was Afiliado) bool {
	return a.IdentifierType == was.IdentifierType && a.GivenName == was.GivenName && a.FamilyName == was.FamilyName &&
		a.Birthdate == was.Birthdate && a.Email == was.Email && a.Mobile == was.Mobile && a.Landline == was.Landline &&
		slices.Equal(a.Kinds, was.Kinds) && a.Estado == was.Estado && a.Fingerprint == was.Fingerprint
}

// over is was with the file's data; an address that changed is no longer proven.
func (a Afiliado) over(was Afiliado) Afiliado {
	a.ID, a.CreatedAt, a.UpdatedAt, a.Locale, a.EmailAt = was.ID, was.CreatedAt, was.UpdatedAt, was.Locale, was.EmailAt
	a.DisabledAt, a.DisabledReason = was.DisabledAt, was.DisabledReason
	a.EmailVerified = was.EmailVerified && a.Email == was.Email
	a.PhoneVerified = was.PhoneVerified && a.Mobile == was.Mobile
	return a
}

func checkName(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case utf8.RuneCountInString(s) > 100:
		return errors.New("is longer than 100 characters")
	case strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == utf8.RuneError }):
		return errors.New("contains a control character")
	case !strings.ContainsFunc(s, unicode.IsLetter):
		return errors.New("contains no letter")
	}
	return nil
}

func checkBirthdate(s string, now time.Time) error {
	day, err := time.Parse(time.DateOnly, s)
	switch {
	case err != nil:
		return errors.New("is not a date written YYYY-MM-DD")
	case day.After(now):
		return errors.New("lies in the future")
	case day.Year() < now.Year()-130:
		return errors.New("lies more than 130 years back")
	}
	return nil
}

func optional(s string, parse func(string) (string, error), to *string) error {
	if s == "" {
		return nil
	}
	var err error
	*to, err = parse(s)
	return err
}

func parseKinds(s string) ([]string, error) {
	var out []string
	for _, known := range []string{"afiliado", "pensionista", "beneficiario"} { // always in this order
		for _, k := range strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return c == ' ' || c == '|' }) {
			switch k {
			case known:
				if !slices.Contains(out, k) {
					out = append(out, k)
				}
			case "afiliado", "pensionista", "beneficiario":
			default:
				return nil, errors.New("is none of afiliado, pensionista, beneficiario")
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("is empty; write afiliado, pensionista or beneficiario")
	}
	return out, nil
}

func parseEstado(s string) (string, error) {
	if s = strings.ToLower(s); s != "activa" && s != "inactiva" {
		return "", errors.New("is neither activa nor inactiva")
	}
	return s, nil
}

func parseYesNo(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "si", "sí":
		return true, nil
	case "no":
		return false, nil
	}
	return false, errors.New("is neither si nor no")
}

var phcSyntax = regexp.MustCompile(`^\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$`)

// checkPHC refuses what the login could not compare, and costs it could not
// pay: at most 256 MiB, 10 passes and 8 lanes.
func checkPHC(s string, due func(time.Time, string) time.Time) error {
	if s == "" {
		return nil
	}
	if due == nil {
		return errors.New("this import takes no claves")
	}
	if !strings.HasPrefix(s, "$argon2id$") {
		return errors.New("is not an Argon2id hash; other schemes are not imported, their people set a new clave")
	}
	part := phcSyntax.FindStringSubmatch(s)
	if part == nil {
		return errors.New("is not a whole Argon2id PHC string ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")
	}
	for i, limit := range []struct{ least, most int }{{8, 256 << 10}, {1, 10}, {1, 8}} {
		if n, err := strconv.Atoi(part[1+i]); err != nil || n < limit.least || n > limit.most {
			return fmt.Errorf("its parameter %q is outside %d to %d", "mtp"[i:i+1], limit.least, limit.most)
		}
	}
	for _, b := range part[4:] {
		if _, err := base64.RawStdEncoding.Strict().DecodeString(b); err != nil {
			return errors.New("its salt or hash is not base64 without padding")
		}
	}
	return nil
}

func claveDate(s, phc string, now time.Time) (time.Time, error) {
	if phc == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, s)
	switch {
	case err != nil:
		return time.Time{}, errors.New("is not a date written YYYY-MM-DD; it is required with clave_phc")
	case day.After(now):
		return time.Time{}, errors.New("lies in the future")
	case day.Year() < 2000:
		return time.Time{}, errors.New("lies before the year 2000")
	}
	return day, nil
}
