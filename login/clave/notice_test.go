package clave_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// T05: every security event is told of, once, and a lock once per lock (FT-15).
func TestT05_NoticesOfEveryEvent(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		for range 7 {
			s.browser().signIn("", wrongClave)
		}
		s.work()
		s.wantMails("clave-bloqueada")
		s.in(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		b := s.browser()
		b.prove(cedula, old)
		b.setNew(nueva)
		s.work()
		s.wantMails("clave-bloqueada", "clave-cambiada")
		s.work()
		s.wantMails("clave-bloqueada", "clave-cambiada")
		for _, m := range s.mails() {
			if m.Recipient != s.who.Email || m.LinkID == "" {
				t.Errorf("%s to %q, link %q", m.Template, m.Recipient, m.LinkID)
			}
		}
		if a, b := s.linkOf("clave-bloqueada"), s.linkOf("clave-cambiada"); a.ID != b.ID {
			t.Error("the newer notice killed what the older one offers")
		}
	})
}

// T01: an identifier that nobody has leaves the same errand and no mail.
func TestT01_NobodyGetsNoMail(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		for range 5 {
			s.browser().post("/ingresar", "cedula", string(nobody), "clave", wrongClave)
		}
		s.browser().askUnlock(nobody)
		s.work()
		s.wantMails()
		due, err := s.DB.DueErrands(t.Context(), s.now().Add(time.Hour), 10)
		if err != nil || len(due) != 0 {
			t.Errorf("left undone: %v, %v", due, err)
		}
	})
}

// The notice of a new device waits and tells what followed in the same browser.
func TestT05_NewDeviceMergesWithWhatFollows(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		s.want(b.renew("", nueva), http.StatusSeeOther, "/")
		s.work()
		s.wantMails()
		s.pass(5 * time.Minute)
		s.work()
		s.wantMails("equipo-nuevo")
		var m templates.MailNewDevice
		if err := json.Unmarshal(s.mails()[0].Data, &m); err != nil || len(m.Also) != 1 || m.Also[0].Template != "clave-renovada" {
			t.Errorf("got %+v, %v", m, err)
		}
		s.pass(time.Hour)
		b.signIn("", nueva) // the same device is known by now
		s.pass(time.Hour)
		s.work()
		s.wantMails("equipo-nuevo")
	})
}

func TestS092_RenewalIsTold(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		s.pass(6 * time.Minute)
		s.work() // the new device is told of
		b.renew("", nueva)
		s.work()
		s.wantMails("equipo-nuevo", "clave-renovada")
	})
}

// "No fui yo": sessions, grants, lanes and the clave itself end, by one tick and
// one press; a robot that sends the form unchanged does nothing.
func TestT11_NoFuiYo(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		thief := s.browser()
		thief.signIn("", old)
		s.pass(5 * time.Minute)
		s.work()
		s.deliver()
		link := s.linkOf("equipo-nuevo")
		robot := s.browser()
		for range 3 {
			robot.open(link)
			robot.post("/no-fui-yo")
			robot.post("/no-fui-yo", "no-fui-yo", "1")
		}
		if s.events("clave.disavowed") != 0 {
			t.Fatal("a robot pressed it")
		}
		owner := s.browser()
		page := owner.open(link)
		s.wantText(page, "Su clave se usó en un equipo nuevo", "9 de noviembre de 2026, 10:00", "127.0.0.x") // as the mail said, not when it was written
		reto := owner.ticketOf(page)
		s.want(owner.post("/no-fui-yo", "no-fui-yo", "1", "reto", reto), http.StatusSeeOther, "/no-fui-yo/listo")
		s.wantText(owner.get("/no-fui-yo/listo"), "/generar-recuperar")
		s.want(thief.get("/renovar"), http.StatusSeeOther, "/ingresar")
		if s.budget().LockReason != storage.LockCompromiso || !mustClave(s).Compromised {
			t.Errorf("%+v %+v", s.budget(), mustClave(s).Compromised)
		}
		if got := thief.signIn("", old); got.status != http.StatusOK {
			t.Errorf("the thief's known device passes: %d", got.status)
		}
		s.wantText(robot.open(link), "/generar-recuperar") // used
		s.work()
		s.wantMails("equipo-nuevo", "clave-bloqueada")
	})
}

func TestNoFuiYoLivesTenDays(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		works bool
	}{"almost": {10*24*time.Hour - time.Minute, true}, "over": {10*24*time.Hour + time.Minute, false}} {
		t.Run(name, func(t *testing.T) {
			fresh(t, func(t *testing.T, s *site) {
				s.browser().signIn("", old)
				s.pass(5 * time.Minute)
				s.work()
				s.deliver()
				s.pass(tt.after)
				page := s.browser().open(s.linkOf("equipo-nuevo"))
				if got := strings.Contains(page.body, `id="no-fui-yo"`); got != tt.works {
					t.Errorf("offered: %v", got)
				}
			})
		})
	}
}

// The acts of the operator of the machine are audited and told of.
func TestOperatorActs(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		b := s.browser()
		b.signIn("", old)
		if err := clave.UnlockByOperator(ctx, s.DB, s.who.ID, "llamada", s.now()); err == nil {
			t.Error("unlocked what is not locked")
		}
		s.lock(storage.LockOperador)
		if err := clave.UnlockByOperator(ctx, s.DB, s.who.ID, "llamada", s.now()); err != nil || s.budget().LockReason != "" {
			t.Errorf("%v, %+v", err, s.budget())
		}
		if err := clave.DisableByOperator(ctx, s.DB, s.who.ID, "pedido", s.now()); err != nil {
			t.Error(err)
		}
		s.want(b.get("/renovar"), http.StatusSeeOther, "/ingresar")
		s.pass(5 * time.Minute)
		s.work()
		s.wantMails("equipo-nuevo", "clave-desbloqueada", "cuenta-deshabilitada")
		if s.events("clave.unlocked") != 1 || s.events("afiliado.disabled") != 1 {
			t.Error("no audit rows")
		}
	})
}

// An address that was given up is written to again once an operator says so, with
// a reason that stands in the audit.
func TestOperatorLetsMailGoAgain(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		if err := clave.AllowMailByOperator(ctx, s.DB, s.who.ID, "llamada", s.now()); !errors.Is(err, clave.ErrNotSuppressed) {
			t.Errorf("got %v", err)
		}
		s.in(func(tx *storage.Tx) error {
			return tx.SuppressAddress(ctx, s.who.Email, "550", s.now(), s.now().Add(time.Hour))
		})
		if err := clave.AllowMailByOperator(ctx, s.DB, s.who.ID, "llamada", s.now()); err != nil {
			t.Error(err)
		}
		if got, err := s.DB.Suppressed(ctx, s.who.Email, s.now()); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %+v, %v", got, err)
		}
		s.work()
		s.wantMails()
		rows, err := s.DB.AuditRows(ctx, 0, 100)
		if err != nil || s.events("mail.allowed") != 1 || !strings.Contains(rows[len(rows)-1].Detail, "llamada") {
			t.Errorf("audit %+v, %v", rows, err)
		}
	})
}

// T01: what does not open holds up its own errand and no other, and is told of.
func TestADamagedErrandHoldsUpNoOther(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := newSite(t, engine)
			other := s.otherKeys()
			storagetest.InTx(t, other, func(tx *storage.Tx) error {
				return tx.AddErrand(t.Context(), storage.Errand{
					ID: "damaged", Kind: login.NoticeUnlocked, IdentifierMAC: s.DB.IdentifierMAC(s.who.Identifier), CreatedAt: storage.At(s.now()),
				})
			})
			s.pass(time.Second)
			s.lock(storage.LockLogin)
			s.browser().askUnlock(s.who.Identifier)
			if err := s.claves.RunErrands(t.Context(), s.now()); err == nil || !strings.Contains(err.Error(), login.NoticeUnlocked) {
				t.Errorf("got %v, want it told which one failed", err)
			}
			s.wantMails("enlace-desbloqueo")
			s.work() // and not again at once
			s.pass(time.Minute)
			if err := s.claves.RunErrands(t.Context(), s.now()); err == nil {
				t.Error("it is not tried again")
			}
		})
	}
}

// S092: reminders 30, 7 and 1 days before, one each, however often the job runs.
func TestS092_Reminders(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		due := s.now().Add(40 * 24 * time.Hour)
		s.in(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, due) })
		var got []int
		for day := range 45 {
			for range 3 {
				if err := s.claves.RemindDue(t.Context(), s.now()); err != nil {
					t.Fatal(err)
				}
			}
			for _, m := range s.mails()[len(got):] {
				var mail templates.MailRenewalDue
				if err := json.Unmarshal(m.Data, &mail); err != nil || !mail.Due.Equal(due) {
					t.Errorf("day %d: %+v, %v", day, mail, err)
				}
				got = append(got, mail.Days)
			}
			s.pass(24 * time.Hour)
		}
		if len(got) != 3 || got[0] != 30 || got[1] != 7 || got[2] != 1 {
			t.Errorf("reminded %v days before", got)
		}
	})
}
