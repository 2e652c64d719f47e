package clave_test

import (
	"slices"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

const (
	cedula = storage.Identifier("0959999913")
	nobody = storage.Identifier("2359999915")
	old    = "Guayas2019x"
	nueva  = "Chimborazo63"
	long   = "Archipielago1969Tortuga"
)

// site is login and the pages of the clave on a server, with one person whose clave
// old is a year old.
type site struct {
	*logintest.Site
	who *storage.Afiliado
}

// each runs f on each database.
func each(t *testing.T, f func(t *testing.T, s *site), change ...func(*login.Config)) {
	t.Helper()
	t.Parallel()
	logintest.Each(t, func(t *testing.T, engine string) { f(t, newSite(t, engine, change...)) })
}

// fresh is a person whose clave is not due, for tests that sign in.
func fresh(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	each(t, func(t *testing.T, s *site) {
		s.In(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, time.Time{}) })
		f(t, s)
	})
}

func newSite(t testing.TB, engine string, change ...func(*login.Config)) *site {
	t.Helper()
	s := &site{Site: logintest.NewSite(t, engine, nil, change...)}
	then := time.Date(2025, time.November, 8, 15, 0, 0, 0, time.UTC)
	s.SetTime(then)
	a := storagetest.AddAfiliado(t, s.DB, storage.Afiliado{
		Identifier: cedula, GivenName: "Carlos Alberto", FamilyName: "Mina Ortiz", Birthdate: "1988-02-29", Email: "carlos.mina@correo.example",
		Fingerprint: true, CreatedAt: storage.At(then),
	})
	s.who = &a
	s.SetClave(a.ID, old, s.Renewal.DueAt(then, old, storage.Holder{AfiliadoID: a.ID}))
	s.Pass(366 * 24 * time.Hour)
	return s
}

// change alters the person: it puts another one in her place, under an identifier
// that nobody had.
func (s *site) change(f func(a *storage.Afiliado)) {
	s.T.Helper()
	a := *s.who
	f(&a)
	a.ID = storage.NewID()
	if a.Identifier == s.who.Identifier {
		a.Identifier = "1059999910"
	}
	s.In(func(tx *storage.Tx) error { return tx.AddAfiliado(s.T.Context(), a) })
	s.SetClave(a.ID, old, time.Time{})
	s.who = &a
}

func (s *site) lock(reason string) {
	s.T.Helper()
	s.In(func(tx *storage.Tx) error {
		_, err := tx.LockClave(s.T.Context(), s.DB.IdentifierMAC(s.who.Identifier), reason, s.Time())
		return err
	})
}

func (s *site) budget() storage.LoginBudget {
	s.T.Helper()
	b, err := s.DB.LoginBudget(s.T.Context(), s.DB.IdentifierMAC(s.who.Identifier))
	if err != nil {
		s.T.Fatal(err)
	}
	return b
}

// mails are the messages to the person, oldest first.
func (s *site) mails() []storage.Message {
	s.T.Helper()
	return s.Mails(s.who.ID)
}

// kinds are the templates of the mails to the person.
func (s *site) kinds() []string {
	s.T.Helper()
	var out []string
	for _, m := range s.mails() {
		out = append(out, m.Template)
	}
	slices.Sort(out)
	return out
}

func (s *site) wantMails(kinds ...string) {
	s.T.Helper()
	slices.Sort(kinds)
	if got := s.kinds(); !slices.Equal(got, kinds) {
		s.T.Errorf("mails %v, want %v", got, kinds)
	}
}

// linkOf is the newest link in a mail of that kind to the person.
func (s *site) linkOf(kind string) *storage.Link {
	s.T.Helper()
	return s.LinkOf(s.who.ID, kind)
}

// browser is somebody's browser.
type browser struct {
	*logintest.Browser
	s *site
}

type answer = logintest.Answer

func (s *site) browser() *browser { return &browser{s.NewBrowser(), s} }

func (b *browser) signIn(request, clave string) answer {
	return b.Answering("/ingresar", "id", request, "cedula", string(cedula), "clave", clave)
}

// renew posts the form with everything right but what more says.
func (b *browser) renew(request, clave string, more ...string) answer {
	return b.Post("/renovar", append([]string{"id", request, "clave_nueva", clave, "clave_confirmacion", clave, "acuerdo", "1"}, more...)...)
}

// ask begins a request at the application and returns its id.
func (b *browser) ask(query string) (string, answer) {
	got := b.Get("/authorize?" + query)
	return got.Param("id"), got
}

// ticketOf is the ticket on a page, held for as long as the cheapest asks.
func (b *browser) ticketOf(page answer) string {
	b.s.T.Helper()
	return b.Held(page, 10*time.Second)
}

// askUnlock sends the form of /desbloqueo with its challenge answered.
func (b *browser) askUnlock(id storage.Identifier, more ...string) answer {
	b.s.T.Helper()
	reto := b.ticketOf(b.Get("/desbloqueo"))
	return b.Post("/desbloqueo", append([]string{"identificacion", string(id), "reto", reto, "desbloquear", "1"}, more...)...)
}
