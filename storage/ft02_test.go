package storage_test

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// write is a call of one method of Tx, against what fill has stored.
type write struct {
	method string
	do     func(ctx context.Context, tx *storage.Tx, f filled02) error
}

// filled02 names what fill02 has stored.
type filled02 struct {
	a       storage.Afiliado
	mac     []byte
	session storage.Session
	request storage.AuthRequest
	grant   storage.Grant
	row     int64
	mails   map[string]storage.Message
	told    []storage.Delivery // leased: a logout and a security event of one application, logouts of two
}

func fill02(t *testing.T, db *storage.DB) filled02 {
	t.Helper()
	f := filled02{a: person(t, db, "1759999913"), mac: db.IdentifierMAC("1759999913")}
	f.session = session(t, db, f.a.ID)
	f.grant = grant(t, db, f.a.ID, f.session.ID, "openid")
	f.request = storage.AuthRequest{ID: storage.NewID(), ClientID: "historia", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Hour))}
	f.row = events(t, db, 1)[0]
	inTx(t, db, func(tx *storage.Tx) error {
		ctx := t.Context()
		for _, err := range []error{
			tx.AddAuthRequest(ctx, f.request),
			tx.SetClave(ctx, storage.Clave{AfiliadoID: f.a.ID, PHC: "old", CreatedAt: storage.At(now)}, 2),
			tx.KeepDevice(ctx, storage.Device{ID: "device", SecretHash: "device", AfiliadoID: f.a.ID, ExpiresAt: storage.At(now.Add(time.Hour))}),
			tx.SaveClient(ctx, subscriber("historia", storage.SecurityEvents()...)),
			tx.SaveConsent(ctx, storage.Consent{AfiliadoID: f.a.ID, ClientID: "historia", Kind: "notice"}),
			tx.AddAccessToken(ctx, storage.AccessToken{Hash: "access", GrantID: f.grant.ID, ClientID: "historia", ExpiresAt: storage.At(now.Add(time.Hour))}),
			tx.AddRefreshToken(ctx, storage.RefreshToken{Hash: "refresh", GrantID: f.grant.ID}),
			tx.AddSigningKey(ctx, storage.SigningKey{KID: "kid", Alg: "ES256", State: storage.KeyNext, Private: []byte("x")}),
			tx.AddSigningKey(ctx, storage.SigningKey{KID: "old", Alg: "ES256", State: storage.KeyRetired, Private: []byte("x")}),
			tx.AddPressure(ctx, f.mac, now, time.Second, time.Hour),
			tx.AddErrand(ctx, storage.Errand{ID: "errand", Kind: "desbloqueo", IdentifierMAC: f.mac, CreatedAt: storage.At(now)}),
		} {
			if err != nil {
				return err
			}
		}
		if _, err := tx.LeaseJob(ctx, "held", time.Hour, now, now.Add(time.Minute)); err != nil {
			return err
		}
		if _, err := tx.JoinSession(ctx, f.session.ID, "historia", now); err != nil {
			return err
		}
		_, err := tx.ReserveAttempt(ctx, f.mac, 5, now, now)
		if err != nil {
			return err
		}
		done := f.request
		done.ID, done.CodeHash, done.CodeExpiresAt, done.CompletedAt = storage.NewID(), "code", storage.At(now.Add(time.Minute)), storage.At(now)
		if err := tx.AddAuthRequest(ctx, done); err != nil {
			return err
		}
		return tx.CompleteAuthRequest(ctx, done)
	})
	fillMail02(t, db, &f)
	f.told = fillDeliveries02(t, db, f.a.ID)
	return f
}

func done[T any](_ T, err error) error { return err }

// writes02 are the methods of Tx that write, but for those of mail and recovery.
func writes02() []write {
	at := storage.At(now)
	later := now.Add(time.Hour)
	return []write{
		{"AddAfiliado", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.AddAfiliado(ctx, maria("0959999913"))
		}},
		{"DisableAfiliado", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.DisableAfiliado(ctx, f.a.ID, "r", now)
		}},
		{"SetLocale", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SetLocale(ctx, f.a.ID, "en", now)
		}},
		{"SetClave", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SetClave(ctx, storage.Clave{AfiliadoID: f.a.ID, PHC: "new", CreatedAt: storage.At(later)}, 1)
		}},
		{"RehashClave", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.RehashClave(ctx, storage.Clave{AfiliadoID: f.a.ID, CreatedAt: storage.At(later)}, "re")
		}},
		{"CompromiseClave", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.CompromiseClave(ctx, f.a.ID)
		}},
		{"MoveClaveDue", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			c, err := tx.Clave(ctx, f.a.ID)
			if err != nil {
				return err
			}
			return done(tx.MoveClaveDue(ctx, *c, later.Add(time.Hour)))
		}},
		{"AddAcceptance", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddAcceptance(ctx, storage.Acceptance{AfiliadoID: f.a.ID, AcceptedAt: at})
		}},
		{"ReserveAttempt", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.ReserveAttempt(ctx, f.mac, 5, later, later))
		}},
		{"ReserveDeviceAttempt", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.ReserveDeviceAttempt(ctx, "device", 5, later))
		}},
		{"LockClave", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.LockClave(ctx, f.mac, storage.LockLogin, now))
		}},
		{"SettleFailure", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.SettleFailure(ctx, f.mac, 1, true, now, later))
		}},
		{"ForgiveAttempts", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.ForgiveAttempts(ctx, f.mac)
		}},
		{"EndLock", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			if err := done(tx.LockClave(ctx, f.mac, storage.LockLogin, now)); err != nil {
				return err
			}
			return done(tx.EndLock(ctx, f.mac, storage.LoginBudget{LockReason: storage.LockLogin, LockedAt: at}))
		}},
		{"UnlockClave", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.UnlockClave(ctx, f.mac) }},
		{"ForgiveDevice", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return tx.ForgiveDevice(ctx, "device") }},
		{"KeepDevice", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.KeepDevice(ctx, storage.Device{ID: "d2", SecretHash: "d2", AfiliadoID: f.a.ID})
		}},
		{"DropDevices", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.DropDevices(ctx, f.a.ID) }},
		{"DropDevice", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.DropDevice(ctx, f.a.ID, "device"))
		}},
		{"DropBrowser", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return tx.DropBrowser(ctx, "device") }},
		{"AddPressure", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddPressure(ctx, f.mac, later, time.Second, time.Hour)
		}},
		{"EasePressure", func(ctx context.Context, tx *storage.Tx, f filled02) error { return tx.EasePressure(ctx, f.mac) }},
		{"AddSession", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddSession(ctx, storage.Session{ID: "s2", SecretHash: "s2", AfiliadoID: f.a.ID})
		}},
		{"RenewSession", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.RenewSession(ctx, storage.Session{ID: f.session.ID, SecretHash: "renewed"})
		}},
		{"TouchSession", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.TouchSession(ctx, f.session.ID, later)
		}},
		{"SetSessionShared", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SetSessionShared(ctx, f.session.ID, true, later)
		}},
		{"EndSession", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.EndSession(ctx, f.session.ID, "logout", now))
		}},
		{"EndSessions", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.EndSessions(ctx, f.a.ID, "", "recovery", now)
		}},
		{"JoinSession", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.JoinSession(ctx, f.session.ID, "other", now))
		}},
		{"SaveClient", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.SaveClient(ctx, storage.Client{ID: "c2", UpdatedAt: at})
		}},
		{"DisableClient", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.DisableClient(ctx, "historia", now)
		}},
		{"SaveConsent", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.SaveConsent(ctx, storage.Consent{AfiliadoID: f.a.ID, ClientID: "c2", Kind: "consent"})
		}},
		{"AddAuthRequest", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.AddAuthRequest(ctx, storage.AuthRequest{ID: "r2"})
		}},
		{"ProveAuthRequest", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.ProveAuthRequest(ctx, f.request.ID, f.session.ID, now)
		}},
		{"CompleteAuthRequest", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			q := f.request
			q.CompletedAt, q.CodeHash = at, "code2"
			return tx.CompleteAuthRequest(ctx, q)
		}},
		{"UseCode", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.UseCode(ctx, "code", "historia", f.grant.ID, now))
		}},
		{"AddGrant", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddGrant(ctx, storage.Grant{ID: "g2", AfiliadoID: f.a.ID})
		}},
		{"RevokeGrant", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return done(tx.RevokeGrant(ctx, f.grant.ID, "r", now))
		}},
		{"AddAccessToken", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddAccessToken(ctx, storage.AccessToken{Hash: "a2", GrantID: f.grant.ID})
		}},
		{"RevokeAccessToken", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.RevokeAccessToken(ctx, "access", "historia"))
		}},
		{"SpendJTI", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.SpendJTI(ctx, "client_assertion", "historia", "jti", later))
		}},
		{"AddRefreshToken", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			return tx.AddRefreshToken(ctx, storage.RefreshToken{Hash: "r2", GrantID: f.grant.ID})
		}},
		{"UseRefreshToken", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.UseRefreshToken(ctx, "refresh", "child", now)
		}},
		{"RevokeRefreshToken", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.RevokeRefreshToken(ctx, "refresh", now)
		}},
		{"LockSigningKeys", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return done(tx.LockSigningKeys(ctx)) }},
		{"AddSigningKey", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.AddSigningKey(ctx, storage.SigningKey{KID: "k2", Alg: "ES256", State: storage.KeyNext, Private: []byte("x")})
		}},
		{"SetSigningKeyState", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.SetSigningKeyState(ctx, "kid", storage.KeyActive, now)
		}},
		{"ExpireSigningKey", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.ExpireSigningKey(ctx, "old", []byte("y"))
		}},
		{"Audit", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.Audit(ctx, storage.Event{At: at, Name: "x", Personal: map[string]string{"ip": "192.0.2.1"}})
		}},
		{"LeaseJob", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.LeaseJob(ctx, "new", time.Hour, now, later))
		}},
		{"AddFailures", func(ctx context.Context, tx *storage.Tx, _ filled02) error { return tx.AddFailures(ctx, 3, now) }},
		{"RaiseAlarm", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.RaiseAlarm(ctx, "login", storage.Alarm{RaisedAt: at, EndsAt: storage.At(later)}))
		}},
		{"ExtendAlarm", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.ExtendAlarm(ctx, "login", later.Add(time.Minute))
		}},
		{"EndAlarm", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return done(tx.EndAlarm(ctx, "login", later.Add(time.Hour)))
		}},
		{"ForgiveDevices", func(ctx context.Context, tx *storage.Tx, f filled02) error {
			err := tx.KeepDevice(ctx, storage.Device{ID: "d3", SecretHash: "d3", AfiliadoID: f.a.ID})
			if err == nil {
				err = done(tx.ReserveDeviceAttempt(ctx, "d3", 5, now))
			}
			if err != nil {
				return err
			}
			return tx.ForgiveDevices(ctx, f.a.ID)
		}},
		{"ReleaseJob", func(ctx context.Context, tx *storage.Tx, _ filled02) error {
			return tx.ReleaseJob(ctx, "held", now.Add(time.Minute), now)
		}},
	}
}

// locks02 are methods of Tx that hold a row and change nothing.
var locks02 = []string{"HoldSession", "LockAccount", "LockAccountByCredential", "LockAfiliado", "LockAfiliadoByMAC", "LockAuthRequest", "LockLink", "LockRefreshToken", "LockSession"}

// Whichever statement of an effect fails, the commit included, nothing of the
// effect stays, and doing it again works (FT-02, the Boulder trick).
func TestFT02_FailingStatementRollsEverythingBack(t *testing.T) {
	var fail func(query string) // set while a write runs
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		f := fill02(t, db)
		start := dump(t, db, raw)
		for _, w := range all02() {
			for nth := 1; ; nth++ {
				ctx, cancel := context.WithCancel(t.Context())
				n := 0
				last := ""
				fail = func(query string) {
					if n++; n == nth {
						last = query
						cancel()
					}
				}
				err := db.InTx(ctx, func(tx *storage.Tx) error { return w.do(ctx, tx, f) })
				fail = nil
				cancel()
				if last == "" || last == "COMMITTED" {
					if err != nil {
						t.Errorf("%s: got %v, want it done after the failures", w.method, err)
					}
					before := start
					if start = dump(t, db, raw); start == before {
						t.Errorf("%s changed nothing: the test proves nothing", w.method)
					}
					break
				}
				if err == nil {
					t.Errorf("%s: statement %d failed and nobody said so: %s", w.method, nth, last)
				}
				if after := dump(t, db, raw); after != start {
					t.Errorf("%s: statement %d (%s) failed; got %s, want %s", w.method, nth, last, after, start)
				}
			}
			if undo(t, db, w.method, &f) {
				start = dump(t, db, raw)
			}
		}
	}, func(c *storage.Config) {
		c.OnStatement = func(_ context.Context, query string) {
			if fail != nil {
				fail(query)
			}
		}
	})
}

// undo brings back what a write has used up and a later one needs, and reports
// whether there was anything.
func undo(t *testing.T, db *storage.DB, method string, f *filled02) bool {
	t.Helper()
	ctx := t.Context()
	switch method {
	case "LockClave", "SettleFailure":
		inTx(t, db, func(tx *storage.Tx) error { return tx.UnlockClave(ctx, f.mac) })
		inTx(t, db, func(tx *storage.Tx) error { return done(tx.ReserveAttempt(ctx, f.mac, 5, now, now)) })
	case "ForgiveAttempts", "EndLock":
		inTx(t, db, func(tx *storage.Tx) error { return done(tx.ReserveAttempt(ctx, f.mac, 5, now, now)) })
	case "DropDevices", "DropDevice":
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.KeepDevice(ctx, storage.Device{ID: "device", SecretHash: "device", AfiliadoID: f.a.ID})
		})
	case "EndSession", "EndSessions":
		f.session = session(t, db, f.a.ID)
		f.grant = grant(t, db, f.a.ID, f.session.ID, "openid")
		inTx(t, db, func(tx *storage.Tx) error { return done(tx.JoinSession(ctx, f.session.ID, "historia", now)) })
	case "DisableClient":
		f.grant = grant(t, db, f.a.ID, f.session.ID, "openid")
	default:
		return false
	}
	return true
}

// A method of Tx that writes and is not tried above would not be covered.
func TestFT02_CoversEveryWrite(t *testing.T) {
	reads := reflect.TypeFor[*storage.DB]()
	var tried []string
	for _, w := range all02() {
		tried = append(tried, w.method)
	}
	for m := range reflect.TypeFor[*storage.Tx]().Methods() {
		_, read := reads.MethodByName(m.Name)
		if !read && !slices.Contains(tried, m.Name) && !slices.Contains(locks02, m.Name) {
			t.Errorf("%s is a method of Tx that FT-02 does not try", m.Name)
		}
	}
	for _, name := range append(tried, locks02...) {
		if _, ok := reflect.TypeFor[*storage.Tx]().MethodByName(name); !ok {
			t.Errorf("there is no method %s", name)
		}
	}
}
