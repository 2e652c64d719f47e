package storage

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Purposes of links. A link of one opens nothing of another (D05).
const (
	LinkDesbloqueo = "desbloqueo" // lifts a lock (S072)
	LinkNoFuiYo    = "no-fui-yo"  // "that was not me", below a notice
	LinkCambio     = "cambio"     // sets a new clave after the present one was proved; it is never mailed

	LinkGenerar     = "generar"      // sets a clave after the questions were answered (S034)
	LinkCorreoNuevo = "correo-nuevo" // proves that the mail of a new address is read (D18)
	LinkCorreoViejo = "correo-viejo" // approves a new address from the one on file

	LinkSegundo       = "segundo-paso"   // the right clave was typed: a second step signs its person in; never mailed
	LinkSegundoSesion = "segundo-sesion" // a second step inside a session, which it can only raise; never mailed
	LinkCorreoOtro    = "correo-otro"    // proves that the mail of a further address is read
)

// Link is what a mail carries to let a person do one thing once. Its token and
// its code are derived from the id (Token), so that a mail that is sent again is
// the same mail; neither is stored.
type Link struct {
	ID          string        `db:"id"`
	Purpose     string        `db:"purpose"`
	AfiliadoID  string        `db:"afiliado_id"`
	BrowserHash string        `db:"browser_hash"` // Hash of the cookie of the browser that asked; "" for notices
	ClientID    string        `db:"client_id"`    // the application to return to, ""
	Life        time.Duration `db:"-"`            // from hand-over to the mail server (D06)
	CreatedAt   Instant       `db:"created_at"`
	LatestAt    Instant       `db:"latest_at"`    // no hand-over makes it live longer than this
	DeliveredAt Instant       `db:"delivered_at"` // zero: not handed over yet
	ExpiresAt   Instant       `db:"expires_at"`   // LatestAt until it is handed over
	UsedAt      Instant       `db:"used_at"`
	ReplacedAt  Instant       `db:"replaced_at"` // a newer one killed it
	Attempts    int           `db:"attempts"`    // answers to what the opened link asks, LinkAttempt
}

// Live reports whether the link may still be used at now.
func (l Link) Live(now time.Time) bool {
	return l.UsedAt.IsZero() && l.ReplacedAt.IsZero() && l.ExpiresAt.After(now)
}

// LinkToken is the token of the link with that id: 256 bits, base64url (ASVS
// 6.5.2).
func (db *DB) LinkToken(id string) string {
	return base64.RawURLEncoding.EncodeToString(db.cfg.Keys.MAC("link.token", id))
}

// LinkCode is the same link as eight digits to type (ASVS 6.5.4). It is good
// only beside what says whose link it is, and with CodeAttempt.
func (db *DB) LinkCode(id string) string {
	n := binary.BigEndian.Uint64(db.cfg.Keys.MAC("link.code", id)) % 1e8
	return fmt.Sprintf("%08d", n)
}

// IsLinkCode reports in constant time whether code is that of the link.
func (db *DB) IsLinkCode(id, code string) bool {
	return subtle.ConstantTimeCompare([]byte(db.LinkCode(id)), []byte(code)) == 1
}

const linkColumns = `id, purpose, afiliado_id, browser_hash, client_id, life, created_at, latest_at, delivered_at, expires_at,
	used_at, replaced_at, attempts`

type linkRow struct {
	Link
	Micros int64 `db:"life"`
}

func (r reads) link(ctx context.Context, query string, args ...any) (*Link, error) {
	var row linkRow
	if err := r.get(ctx, &row, query, args...); err != nil {
		return nil, fmt.Errorf("storage: link: %w", err)
	}
	row.Life = time.Duration(row.Micros) * time.Microsecond
	return &row.Link, nil
}

// AddLink stores a new link and kills every other of its purpose and person. It
// holds the person's row. What Link says of delivery and use is not read: the
// link lives until LatestAt, and less once DeliverLink has started its clock.
func (tx *Tx) AddLink(ctx context.Context, l Link) error {
	err := tx.holdAfiliado(ctx, l.AfiliadoID)
	if err == nil {
		err = tx.run(ctx, `UPDATE link SET replaced_at = ? WHERE afiliado_id = ? AND purpose = ? AND used_at = 0 AND replaced_at = 0`,
			l.CreatedAt, l.AfiliadoID, l.Purpose)
	}
	if err == nil {
		err = tx.insertLink(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("storage: add link: %w", err)
	}
	return nil
}

// sharedFor is how long after its creation a link goes into further notices.
const sharedFor = 24 * time.Hour

// ShareLink returns the id of the person's live link of that purpose that is not
// a day old at l.CreatedAt, which then lives until l.LatestAt, or stores l beside
// the others and returns its id. Notices of one day share one: a newer notice
// must not kill what an older one offers, nor go without its own where the mail
// is late; DeliverLink starts the clock anew, by a day at most for the older
// ones. Only links for notices may live side by side. It holds the person's row.
func (tx *Tx) ShareLink(ctx context.Context, l Link) (string, error) {
	id := l.ID
	err := tx.holdAfiliado(ctx, l.AfiliadoID)
	if err == nil {
		err = tx.get(ctx, &id, `UPDATE link SET latest_at = CASE WHEN latest_at < ? THEN ? ELSE latest_at END,
			expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END
			WHERE afiliado_id = ? AND purpose = ? AND used_at = 0 AND replaced_at = 0 AND expires_at > ? AND created_at > ? RETURNING id`,
			l.LatestAt, l.LatestAt, l.LatestAt, l.LatestAt, l.AfiliadoID, l.Purpose, l.CreatedAt, At(l.CreatedAt.Add(-sharedFor)))
		if errors.Is(err, ErrNotFound) {
			id, err = l.ID, tx.insertLink(ctx, l)
		}
	}
	if err != nil {
		return "", fmt.Errorf("storage: share link: %w", err)
	}
	return id, nil
}

// AddLinkBeside stores a new link beside every other of its purpose and person, who
// may be asked for a second step in several browsers at once. It holds her row.
func (tx *Tx) AddLinkBeside(ctx context.Context, l Link) error {
	err := tx.holdAfiliado(ctx, l.AfiliadoID)
	if err == nil {
		err = tx.insertLink(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("storage: add link beside: %w", err)
	}
	return nil
}

func (tx *Tx) holdAfiliado(ctx context.Context, id string) error {
	var found string
	return tx.get(ctx, &found, `SELECT id FROM afiliado WHERE id = ?`+tx.db.dia.forUpdate, id)
}

func (tx *Tx) insertLink(ctx context.Context, l Link) error {
	if l.ID == "" || l.Life <= 0 || !l.LatestAt.After(l.CreatedAt.Time) {
		return errors.New("a link needs an id, a life and an end")
	}
	return tx.run(ctx, `INSERT INTO link (id, purpose, afiliado_id, token_hash, browser_hash, client_id, life, created_at, latest_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, l.ID, l.Purpose, l.AfiliadoID, Hash(tx.db.LinkToken(l.ID)), l.BrowserHash, l.ClientID,
		l.Life.Microseconds(), l.CreatedAt, l.LatestAt, l.LatestAt)
}

// Link returns the link with that id, live or not.
func (r reads) Link(ctx context.Context, id string) (*Link, error) {
	return r.link(ctx, `SELECT `+linkColumns+` FROM link WHERE id = ?`, id)
}

// LinkByToken returns the link with that token, live or not: who holds a dead
// one may be told so. Reading it spends nothing (T11).
func (r reads) LinkByToken(ctx context.Context, token string) (*Link, error) {
	return r.link(ctx, `SELECT `+linkColumns+` FROM link WHERE token_hash = ?`, Hash(token))
}

// LiveLink returns the person's link of that purpose that may be used at now.
func (r reads) LiveLink(ctx context.Context, purpose, afiliadoID string, now time.Time) (*Link, error) {
	return r.link(ctx, `SELECT `+linkColumns+` FROM link WHERE afiliado_id = ? AND purpose = ? AND used_at = 0 AND replaced_at = 0
		AND expires_at > ?`, afiliadoID, purpose, At(now))
}

// LockLink returns the link by id, live or not, and holds its row. Whoever locks
// the person too does that first.
func (tx *Tx) LockLink(ctx context.Context, id string) (*Link, error) {
	return tx.link(ctx, `SELECT `+linkColumns+` FROM link WHERE id = ?`+tx.db.dia.forUpdate, id)
}

// UseLink spends a link that is live at now, and reports whether it did: this
// one statement decides who wins (ASVS 6.5.1).
func (tx *Tx) UseLink(ctx context.Context, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE link SET used_at = ? WHERE id = ? AND used_at = 0 AND replaced_at = 0 AND expires_at > ?`, At(now), id, At(now))
	if err != nil {
		return false, fmt.Errorf("storage: use link: %w", err)
	}
	return n > 0, nil
}

// UseLinkOpened is UseLink for what was begun while the link lived (D07): a link
// that was live at opened is spent at now, though it has run out meanwhile, if
// nobody has used it and no newer one has replaced it. That the caller himself
// wrote opened, and that now is not later after it than he allows, he has
// checked; an opened that lies after now spends nothing.
func (tx *Tx) UseLinkOpened(ctx context.Context, id string, opened, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE link SET used_at = ? WHERE id = ? AND used_at = 0 AND replaced_at = 0 AND created_at <= ? AND expires_at > ?
		AND CAST(? AS BIGINT) <= CAST(? AS BIGINT)`, At(now), id, At(opened), At(opened), At(opened), At(now))
	if err != nil {
		return false, fmt.Errorf("storage: use opened link: %w", err)
	}
	return n > 0, nil
}

// RebindLink makes a link that is neither used nor replaced that of another
// browser, whose person has answered what it asks of one that did not ask for it.
// Any other link is ErrNotFound.
func (tx *Tx) RebindLink(ctx context.Context, id, browserHash string) error {
	n, err := tx.exec(ctx, `UPDATE link SET browser_hash = ? WHERE id = ? AND used_at = 0 AND replaced_at = 0`, browserHash, id)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("storage: rebind link: %w", err)
	}
	return nil
}

// LinkAttempt takes one of limit attempts to answer what a live link asks, and
// returns which one it is, from 1; 0 where none is left.
func (tx *Tx) LinkAttempt(ctx context.Context, id string, limit int, now time.Time) (int, error) {
	return tx.linkAttempt(ctx, "attempts", id, limit, now)
}

// CodeAttempt is LinkAttempt for the typed code, which has attempts of its own:
// whoever knows an identifier may type codes, and must not use up a link that
// only its mail opens.
func (tx *Tx) CodeAttempt(ctx context.Context, id string, limit int, now time.Time) (int, error) {
	return tx.linkAttempt(ctx, "code_attempts", id, limit, now)
}

// ExtraAttempt takes one of limit attempts to type what a link asks beside being
// opened (DEV-7), and returns which one it is, from 1; 0 where none is left. The form
// that the link opened may outlive it: only one that was used or replaced has none.
func (tx *Tx) ExtraAttempt(ctx context.Context, id string, limit int) (int, error) {
	var n int
	err := tx.get(ctx, &n, `UPDATE link SET code_attempts = code_attempts + 1 WHERE id = ? AND code_attempts < ? AND used_at = 0
		AND replaced_at = 0 RETURNING code_attempts`, id, limit)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("storage: extra attempt: %w", err)
	}
	return n, nil
}

func (tx *Tx) linkAttempt(ctx context.Context, column, id string, limit int, now time.Time) (int, error) {
	var n int
	err := tx.get(ctx, &n, `UPDATE link SET `+column+` = `+column+` + 1 WHERE id = ? AND `+column+` < ? AND used_at = 0 AND replaced_at = 0
		AND expires_at > ? RETURNING `+column, id, limit, At(now))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("storage: link attempt: %w", err)
	}
	return n, nil
}

// KillLinks ends every live link of a person, or those of one purpose where it
// is not "".
func (tx *Tx) KillLinks(ctx context.Context, afiliadoID, purpose string, now time.Time) error {
	err := tx.run(ctx, `UPDATE link SET replaced_at = ? WHERE afiliado_id = ? AND (purpose = ? OR ? = '') AND used_at = 0 AND replaced_at = 0`,
		At(now), afiliadoID, purpose, purpose)
	if err != nil {
		return fmt.Errorf("storage: kill links: %w", err)
	}
	return nil
}

// DeliverLink starts the clock of a link whose mail the next mail server took at
// now (D06): it expires after its life, and at LatestAt at the latest. A link
// that is over stays over.
func (tx *Tx) DeliverLink(ctx context.Context, id string, now time.Time) error {
	err := tx.run(ctx, `UPDATE link SET delivered_at = ?, expires_at = CASE WHEN CAST(? AS BIGINT) + life < latest_at
		THEN CAST(? AS BIGINT) + life ELSE latest_at END WHERE id = ? AND used_at = 0 AND replaced_at = 0 AND expires_at > ?`,
		At(now), At(now), At(now), id, At(now))
	if err != nil {
		return fmt.Errorf("storage: deliver link: %w", err)
	}
	return nil
}
