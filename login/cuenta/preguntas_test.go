package cuenta_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// questions posts the form of her questions.
func (s *site) questions(b *logintest.Browser, who storage.Afiliado, first, second string) logintest.Answer {
	s.Pass(10 * time.Second)
	q := templates.PersonalQuestions()
	return b.Post("/cuenta/preguntas/cambiar", "sesion", mark(who), "pregunta_1", q[2], "respuesta_1", first, "pregunta_2", q[3], "respuesta_2", second)
}

// S063, T22: questions are changed by the rules by which they are enrolled; no answer
// is ever shown; all her addresses are told, and what was begun before ends.
func TestS063_T22_QuestionsAreChanged(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		for _, weak := range []string{"", "ab", s.maria.FamilyName, "Quito"} {
			if got := s.questions(b, s.maria, weak, "Doña Eufrosina"); got.Status != http.StatusOK || !strings.Contains(got.Body, `id="respuesta_1-error"`) {
				t.Errorf("%q is taken: %d %.200s", weak, got.Status, got.Main())
			}
		}
		if all, err := s.DB.Answers(t.Context(), s.maria.ID); err != nil || len(all) != 0 {
			t.Fatalf("got %d, %v; want none", len(all), err)
		}
		done := s.questions(b, s.maria, "Doña Eufrosina", "El sastre valiente")
		s.Want(done, http.StatusSeeOther, "/cuenta/preguntas")
		all, err := s.DB.Answers(t.Context(), s.maria.ID)
		if err != nil || len(all) != 2 {
			t.Fatalf("got %d, %v; want two", len(all), err)
		}
		slot, err := s.Hash.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same, _, err := slot.Compare(all[0].PHC, personal.Fold("dona eufrosina"))
		slot.Release()
		if err != nil || !same {
			t.Errorf("it is not what she answered: %v", err)
		}
		page := b.Get(done.Location)
		s.WantText(page, `role="status"`)
		for _, secret := range []string{"Eufrosina", "sastre", all[0].PHC} {
			if strings.Contains(page.Body, secret) {
				t.Errorf("%q is on the page", secret)
			}
		}
		if got := s.mailsTo(s.maria, s.maria.Email); len(got) == 0 || got[len(got)-1] != "preguntas-cambiadas" {
			t.Errorf("she was told %q", got)
		}
		if n := s.Events("answers.changed"); n != 1 {
			t.Errorf("%d rows of the audit", n)
		}
		if all, err := s.DB.Answers(t.Context(), s.luis.ID); err != nil || len(all) != 0 {
			t.Error("somebody else's were changed", err)
		}
	})
}

// S062: an image is hers once chosen, and told of; it stands on her pages, and on the
// page that asks for her clave in a browser known to be hers; no stranger sees one.
func TestS062_TheImageIsForHerAlone(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		b := s.enter(s.maria)
		choose := func(b *logintest.Browser, who storage.Afiliado, image string) logintest.Answer {
			s.Pass(10 * time.Second)
			return b.Post("/cuenta/preguntas/imagen", "sesion", mark(who), "imagen", image)
		}
		const shown = "Su imagen personal es el cóndor."
		s.WantText(choose(b, s.maria, "otra"), "Elija una imagen")
		got := choose(b, s.maria, "condor")
		s.Want(got, http.StatusSeeOther, "/cuenta/preguntas")
		if got := choose(b, s.maria, "condor"); got.Param("hecho") != "imagen-igual" {
			t.Errorf("told %q of the same", got.Param("hecho"))
		}
		s.WantText(b.Get("/cuenta"), shown)
		s.Pass(6 * time.Minute)
		s.WantText(choose(b, s.maria, "luna"), confirms, shown)
		stranger := s.NewBrowser()
		for _, path := range []string{"/", "/ingresar", "/cuenta", "/desbloqueo"} {
			if got := stranger.Get(path); strings.Contains(got.Body, "Su imagen personal") {
				t.Errorf("a stranger sees it at %s", path)
			}
		}
		s.Pass(time.Hour) // her session has ended, on her own device
		if got := choose(b, s.maria, "luna"); !strings.Contains(got.Body, confirms) || strings.Contains(got.Body, "Su imagen personal") {
			t.Errorf("it is shown before she has signed in: %.300s", got.Main())
		}
		other := s.enter(s.luis)
		if got := other.Get("/cuenta"); strings.Contains(got.Body, "Su imagen personal") {
			t.Error("somebody else sees one")
		}
		s.Work()
		for _, m := range s.Deliver() {
			if want := map[bool]string{true: "condor"}[m.AfiliadoID == s.maria.ID]; m.Image != want {
				t.Errorf("a mail %s to %s says %q, want %q", m.Template, m.Recipient, m.Image, want)
			}
		}
	})
}
