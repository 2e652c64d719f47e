package recovery_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// unspent reports a link that was used, or of which an attempt was taken.
func (s *site) unspent(link *storage.Link) {
	s.T.Helper()
	l, err := s.DB.Link(s.T.Context(), link.ID)
	if err != nil || l.Attempts != 0 || !l.UsedAt.IsZero() {
		s.T.Errorf("link %+v, %v", l, err)
	}
}

// wantAway checks a page that says that the registry is away.
func (s *site) wantAway(got logintest.Answer, words ...string) {
	s.T.Helper()
	if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		s.T.Errorf("got %d", got.Status)
	}
	s.WantText(got, append(words, "no están disponibles por el momento")...)
}

// FT-24: while the registry is away nobody enrols answers that it cannot be held
// against. The page says so with all but the claves, and nothing is spent.
func TestFT24_EnrolmentWaitsForTheRegistry(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		away := &registry{DB: s.DB}
		s.way.SetRegistry(away)
		j := s.journey()
		link := j.ask(s.diana)
		page := j.Open(link)
		away.fail = errors.New("timeout")
		got := j.confirm(page, nueva, enrolling()...)
		s.wantAway(got, "Doña Eufrosina", "El sastre valiente", `name="declaracion" value="1" checked`)
		if strings.Contains(got.Body, nueva) || got.Hidden("abierto") != page.Hidden("abierto") {
			t.Error("it shows the clave, or forgets when it was opened")
		}
		s.unspent(link)
		away.fail = nil
		s.Want(j.confirm(got, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
	})
}

// FT-24: nor does another browser lose one of the link's attempts. Where a case was
// shown its questions they are shown again; whoever enrolled her own needs no
// registry.
func TestFT24_ElsewhereWaitsForTheRegistry(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		away := &registry{DB: s.DB}
		s.way.SetRegistry(away)
		link, right := s.journey().ask(s.diana), s.answers(s.diana)
		own, hers := s.journey().ask(s.maria), s.answers(s.maria)
		b, c := s.NewBrowser(), s.NewBrowser()
		send := func(b *logintest.Browser, f form) logintest.Answer {
			return b.Post("/generar-recuperar/clave", "dia", f.day, "mes", f.month, "historia_1", f.history[0], "personal_1", f.personal[0], "continuar", "1")
		}
		question := regexp.MustCompile(`(?s)<fieldset class="question.*?</legend>`).FindString(b.Open(link).Body)
		away.fail = errors.New("timeout")
		s.wantAway(b.Get("/generar-recuperar/clave"), question)
		s.wantAway(send(b, right), question, `value="`+right.day+`" selected`, `value="`+right.history[0]+`" checked`)
		s.unspent(link)
		c.Open(own)
		s.Want(send(c, hers), http.StatusSeeOther, "/generar-recuperar/clave")
		away.fail = nil
		s.Want(send(b, right), http.StatusSeeOther, "/generar-recuperar/clave")
	})
}
