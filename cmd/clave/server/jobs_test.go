package server

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

func second(_ bool, err error) error { return err }

// Each periodic job is in the table and has its effect, seen from outside it.
func TestEachJobHasItsEffect(t *testing.T) {
	key, err := storage.NewAuditKey("localhost/audit")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	now := storagetest.Noon()
	s, log := open(t, func(c *Config) {
		c.Audit, c.Login.Renewal, c.Login.Alarm, c.Now = signer, login.DefaultRenewal(), login.DefaultAlarm(), func() time.Time { return now }
		c.Login.Lockout.Expires, c.Provider.KeyLife = 24*time.Hour, 30*24*time.Hour
	})
	a := storagetest.AddAfiliado(t, s.db, storage.Afiliado{})
	storagetest.AddClave(t, s.db, a.ID, "x", now.AddDate(0, 0, 20))
	data, err := json.Marshal(login.Notice{When: now})
	if err != nil {
		t.Fatal(err)
	}
	mac := s.db.IdentifierMAC(a.Identifier)
	request := storage.AuthRequest{ID: storage.NewID(), ClientID: "historia", CreatedAt: storage.At(now), ExpiresAt: storage.At(now.Add(time.Minute))}
	change := storage.ContactChange{ID: storage.NewID(), AfiliadoID: a.ID, Email: "nueva@example.ec", AskedAt: storage.At(now.Add(-time.Hour)), ReadyAt: storage.At(now)}
	storagetest.InTx(t, s.db, func(tx *storage.Tx) error {
		_, err := tx.LockClave(t.Context(), mac, storage.LockLogin, now.Add(-24*time.Hour))
		return errors.Join(
			err,
			tx.AddErrand(t.Context(), storage.Errand{Kind: login.NoticeChanged, IdentifierMAC: s.db.IdentifierMAC(a.Identifier), Data: data, CreatedAt: storage.At(now)}),
			tx.AddAuthRequest(t.Context(), request),
			tx.AskContactChange(t.Context(), change), second(tx.ProveContactChange(t.Context(), change.ID, now)),
			tx.AddFailures(t.Context(), 100, now),
			tx.Audit(t.Context(), storage.Event{At: storage.At(now), Name: "clave.changed", AfiliadoID: a.ID, Actor: "afiliado", Personal: map[string]string{"address": "203.0.113.9"}}),
		)
	})
	ran := map[string]bool{}
	do := func(name string) {
		t.Helper()
		i := slices.IndexFunc(s.jobs, func(j job) bool { return j.name == name })
		if i < 0 {
			t.Fatalf("there is no job %s", name)
		}
		if err := s.runJob(t.Context(), s.jobs[i]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ran[name] = true
	}
	mails := func() []string {
		t.Helper()
		all, err := s.db.Messages(t.Context(), a.ID, 10)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, m := range all {
			out = append(out, m.Template)
		}
		return out
	}
	audit := func() storage.AuditCheck {
		t.Helper()
		check, err := s.db.VerifyAudit(t.Context(), nil, nil, func(f storage.AuditFinding) { t.Errorf("audit: %+v", f) }, nil)
		if err != nil {
			t.Fatal(err)
		}
		return check
	}

	do("errands")
	if got := mails(); !slices.Equal(got, []string{login.NoticeChanged}) {
		t.Errorf("errands: got the mails %q", got)
	}
	do("login.alarm")
	for _, want := range []string{"clave_login_alarm 1", "clave_login_failures_last_minute 100", "clave_login_failures_baseline 0", `clave_audit_events_total{event="login.alarm.raised"} 1`} {
		if got := metricsOf(s); !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("login.alarm: the metrics do not show %s", want)
		}
	}
	do("locks")
	if b, err := s.db.LoginBudget(t.Context(), mac); err != nil || b.LockReason != "" {
		t.Errorf("locks: got %+v, %v", b, err)
	}
	do("clave.remind")
	if got, want := mails(), (templates.MailRenewalDue{}).Template(); len(got) != 2 || !slices.Contains(got, want) {
		t.Errorf("clave.remind: got the mails %q, want %s too", got, want)
	}
	do("contact.apply")
	if got, err := s.db.ContactChange(t.Context(), change.ID); err != nil || got.CancelledAt.IsZero() { // nobody was told of it
		t.Errorf("contact.apply: got %+v, %v", got, err)
	}
	do("keys")
	if got := metricsOf(s); !strings.Contains(got, "\nclave_signing_key_age_seconds{alg=\"ES256\"} 0\n") || !strings.Contains(got, "\nclave_signing_key_overdue_seconds{alg=\"ES256\"} 0\n") {
		t.Errorf("keys, which are not due: got %s", got)
	}
	do("disclosures") // nothing was handed out
	do("audit.seal")
	if got := audit(); got.Pending != 0 || got.Leaves == 0 || got.Personal != 1 {
		t.Errorf("audit.seal: got %+v", got)
	}
	do("audit.sign")
	if got := audit(); got.Heads != 1 || got.SignedTo != got.Leaves || !strings.Contains(log.String(), "audit head signed") {
		t.Errorf("audit.sign: got %+v", got)
	}
	do("purge")
	if _, err := s.db.AuthRequest(t.Context(), request.ID); err != nil {
		t.Errorf("purge took what was valid: %v", err)
	}
	now = now.Add(2 * time.Minute)
	do("purge")
	if _, err := s.db.AuthRequest(t.Context(), request.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("purge left what was not: %v", err)
	}
	now = now.AddDate(0, 0, 89)
	if got := metricsOf(s); !strings.Contains(got, "\nclave_signing_key_overdue_seconds{alg=\"ES256\"} 5.09772e+06\n") { // 59 days, and the two minutes
		t.Errorf("keys, which are due: got %s", got)
	}
	do("keys")
	if got := metricsOf(s); !strings.Contains(got, "\nclave_audit_events_total{event=\"key.rotated\"} 1\n") || !strings.Contains(got, "\nclave_signing_key_overdue_seconds{alg=\"ES256\"} 0\n") {
		t.Errorf("keys: got %s", got)
	}
	do("audit.erase")
	if got := audit(); got.Personal != 1 {
		t.Errorf("audit.erase before 90 days: got %+v", got)
	}
	now = now.AddDate(0, 0, 1)
	do("audit.erase")
	if got := audit(); got.Personal != 0 || got.Erased != 1 {
		t.Errorf("audit.erase after 90 days: got %+v", got)
	}
	rows, err := s.db.PersonEvents(t.Context(), a.ID, "clave.changed", now, 1)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	whence := func(want string) {
		t.Helper()
		left, err := s.db.AuditPersonal(t.Context(), rows[0].ID)
		if err != nil || left["network"] != want || left["address"] != "" {
			t.Errorf("of whence it came is left %v, %v; want %q", left, err, want)
		}
	}
	whence("203.0.113.x")
	now = rows[0].At.AddDate(0, 13, 0)
	do("purge")
	whence("")
	for _, j := range s.jobs {
		if !ran[j.name] {
			t.Errorf("nothing is known of the job %s", j.name)
		}
	}
}
