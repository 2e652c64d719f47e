package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Identifier types: a cédula, or the code IESS gives to foreigners without one.
const (
	IdentifierCedula = "cedula"
	IdentifierCodigo = "codigo"
)

// Identifier is a normalised cédula or código de identificación. It masks
// itself wherever it is printed or logged.
type Identifier string

// String shows the last three characters only (ASVS 16.2.5).
func (i Identifier) String() string {
	if len(i) <= 3 {
		return "***"
	}
	return "***" + string(i[len(i)-3:])
}

// GoString masks like String.
func (i Identifier) GoString() string { return i.String() }

// Afiliado is a person of the registry: afiliado, pensionista or beneficiario.
type Afiliado struct {
	ID             string // opaque, random; never the cédula
	Identifier     Identifier
	IdentifierType string
	GivenName      string
	FamilyName     string
	Birthdate      string // YYYY-MM-DD
	Email          string // "" where none is on file
	Mobile         string // E.164
	Landline       string // E.164
	EmailVerified  bool
	PhoneVerified  bool
	Kinds          []string // afiliado, pensionista, beneficiario
	Estado         string   // activa, inactiva
	Fingerprint    bool     // data registered with fingerprint at a CAU (S021)
	Locale         string   // preferred language, "" where never chosen
	DisabledAt     Instant
	DisabledReason string
	CreatedAt      Instant
	UpdatedAt      Instant
	EmailAt        Instant // since when Email is hers; zero: ever since she is known
	source         contactSource
}

// Name is the person's full name.
func (a Afiliado) Name() string { return strings.TrimSpace(a.GivenName + " " + a.FamilyName) }

// Disabled reports whether an officer has switched the account off.
func (a Afiliado) Disabled() bool { return !a.DisabledAt.IsZero() }

type afiliadoRow struct {
	ID             string  `db:"id"`
	IdentifierType string  `db:"identifier_type"`
	Identifier     []byte  `db:"identifier"`
	GivenName      []byte  `db:"given_name"`
	FamilyName     []byte  `db:"family_name"`
	Birthdate      []byte  `db:"birthdate"`
	Email          []byte  `db:"email"`
	Mobile         []byte  `db:"mobile"`
	Landline       []byte  `db:"landline"`
	EmailVerified  bool    `db:"email_verified"`
	PhoneVerified  bool    `db:"phone_verified"`
	Kinds          string  `db:"kinds"`
	Estado         string  `db:"estado"`
	Fingerprint    bool    `db:"fingerprint"`
	Locale         string  `db:"locale"`
	DisabledAt     Instant `db:"disabled_at"`
	DisabledReason string  `db:"disabled_reason"`
	CreatedAt      Instant `db:"created_at"`
	UpdatedAt      Instant `db:"updated_at"`
	EmailAt        Instant `db:"email_at"`
	contactSource
}

const afiliadoColumns = `a.id, a.identifier_type, a.identifier, a.given_name, a.family_name, a.birthdate, a.email, a.mobile,
	a.landline, a.email_verified, a.phone_verified, a.kinds, a.estado, a.fingerprint, a.locale, a.disabled_at, a.disabled_reason,
	a.created_at, a.updated_at, a.email_at, a.email_source, a.mobile_source, a.landline_source`

// IdentifierMAC is how a person is found without her identifier being stored.
func (db *DB) IdentifierMAC(id Identifier) []byte { return db.cfg.Keys.MAC("identifier", string(id)) }

// PairwiseMAC keys the subject identifiers given to applications.
func (db *DB) PairwiseMAC(sector, afiliadoID string) []byte {
	return Keys{Index: db.cfg.Keys.Pairwise}.MAC("pairwise", sector+"\x00"+afiliadoID)
}

func (db *DB) openAfiliado(r afiliadoRow) (*Afiliado, error) {
	a := &Afiliado{
		ID: r.ID, IdentifierType: r.IdentifierType, EmailVerified: r.EmailVerified, PhoneVerified: r.PhoneVerified,
		Kinds: strings.Split(r.Kinds, ","), Estado: r.Estado, Fingerprint: r.Fingerprint, Locale: r.Locale,
		DisabledAt: r.DisabledAt, DisabledReason: r.DisabledReason, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, EmailAt: r.EmailAt,
		source: r.contactSource,
	}
	var identifier string
	for _, c := range []struct {
		column string
		sealed []byte
		to     *string
	}{
		{"identifier", r.Identifier, &identifier},
		{"given_name", r.GivenName, &a.GivenName},
		{"family_name", r.FamilyName, &a.FamilyName},
		{"birthdate", r.Birthdate, &a.Birthdate},
		{"email", r.Email, &a.Email},
		{"mobile", r.Mobile, &a.Mobile},
		{"landline", r.Landline, &a.Landline},
	} {
		v, err := db.ring.open("afiliado", "afiliado."+c.column+"/"+r.ID, c.sealed)
		if err != nil {
			return nil, err
		}
		*c.to = string(v)
	}
	a.Identifier = Identifier(identifier)
	return a, nil
}

// sealedAfiliado returns the values of the INSERT's columns, in the order of
// afiliadoInsert.
func (db *DB) sealedAfiliado(a Afiliado) ([]any, error) {
	if len(a.Kinds) == 0 || slices.Contains(a.Kinds, "") {
		return nil, fmt.Errorf("storage: afiliado %s has no kind", a.ID)
	}
	seal := func(column, value string) ([]byte, error) {
		if value == "" && (column == "email" || column == "mobile" || column == "landline") {
			return nil, nil
		}
		return db.ring.seal("afiliado", "afiliado."+column+"/"+a.ID, []byte(value))
	}
	out := []any{a.ID, db.IdentifierMAC(a.Identifier), a.IdentifierType}
	for _, c := range [][2]string{
		{"identifier", string(a.Identifier)},
		{"given_name", a.GivenName},
		{"family_name", a.FamilyName},
		{"birthdate", a.Birthdate},
		{"email", a.Email},
		{"mobile", a.Mobile},
		{"landline", a.Landline},
	} {
		sealed, err := seal(c[0], c[1])
		if err != nil {
			return nil, err
		}
		out = append(out, sealed)
	}
	return append(out, a.EmailVerified, a.PhoneVerified, strings.Join(a.Kinds, ","), a.Estado, a.Fingerprint, a.Locale,
		a.DisabledAt, a.DisabledReason, a.CreatedAt, a.UpdatedAt, a.EmailAt, a.source.Email, a.source.Mobile, a.source.Landline), nil
}

const afiliadoInsertColumns = `id, identifier_mac, identifier_type, identifier, given_name, family_name, birthdate,
	email, mobile, landline, email_verified, phone_verified, kinds, estado, fingerprint, locale, disabled_at, disabled_reason,
	created_at, updated_at, email_at, email_source, mobile_source, landline_source`

const afiliadoInsert = `INSERT INTO afiliado (` + afiliadoInsertColumns + `)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// AddAfiliado stores a new person. A known identifier is ErrConflict.
func (tx *Tx) AddAfiliado(ctx context.Context, a Afiliado) error {
	args, err := tx.db.sealedAfiliado(a)
	if err != nil {
		return err
	}
	if err := tx.run(ctx, afiliadoInsert, args...); err != nil {
		return fmt.Errorf("storage: add afiliado: %w", err)
	}
	return nil
}

func (r reads) afiliado(ctx context.Context, query string, args ...any) (*Afiliado, error) {
	var row afiliadoRow
	if err := r.get(ctx, &row, query, args...); err != nil {
		return nil, fmt.Errorf("storage: afiliado: %w", err)
	}
	return r.db.openAfiliado(row)
}

// Afiliado returns the person with that opaque id.
func (r reads) Afiliado(ctx context.Context, id string) (*Afiliado, error) {
	return r.afiliado(ctx, `SELECT `+afiliadoColumns+` FROM afiliado a WHERE a.id = ?`, id)
}

// AfiliadoByIdentifier returns the person with that cédula or code.
func (r reads) AfiliadoByIdentifier(ctx context.Context, id Identifier) (*Afiliado, error) {
	return r.afiliado(ctx, `SELECT `+afiliadoColumns+` FROM afiliado a WHERE a.identifier_mac = ?`, r.db.IdentifierMAC(id))
}

// LockAfiliado returns the person and holds her row until the transaction ends.
func (tx *Tx) LockAfiliado(ctx context.Context, id string) (*Afiliado, error) {
	return tx.afiliado(ctx, `SELECT `+afiliadoColumns+` FROM afiliado a WHERE a.id = ?`+tx.db.dia.forUpdate, id)
}

// LockAfiliadoByMAC is LockAfiliado for who has only the identifier's hash.
func (tx *Tx) LockAfiliadoByMAC(ctx context.Context, identifierMAC []byte) (*Afiliado, error) {
	return tx.afiliado(ctx, `SELECT `+afiliadoColumns+` FROM afiliado a WHERE a.identifier_mac = ?`+tx.db.dia.forUpdate, identifierMAC)
}

// DisableAfiliado switches the account off and queues AccountDisabled for the
// applications that know the person.
func (tx *Tx) DisableAfiliado(ctx context.Context, id, reason string, now time.Time) error {
	n, err := tx.exec(ctx, `UPDATE afiliado SET disabled_at = ?, disabled_reason = ?, updated_at = ? WHERE id = ?`, At(now), reason, At(now), id)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("storage: disable afiliado: %w", err)
	}
	return tx.QueueEvent(ctx, AccountDisabled, CauseDisabled, id, now)
}

// SetLocale remembers the language the person chose.
func (tx *Tx) SetLocale(ctx context.Context, id, locale string, now time.Time) error {
	if err := tx.run(ctx, `UPDATE afiliado SET locale = ?, updated_at = ? WHERE id = ?`, locale, At(now), id); err != nil {
		return fmt.Errorf("storage: set locale: %w", err)
	}
	return nil
}

// SetPhones gives a person the telephones she typed, in E.164; "" keeps the one on
// file. A celular that changes is no longer proven. An import leaves what changes
// alone while the registry's file says what it said before. It holds her row.
func (tx *Tx) SetPhones(ctx context.Context, id, mobile, landline string, now time.Time) error {
	a, err := tx.LockAfiliado(ctx, id)
	if err != nil {
		return err
	}
	a.PhoneVerified = a.PhoneVerified && (mobile == "" || mobile == a.Mobile)
	var sealed [2][]byte
	sources := [2][]byte{a.source.Mobile, a.source.Landline}
	for i, c := range [2]struct{ column, typed, was string }{{"mobile", mobile, a.Mobile}, {"landline", landline, a.Landline}} {
		number := cmp.Or(c.typed, c.was)
		if number == "" {
			continue
		}
		if number != c.was {
			sources[i] = tx.db.changedHere(sources[i], c.column, id, c.was)
		}
		if sealed[i], err = tx.db.ring.seal("afiliado", "afiliado."+c.column+"/"+id, []byte(number)); err != nil {
			return err
		}
	}
	err = tx.run(ctx, `UPDATE afiliado SET mobile = ?, landline = ?, mobile_source = ?, landline_source = ?, phone_verified = ?, updated_at = ? WHERE id = ?`,
		sealed[0], sealed[1], sources[0], sources[1], a.PhoneVerified, At(now), id)
	if err != nil {
		return fmt.Errorf("storage: set phones: %w", err)
	}
	return nil
}
