package cuenta_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/cuenta"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

const rights = "/cuenta/derechos"

// asks makes a request, and returns its number.
func (s *site) asks(b *logintest.Browser, who storage.Afiliado, right, detail string) string {
	s.T.Helper()
	got := b.Post(rights+"/pedir", "sesion", mark(who), "derecho", right, "detalle", detail)
	s.Want(got, http.StatusSeeOther, rights)
	_, number, _ := strings.Cut(got.Param("hecho"), " ")
	s.WantText(b.Get(got.Location), "Recibimos su solicitud", number)
	return number
}

// requests are those of a person.
func (s *site) requests(who storage.Afiliado) []storage.RightsRequest {
	s.T.Helper()
	all, err := s.DB.RightsRequests(s.T.Context(), who.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	return all
}

// templatesOf are the mails to a person, in the order of their names.
func (s *site) templatesOf(who storage.Afiliado) []string {
	s.T.Helper()
	s.Work()
	var out []string
	for _, m := range s.Mails(who.ID) {
		if m.Template != login.NoticeNewDevice {
			out = append(out, m.Template)
		}
	}
	slices.Sort(out)
	return out
}

// LAW-05: a person asks, gets a number and a receipt, sees the days count, and the
// answer.
func TestLAW05_RequestIsCountedAndAnswered(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		number := s.asks(b, s.maria, storage.RightErasure, "Borren mi <b>celular</b>.\r\nEs de otra persona.")
		s.WantText(b.Get(rights), number, "Faltan 15 días", "7 de diciembre de 2026",
			"<p>Borren mi &lt;b&gt;celular&lt;/b&gt;.</p>", "<p>Es de otra persona.</p>")
		if again := s.asks(b, s.maria, storage.RightErasure, "Borren mi <b>celular</b>.\nEs de otra persona."); again != number || len(s.requests(s.maria)) != 1 {
			t.Errorf("the same form twice made %q beside %q", again, number)
		}
		s.Pass(14 * 24 * time.Hour)
		b = s.enter(s.maria)
		s.WantText(b.Get(rights), "Falta 1 día")
		s.Pass(24 * time.Hour)
		b = s.enter(s.maria)
		s.WantText(b.Get(rights), "El plazo vence hoy")
		s.Pass(2 * 24 * time.Hour)
		b = s.enter(s.maria)
		s.WantText(b.Get(rights), "El plazo venció hace 2 días", "Superintendencia")
		if waiting, err := s.DB.RightsWaiting(t.Context(), s.Time()); err != nil || waiting.Overdue != 1 {
			t.Errorf("got %+v, %v; want one overdue", waiting, err)
		}

		answer := func() error {
			return cuenta.AnswerRights(t.Context(), s.DB, number, storage.OutcomePartly, "Quitamos el celular.\nLa actividad se conserva por ley.", s.Time())
		}
		if err := answer(); err != nil {
			t.Fatal(err)
		}
		if err := answer(); !errors.Is(err, cuenta.ErrNotOpen) {
			t.Errorf("got %v for a second answer, want ErrNotOpen", err)
		}
		s.WantText(b.Get(rights), "Concedida en parte", "Quitamos el celular.", "La actividad se conserva por ley.")
		if got, want := s.templatesOf(s.maria), []string{"derecho-contestado", "derecho-recibido"}; !slices.Equal(got, want) {
			t.Errorf("got mails %q, want %q", got, want)
		}
		for _, m := range s.Mails(s.maria.ID) {
			if strings.Contains(string(m.Data), "celular") {
				t.Errorf("%s tells by mail what was asked or answered: %s", m.Template, m.Data)
			}
		}
		for _, event := range []string{login.EventRightsAsked, login.EventRightsAnswered} {
			if s.Events(event) != 1 {
				t.Errorf("%s: got %d audit rows, want 1", event, s.Events(event))
			}
		}
		for _, q := range s.requests(s.luis) {
			t.Errorf("somebody else has %v", q)
		}
	})
}

// Nothing that she typed is lost, whatever is wrong with it.
func TestLAW05_FaultyRequestIsKept(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		post := func(right, detail string) logintest.Answer {
			return b.Post(rights+"/pedir", "sesion", mark(s.maria), "derecho", right, "detalle", detail)
		}
		s.WantText(post("", "mi pedido"), "Elija qué derecho", ">mi pedido</textarea>")
		s.WantText(post("otro", "mi pedido"), "Elija qué derecho", ">mi pedido</textarea>")
		s.WantText(post(storage.RightObjection, " \r\n"), "Explique su solicitud", `value="oposicion" checked`)
		long := strings.Repeat("ñ", 2001)
		s.WantText(post(storage.RightObjection, long), "es muy larga", ">"+long+"</textarea>", `value="oposicion" checked`)
		if n := len(s.requests(s.maria)); n != 0 {
			t.Fatalf("%d faulty requests were stored", n)
		}
		s.asks(b, s.maria, storage.RightObjection, long[:4000]) // 2000 characters
		for i := range 4 {
			s.asks(b, s.maria, storage.RightObjection, strings.Repeat("otra vez ", i+1))
		}
		s.WantText(post(storage.RightAccess, "una más"), "Ya tiene cinco solicitudes abiertas", ">una más</textarea>")
		if n := len(s.requests(s.maria)); n != 5 {
			t.Errorf("got %d requests, want 5", n)
		}
		s.Pass(6 * time.Minute)
		s.WantText(post(storage.RightAccess, "Con\ndos líneas"), confirms, `name="detalle" value="Con`)
	})
}

// Only she cancels hers, and only while it waits.
func TestLAW05_OnlySheCancelsHerRequest(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b, other := s.enter(s.maria), s.enter(s.luis)
		number := s.asks(b, s.maria, storage.RightCorrection, "Mi nombre")
		id := s.requests(s.maria)[0].ID
		for _, field := range []string{id, number} {
			s.Want(other.Post(rights+"/cancelar", "sesion", mark(s.luis), "solicitud", field), http.StatusSeeOther, rights)
		}
		if q := s.requests(s.maria)[0]; q.State != storage.RightsOpen {
			t.Fatalf("somebody else cancelled it: %v", q)
		}
		if strings.Contains(other.Get(rights+"?hecho=pedida+"+number).Body, number) {
			t.Error("somebody else sees its number")
		}
		got := b.Post(rights+"/cancelar", "sesion", mark(s.maria), "solicitud", id)
		s.Want(got, http.StatusSeeOther, rights)
		s.WantText(b.Get(got.Location), "Canceló su solicitud", number)
		if err := cuenta.AnswerRights(t.Context(), s.DB, number, storage.OutcomeGranted, "Listo", s.Time()); !errors.Is(err, cuenta.ErrNotOpen) {
			t.Errorf("got %v for an answer to what was cancelled, want ErrNotOpen", err)
		}
		if got, want := s.templatesOf(s.maria), []string{"derecho-cancelado", "derecho-recibido"}; !slices.Equal(got, want) {
			t.Errorf("got mails %q, want %q", got, want)
		}
		if n := len(s.templatesOf(s.luis)); n != 0 {
			t.Errorf("somebody else got %d mails", n)
		}
	})
}
