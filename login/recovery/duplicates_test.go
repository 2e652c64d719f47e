package recovery_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
)

// volley is how often at once each form is sent.
const volley = 20

// repeated is a form of the way with what it does once.
type repeated struct {
	name, leads string // "" : a page
	event       string // that is written once
	path        string
	pairs       []string
	b           *journey
	apart       bool // the same with forms that only the database knows for one
}

// FT-14: twenty equal forms at once, of each step, have one effect and get one
// answer, and so do forms that no two replicas would know for the same where that
// is all the person asked for; the same form a minute later adds nothing.
func TestFT14_DuplicatesOfEachForm(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, apart := range []bool{false, true} {
			s.Pass(31 * 24 * time.Hour)
			owner := s.journey()
			page := owner.Get("/generar-recuperar?nuevo=1")
			s.twenty(repeated{
				"start", "/generar-recuperar", "recovery.started", "/generar-recuperar",
				[]string{"identificacion", string(s.diana.Identifier), "reto", owner.Ticket(page)},
				owner, apart,
			})
			f, caso := s.answers(s.diana), owner.Get("/generar-recuperar").Hidden("caso")
			s.twenty(repeated{
				"questions", "/generar-recuperar", "recovery.passed", "/generar-recuperar",
				[]string{"caso", caso, "dia", f.day, "mes", f.month, "historia_1", f.history[0], "historia_2", f.history[1]},
				owner, false,
			})
			s.twenty(repeated{
				"data", "/generar-recuperar/enviado", "recovery.asked", "/generar-recuperar", []string{"caso", caso, "correo", "", "celular", "0991234567"}, owner, apart,
			})
			s.Pass(time.Second)
			s.twenty(repeated{"resend", "/generar-recuperar/enviado", "recovery.asked", resent, []string{"caso", caso}, owner, false})
			s.Deliver()
			link := s.LinkOf(s.diana.ID, "enlace-generar")
			b := s.journey()
			b.Open(link)
			s.twenty(repeated{
				"elsewhere", "/generar-recuperar/clave", "recovery.elsewhere", "/generar-recuperar/clave",
				[]string{"dia", f.day, "mes", f.month, "historia_1", f.history[0]},
				b, false,
			})
			word := map[bool]string{false: nueva, true: "Sangay2026x"}[apart]
			clave := append(enrolling(), "abierto", b.Get("/generar-recuperar/clave").Hidden("abierto"), "declaracion", "1", "clave_nueva", word, "clave_confirmacion", word)
			s.twenty(repeated{"clave", "/generar-recuperar/listo", "clave.recovered", "/generar-recuperar/clave", clave, b, apart})
			s.In(func(tx *storage.Tx) error { return tx.SetAnswers(t.Context(), s.diana.ID, nil) })
		}
		for i, apart := range []bool{false, true} {
			s.Pass(24 * time.Hour)
			j, address := s.journey(), strconv.Itoa(i)+elsewhere
			caso := j.pass(s.maria).Hidden("caso")
			s.twenty(repeated{
				"another address", "/generar-recuperar/enviado", "contact.asked", "/generar-recuperar", []string{"caso", caso, "correo", address}, j, apart,
			})
			s.Deliver()
			for _, k := range []struct{ kind, event, path string }{
				{"correo-viejo", "contact.approved", "/correo/aprobar"}, {"correo-nuevo", "contact.proved", "/correo/confirmar"},
			} {
				b := s.journey()
				page := b.Open(s.LinkOf(s.maria.ID, k.kind))
				s.twenty(repeated{k.kind, "/correo/listo", k.event, k.path, []string{"reto", b.Ticket(page)}, b, apart})
			}
			if got := s.email(s.maria); got != address || s.Events("contact.changed") != i+1 {
				t.Errorf("her address is %s after %d changes", got, s.Events("contact.changed"))
			}
		}
		s.Work()
		count := map[string]int{}
		for _, a := range []storage.Afiliado{s.diana, s.maria} {
			for _, kind := range s.kinds(a) {
				count[kind]++
			}
		}
		for kind, want := range map[string]int{
			"enlace-generar": 4, "clave-recuperada": 2, "correo-nuevo": 2, "correo-viejo": 2, "correo-aplicado": 4, "preguntas-superadas": 4,
		} {
			if count[kind] != want {
				t.Errorf("%d mails %s, want %d: %v", count[kind], kind, want, count)
			}
		}
	})
}

// twenty sends a form so many times at once, and once more a minute later.
func (s *site) twenty(f repeated) {
	s.T.Helper()
	before := s.Events(f.event)
	all := make([]logintest.Answer, volley)
	send := func(i int) logintest.Answer {
		if f.apart {
			return f.b.Post(f.path, append([]string{"prueba", fmt.Sprint(i)}, f.pairs...)...)
		}
		return f.b.Post(f.path, f.pairs...)
	}
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() { all[i] = send(i) })
	}
	group.Wait()
	for _, got := range all {
		path, _, _ := strings.Cut(got.Location, "?")
		led := got.Status == http.StatusSeeOther && path == f.leads
		if !led && (!f.apart || got.Status != http.StatusOK) {
			s.T.Errorf("%s, apart %v: got %d to %q: %.300s", f.name, f.apart, got.Status, got.Location, got.Main())
		}
	}
	if n := s.Events(f.event) - before; n != 1 {
		s.T.Errorf("%s, apart %v: %d times %s", f.name, f.apart, n, f.event)
	}
	if f.path == resent { // a minute later it is another wish
		return
	}
	s.Pass(time.Minute)
	if got := send(0); got.Status >= http.StatusBadRequest {
		s.T.Errorf("%s a minute later: %d", f.name, got.Status)
	}
	s.Pass(-time.Minute)
	if n := s.Events(f.event) - before; n != 1 {
		s.T.Errorf("%s a minute later: %d times %s", f.name, n, f.event)
	}
}
