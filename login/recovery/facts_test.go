package recovery_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/recovery"
)

func listing(c *recovery.Config) {
	c.Networks = recovery.Networks{netip.MustParsePrefix("127.0.9.0/24")}
}

// weighed is what was decided on the case of a page, and on what.
func (s *site) weighed(page logintest.Answer) (recovery.Verdict, recovery.Facts) {
	s.T.Helper()
	c, err := s.DB.Recovery(s.T.Context(), page.Hidden("caso"))
	if err != nil {
		s.T.Fatal(err)
	}
	var of struct{ Facts recovery.Facts }
	if err := json.Unmarshal([]byte(c.Risk), &of); err != nil {
		s.T.Fatal(err)
	}
	_, verdict, err := recovery.Replay(c.Risk)
	if err != nil {
		s.T.Fatal(err)
	}
	return verdict, of.Facts
}

// C10: each fact that is weighed is the world's: one at a time, from the browser in
// which she signs in by day.
func TestC10_FactsAreTheWorlds(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		g := s.gate()
		g.come("127.0.8.1")
		clave := old
		own := func() *journey {
			j := s.journey()
			s.Want(j.Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", clave), http.StatusSeeOther, "/cuenta")
			return j
		}
		weigh := func(what string, j *journey, lines ...recovery.Line) recovery.Facts {
			t.Helper()
			verdict, facts := s.weighed(j.pass(s.maria))
			if !slices.Equal(verdict.Lines, lines) {
				t.Errorf("%s: the lines are %q, want %q: %+v", what, verdict.Lines, lines, facts)
			}
			if !facts.At.Equal(s.Time()) {
				t.Errorf("%s: weighed at %s", what, facts.At)
			}
			return facts
		}
		if f := weigh("her own browser", own()); f.People != 1 || f.Listed || !f.KnownDevice {
			t.Errorf("got %+v", f)
		}
		weigh("another one", s.journey(), recovery.LineDevice)
		s.Pass(time.Hour)

		j := own()
		for _, id := range cedulas(3) {
			s.journey().start(id)
		}
		s.Pass(-3 * 80 * time.Second)
		if f := weigh("a crowd", j, recovery.LineCrowd); f.People != 4 {
			t.Errorf("%d people", f.People)
		}
		s.Pass(time.Hour)
		j = own()
		g.come("127.0.7.1")
		for _, id := range cedulas(3) {
			s.journey().start(id)
		}
		g.come("127.0.8.1")
		weigh("a crowd elsewhere", j)
		s.Pass(time.Hour)

		j = own()
		form := j.start(s.maria.Identifier)
		g.come("127.0.9.1")
		own() // has been there before
		s.Want(j.answer(form, s.answers(s.maria)), http.StatusSeeOther, "/generar-recuperar")
		if v, f := s.weighed(form); !f.Listed || !slices.Equal(v.Lines, []recovery.Line{recovery.LineListed}) {
			t.Errorf("a listed network: %+v", f)
		}
		g.come("127.0.8.1")

		s.Pass(midnight(s.Time()))
		j = own()
		s.Pass(-90 * time.Second) // signed in before midnight, and it takes 80 seconds to ask
		weigh("the last minute of a day", j)
		weigh("the first of the next", j, recovery.LineHour)
		s.Pass(5 * time.Hour)
		weigh("five o'clock", j)
		s.Pass(7 * time.Hour)

		s.imported(s.maria, "maria.otra@example.ec")
		since := s.Time()
		if f := weigh("an address of today", own(), recovery.LineAddress); !f.AddressAt.Equal(since) {
			t.Errorf("the address is of %s, want %s", f.AddressAt, since)
		}
		s.Pass(30 * 24 * time.Hour)
		weigh("of thirty days", own())

		j = own()
		form = j.Open(j.ask(s.maria))
		since, clave = s.Time(), nueva
		s.Want(j.confirm(form, clave), http.StatusSeeOther, "/generar-recuperar/listo")
		if f := weigh("a clave of today", own(), recovery.LineRecovered); !f.RecoveredAt.Equal(since) {
			t.Errorf("recovered at %s, want %s", f.RecoveredAt, since)
		}
		s.Pass(31 * 24 * time.Hour)
		weigh("of last month", own())

		s.Work()
		s.Deliver()
		s.disavows(s.maria, "preguntas-superadas", "maria.otra@example.ec")
		since = s.Time()
		if f := weigh("No fui yo", s.journey(), recovery.LineDevice, recovery.LineDisavowed); !f.DisavowedAt.Equal(since) {
			t.Errorf("disavowed at %s, want %s", f.DisavowedAt, since)
		}
		s.Pass(31 * 24 * time.Hour)
		weigh("a month later", s.journey(), recovery.LineDevice)
	}, listing)
}

// midnight is how long it is from now to midnight in Guayaquil.
func midnight(now time.Time) time.Duration {
	day := 24 * time.Hour
	return now.Add(-5 * time.Hour).Truncate(day).Add(day + 5*time.Hour).Sub(now)
}

// C10: where the lines weigh most, right answers lead to the page of everybody whom
// the way cannot serve; her mailbox is told, no link goes, and no form goes on. With
// one line less she goes on.
func TestC10_TheOfficeWay(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		g := s.gate()
		s.Pass(midnight(s.Time()))
		g.come("127.0.9.1") // listed, at night, from a browser nobody knows
		waits := s.journey()
		page := waits.pass(s.maria)
		if v, _ := s.weighed(page); v.Route != recovery.RouteWait {
			t.Errorf("got %+v", v)
		}
		for _, id := range cedulas(3) { // and many from there
			s.journey().start(id)
		}
		j := s.journey()
		form := j.start(s.maria.Identifier)
		got := j.answer(form, s.answers(s.maria))
		failed := s.journey()
		failedForm := failed.start(nobody)
		for range 4 {
			failed.answer(failedForm, wrong())
		}
		if want := failed.answer(failedForm, wrong()); got.Status != want.Status || normal(got, s.maria.Identifier) != normal(want, nobody) {
			t.Errorf("another page: %d %s", got.Status, difference(normal(got, s.maria.Identifier), normal(want, nobody)))
		}
		if v, _ := s.weighed(form); v.Route != recovery.RouteOffice {
			t.Errorf("got %+v", v)
		}
		s.Pass(time.Minute)
		for _, again := range []logintest.Answer{
			j.data(form), j.answer(form, s.answers(s.maria)), j.data(form, "correo", elsewhere),
		} {
			if again.Status != http.StatusOK || again.Main() != got.Main() {
				t.Errorf("it goes on: %d %s %s", again.Status, again.Location, again.Main())
			}
		}
		s.WantText(j.Get("/generar-recuperar"), `name="identificacion"`)
		s.Want(j.Post(resent, "caso", form.Hidden("caso")), http.StatusSeeOther, "/generar-recuperar")
		s.Work()
		s.Pass(time.Hour)
		s.Deliver()
		if got := s.kinds(s.maria); len(got) == 0 || slices.ContainsFunc(got, func(kind string) bool { return kind != "preguntas-superadas" }) {
			t.Errorf("mails %q", got)
		}
		if c, err := s.DB.Recovery(t.Context(), form.Hidden("caso")); err != nil || c.Step != string(recovery.StepAssisted) {
			t.Errorf("the case is at %+v, %v", c, err)
		}
		if n := s.spent(s.maria.Identifier); n != 0 || s.locked(s.maria.Identifier) != "" {
			t.Errorf("%d attempts are spent", n)
		}
		rows, err := s.DB.PersonEvents(t.Context(), s.maria.ID, "recovery.passed", s.Time(), 1)
		if err != nil || len(rows) != 1 || !strings.Contains(rows[0].Detail, `"assisted":"asistida"`) {
			t.Errorf("audit %+v, %v", rows, err)
		}
	}, listing)
}
