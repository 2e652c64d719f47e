package recovery_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

const resent = "/generar-recuperar/reenviar"

var leftText = regexp.MustCompile(`data-left="[^"]*"`)

// D06: however late its mail leaves, a link ends sixty minutes after it was asked
// for; what it opened until then is taken, and the case goes on, as long as the
// form does.
func TestD06_SixtyMinutesFromBeingAsked(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const second = time.Second
		for _, tt := range []struct {
			name             string
			leaves, open     time.Duration // after it was asked for
			delivered, opens bool
		}{
			{"at the last second", 50 * time.Minute, 60*time.Minute - second, true, true},
			{"at the hour", 50 * time.Minute, 60 * time.Minute, true, false},
			{"a mail of an hour ago", 60 * time.Minute, 60 * time.Minute, false, false},
		} {
			s.Pass(31 * 24 * time.Hour) // nothing of the case before counts
			j := s.journey()
			request := j.Ask()
			s.Want(j.data(j.pass(s.diana)), http.StatusSeeOther, "/generar-recuperar/enviado")
			s.Pass(tt.leaves)
			s.Deliver()
			link := s.LinkOf(s.diana.ID, "enlace-generar")
			if delivered := !link.DeliveredAt.IsZero(); delivered != tt.delivered {
				t.Errorf("%s: delivered %v", tt.name, delivered)
			}
			s.Pass(tt.open - tt.leaves)
			page := j.Open(link)
			if opens := page.Hidden("abierto") != ""; opens != tt.opens {
				t.Errorf("%s: opens %v: %s", tt.name, opens, page.Main())
			}
			if !tt.opens {
				s.WantText(page, `name="caso"`) // and another one press away
				continue
			}
			s.Pass(15*time.Minute - second)
			s.Want(j.Get("/generar-recuperar"), http.StatusSeeOther, "/generar-recuperar/enviado")
			s.Want(j.confirm(page, nueva, enrolling()...), http.StatusSeeOther, "/generar-recuperar/listo")
			s.WantText(j.Get("/generar-recuperar/listo"), "Historia Laboral")
			if request == "" || s.Events("clave.recovered") != 1 {
				t.Errorf("%d claves", s.Events("clave.recovered"))
			}
			s.In(func(tx *storage.Tx) error { return tx.SetAnswers(t.Context(), s.diana.ID, nil) })
		}
	})
}

// D06: one mailbox gets six links in fifteen minutes, whoever of a family they are
// for, and then again.
func TestD06_SixLinksForAMailbox(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const box = "familia@example.ec"
		family := []storage.Afiliado{s.person("0159999911", box), s.person("1059999910", box), s.person("0759999915", strings.ToUpper(box[:1])+box[1:])}
		var all []*journey
		var pages []string
		for _, a := range family {
			j := s.journey()
			all, pages = append(all, j), append(pages, j.pass(a).Hidden("caso"))
		}
		began := s.Time()
		for i, j := range all {
			s.Want(j.Post("/generar-recuperar", "caso", pages[i], "correo", ""), http.StatusSeeOther, "/generar-recuperar/enviado")
			for range 1 - i/2 { // two links, two, one
				s.Pass(time.Second)
				j.Post(resent, "caso", pages[i])
			}
		}
		links := func() int { return s.Events("recovery.asked") }
		if links() != 5 || s.Events("recovery.capped") != 0 {
			t.Fatalf("%d links, %d refused", links(), s.Events("recovery.capped"))
		}
		s.Pass(began.Add(15 * time.Minute).Add(-time.Second).Sub(s.Time()))
		for _, want := range []int{6, 6} {
			all[2].Post(resent, "caso", pages[2], "vez", s.Time().String())
			s.Pass(500 * time.Millisecond)
			if links() != want {
				t.Errorf("%d links, want %d", links(), want)
			}
		}
		s.Pass(time.Second) // the first is fifteen minutes old
		all[2].Post(resent, "caso", pages[2], "vez", "otra")
		if links() != 7 {
			t.Errorf("%d links after fifteen minutes", links())
		}
	})
}

// S086, D06: what closes an account to mail closes it to a press for another link,
// too, and to the form that asks for the first one; the press does nothing, and does
// again once it is open.
func TestS086_AnotherLinkOnlyWhereTheFirstWouldGo(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		mac := s.DB.IdentifierMAC(s.maria.Identifier)
		for _, tt := range []struct {
			name        string
			close, open func(tx *storage.Tx) error
		}{
			{
				"an officer's lock", func(tx *storage.Tx) error {
					return second(tx.LockClave(t.Context(), mac, storage.LockOperador, s.Time()))
				},
				func(tx *storage.Tx) error { return tx.UnlockClave(t.Context(), mac) },
			},
			{
				"a mailbox that takes no mail",
				func(tx *storage.Tx) error {
					return tx.SuppressAddress(t.Context(), s.maria.Email, "550", s.Time(), s.Time().Add(24*time.Hour))
				},
				func(tx *storage.Tx) error { return tx.AllowAddress(t.Context(), s.maria.Email) },
			},
		} {
			s.Pass(time.Hour)
			sent, data := s.journey(), s.journey()
			sent.ask(s.maria)
			caso := sent.Get("/generar-recuperar/enviado").Hidden("caso")
			page := data.pass(s.maria)
			before := s.Events("recovery.asked")
			s.In(tt.close)
			for range 2 {
				s.Pass(6 * time.Second)
				s.Want(sent.Post(resent, "caso", caso), http.StatusSeeOther, "/generar-recuperar/enviado")
			}
			if got := data.data(page); got.Status != http.StatusOK || strings.Contains(got.Body, `name="correo"`) {
				t.Errorf("%s: the form for the first link: %d %s", tt.name, got.Status, got.Main())
			}
			if n := s.Events("recovery.asked") - before; n != 0 {
				t.Errorf("%s: %d links", tt.name, n)
			}
			s.In(tt.open)
			s.Pass(6 * time.Second)
			sent.Post(resent, "caso", caso)
			if n := s.Events("recovery.asked") - before; n != 1 {
				t.Errorf("%s is over: %d links", tt.name, n)
			}
			if got := data.data(page); got.Status != http.StatusOK { // that case has ended
				t.Errorf("%s is over: the case goes on to %s", tt.name, got.Location)
			}
		}
	})
}

// S039, S026: the pages that end say how many seconds are left.
func TestS039_TheTimeLeftIsTold(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		left := func(what string, a string) {
			t.Helper()
			if got := leftText.FindAllString(a, -1); !slices.Equal(got, []string{`data-left="119"`}) {
				t.Errorf("%s: %q", what, got)
			}
		}
		j := s.journey()
		page := j.start(s.maria.Identifier)
		s.Pass(time.Hour - 119*time.Second)
		left("the questions", j.Get("/generar-recuperar").Body)
		left("a wrong answer", j.answer(page, wrong()).Body)
		j = s.journey()
		page = j.pass(s.maria)
		s.Pass(time.Hour - 119*time.Second)
		left("the data", j.Get("/generar-recuperar").Body)
		left("data that are wrong", j.data(page, "correo", "x").Body)
		j = s.journey()
		link := j.ask(s.maria)
		page = j.Open(link)
		s.Pass(15*time.Minute - 119*time.Second)
		left("the last form", j.confirm(page, "corta").Body)
		left("the link elsewhere", s.NewBrowser().Open(link).Body)
	})
}

// S039: what another tab opens of other mails ends nothing: the form of the new clave
// is taken. The page of a changed address tells of what was done last.
func TestS039_AnotherTabEndsNoForm(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.Open(j.ask(s.maria))
		s.WantText(j.Open(s.LinkOf(s.maria.ID, "preguntas-superadas")), "No fui yo")
		s.Want(j.confirm(page, nueva), http.StatusSeeOther, "/generar-recuperar/listo")
		s.Pass(time.Hour)
		s.asksChange(j, s.maria, elsewhere)
		for _, k := range []struct{ template, path, tells string }{
			{"correo-nuevo", "/correo/confirmar", "está confirmado"}, {"correo-viejo", "/correo/aprobar", "ya vale"},
		} {
			page := j.Open(s.LinkOf(s.maria.ID, k.template))
			s.Pass(time.Second)
			s.Want(j.Post(k.path, "reto", j.Ticket(page)), http.StatusSeeOther, "/correo/listo")
			s.WantText(j.Get("/correo/listo"), k.tells)
		}
	})
}
