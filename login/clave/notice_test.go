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
		s.Work()
		s.wantMails("clave-bloqueada")
		s.In(func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), s.DB.IdentifierMAC(cedula)) })
		b := s.browser()
		b.prove(cedula, old)
		b.setNew(nueva)
		s.Work()
		s.wantMails("clave-bloqueada", "clave-cambiada")
		s.Work()
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
			s.browser().Post("/ingresar", "cedula", string(nobody), "clave", wrongClave)
		}
		s.browser().askUnlock(nobody)
		s.Work()
		s.wantMails()
		due, err := s.DB.DueErrands(t.Context(), s.Time().Add(time.Hour), 10)
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
		s.Want(b.renew("", nueva), http.StatusSeeOther, "/cuenta")
		s.Work()
		s.wantMails()
		s.Pass(5 * time.Minute)
		s.Work()
		s.wantMails("equipo-nuevo")
		var m templates.MailNewDevice
		if err := json.Unmarshal(s.mails()[0].Data, &m); err != nil || len(m.Also) != 1 || m.Also[0].Template != "clave-renovada" {
			t.Errorf("got %+v, %v", m, err)
		}
		s.Pass(time.Hour)
		b.signIn("", nueva) // the same device is known by now
		s.Pass(time.Hour)
		s.Work()
		s.wantMails("equipo-nuevo")
	})
}

func TestS092_RenewalIsTold(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.browser()
		b.signIn("", old)
		s.Pass(6 * time.Minute)
		s.Work() // the new device is told of
		b.renew("", nueva)
		s.Work()
		s.wantMails("equipo-nuevo", "clave-renovada")
	})
}

// "No fui yo": sessions, grants, lanes and the clave itself end, by one tick and
// one press; a robot that sends the form unchanged does nothing.
func TestT11_NoFuiYo(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		thief := s.browser()
		thief.signIn("", old)
		s.Pass(5 * time.Minute)
		s.Work()
		s.Deliver()
		link := s.linkOf("equipo-nuevo")
		robot := s.browser()
		for range 3 {
			robot.Open(link)
			robot.Post("/no-fui-yo")
			robot.Post("/no-fui-yo", "no-fui-yo", "1")
		}
		if s.Events("clave.disavowed") != 0 {
			t.Fatal("a robot pressed it")
		}
		owner := s.browser()
		page := owner.Open(link)
		s.WantText(page, "Su clave se usó en un equipo nuevo", "9 de noviembre de 2026, 10:00", "127.0.0.x") // as the mail said, not when it was written
		reto := owner.ticketOf(page)
		s.Want(owner.Post("/no-fui-yo", "no-fui-yo", "1", "reto", reto), http.StatusSeeOther, "/no-fui-yo/listo")
		s.WantText(owner.Get("/no-fui-yo/listo"), "/generar-recuperar")
		s.Want(thief.Get("/renovar"), http.StatusSeeOther, "/ingresar")
		if s.budget().LockReason != storage.LockCompromiso || !mustClave(s).Compromised {
			t.Errorf("%+v %+v", s.budget(), mustClave(s).Compromised)
		}
		if got := thief.signIn("", old); got.Status != http.StatusOK {
			t.Errorf("the thief's known device passes: %d", got.Status)
		}
		s.WantText(robot.Open(link), "/generar-recuperar") // used
		s.Work()
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
				s.Pass(5 * time.Minute)
				s.Work()
				s.Deliver()
				s.Pass(tt.after)
				page := s.browser().Open(s.linkOf("equipo-nuevo"))
				if got := strings.Contains(page.Body, `id="no-fui-yo"`); got != tt.works {
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
		if err := clave.UnlockByOperator(ctx, s.DB, s.who.ID, "llamada", s.Time()); err == nil {
			t.Error("unlocked what is not locked")
		}
		s.lock(storage.LockOperador)
		if err := clave.UnlockByOperator(ctx, s.DB, s.who.ID, "llamada", s.Time()); err != nil || s.budget().LockReason != "" {
			t.Errorf("%v, %+v", err, s.budget())
		}
		if err := clave.DisableByOperator(ctx, s.DB, s.who.ID, "pedido", s.Time()); err != nil {
			t.Error(err)
		}
		s.Want(b.Get("/renovar"), http.StatusSeeOther, "/ingresar")
		s.Pass(5 * time.Minute)
		s.Work()
		s.wantMails("equipo-nuevo", "clave-desbloqueada", "cuenta-deshabilitada")
		if s.Events("clave.unlocked") != 1 || s.Events("afiliado.disabled") != 1 {
			t.Error("no audit rows")
		}
	})
}

// An address that was given up is written to again once an operator says so, with
// a reason that stands in the audit.
func TestOperatorLetsMailGoAgain(t *testing.T) {
	fresh(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		if err := clave.AllowMailByOperator(ctx, s.DB, s.who.ID, "llamada", s.Time()); !errors.Is(err, clave.ErrNotSuppressed) {
			t.Errorf("got %v", err)
		}
		s.In(func(tx *storage.Tx) error {
			return tx.SuppressAddress(ctx, s.who.Email, "550", s.Time(), s.Time().Add(time.Hour))
		})
		if err := clave.AllowMailByOperator(ctx, s.DB, s.who.ID, "llamada", s.Time()); err != nil {
			t.Error(err)
		}
		if got, err := s.DB.Suppressed(ctx, s.who.Email, s.Time()); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %+v, %v", got, err)
		}
		s.Work()
		s.wantMails()
		rows, err := s.DB.AuditRows(ctx, 0, 100)
		if err != nil || s.Events("mail.allowed") != 1 || !strings.Contains(rows[len(rows)-1].Detail, "llamada") {
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
					ID: "damaged", Kind: login.NoticeUnlocked, IdentifierMAC: s.DB.IdentifierMAC(s.who.Identifier), CreatedAt: storage.At(s.Time()),
				})
			})
			s.Pass(time.Second)
			s.lock(storage.LockLogin)
			s.browser().askUnlock(s.who.Identifier)
			if err := s.Claves.RunErrands(t.Context(), s.Time()); err == nil || !strings.Contains(err.Error(), login.NoticeUnlocked) {
				t.Errorf("got %v, want it told which one failed", err)
			}
			s.wantMails("enlace-desbloqueo")
			s.Work() // and not again at once
			s.Pass(time.Minute)
			if err := s.Claves.RunErrands(t.Context(), s.Time()); err == nil {
				t.Error("it is not tried again")
			}
		})
	}
}

// S092: reminders 30, 7 and 1 days before, one each, however often the job runs.
func TestS092_Reminders(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		due := s.Time().Add(40 * 24 * time.Hour)
		s.In(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, due) })
		var got []int
		for day := range 45 {
			for range 3 {
				if err := s.Claves.RemindDue(t.Context(), s.Time()); err != nil {
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
			s.Pass(24 * time.Hour)
		}
		if len(got) != 3 || got[0] != 30 || got[1] != 7 || got[2] != 1 {
			t.Errorf("reminded %v days before", got)
		}
	})
}
