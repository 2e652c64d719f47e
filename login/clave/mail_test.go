package clave_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// What the tests of mails share: the errands are run, and what lies in the outbox
// is handed over as the worker does it.

const nobody = storage.Identifier("2359999915")

// work runs the errands that are due.
func (s *site) work() {
	s.t.Helper()
	if err := s.claves.RunErrands(s.t.Context(), s.now()); err != nil {
		s.t.Fatal(err)
	}
}

// mails are the messages to the person, oldest first, as DecodeMail reads them.
func (s *site) mails() []storage.Message {
	s.t.Helper()
	all, err := s.DB.Messages(s.t.Context(), s.who.ID, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b storage.Message) int { return a.CreatedAt.Compare(b.CreatedAt.Time) })
	return all
}

// kinds are the templates of the mails to the person.
func (s *site) kinds() []string {
	var out []string
	for _, m := range s.mails() {
		out = append(out, m.Template)
	}
	slices.Sort(out)
	return out
}

func (s *site) wantMails(kinds ...string) {
	s.t.Helper()
	slices.Sort(kinds)
	if got := s.kinds(); !slices.Equal(got, kinds) {
		s.t.Errorf("mails %v, want %v", got, kinds)
	}
}

// deliver hands everything in the outbox over now.
func (s *site) deliver() {
	s.t.Helper()
	all, err := s.DB.LeaseMessages(s.t.Context(), 1000, s.now(), s.now().Add(time.Minute))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range all {
		if _, err := templates.DecodeMail(m.Template, m.Data); err != nil {
			s.t.Error(err)
		}
		s.in(func(tx *storage.Tx) error { return tx.MarkSent(s.t.Context(), m, "hash", s.now()) })
	}
}

// linkOf is the newest link in a mail of that kind.
func (s *site) linkOf(kind string) *storage.Link {
	s.t.Helper()
	all := s.mails()
	slices.Reverse(all)
	for _, m := range all {
		if m.Template == kind && m.LinkID != "" {
			link, err := s.DB.Link(s.t.Context(), m.LinkID)
			if err != nil {
				s.t.Fatal(err)
			}
			return link
		}
	}
	s.t.Fatalf("no mail %s with a link among %v", kind, s.kinds())
	return nil
}

// open follows a link as a browser does, and returns the page it ends at.
func (b *browser) open(link *storage.Link) answer {
	got := b.get("/enlace/" + b.s.DB.LinkToken(link.ID))
	if got.status != http.StatusSeeOther || strings.Contains(got.location, b.s.DB.LinkToken(link.ID)) {
		b.s.t.Errorf("a link leads %d to %q", got.status, got.location)
	}
	return b.get(got.location)
}

var hiddenField = regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`)

// hidden are the hidden fields of a page's form, as pairs, but for a ticket.
func hidden(page answer) []string {
	var out []string
	for _, m := range hiddenField.FindAllStringSubmatch(page.body, -1) {
		if m[1] != "reto" {
			out = append(out, m[1], m[2])
		}
	}
	return out
}

var ticket = regexp.MustCompile(`name="reto" value="([^"]+)"`)

// ticketOf is the ticket on a page, which counts once it has been held.
func (b *browser) ticketOf(page answer) string {
	m := ticket.FindStringSubmatch(page.body)
	if m == nil {
		b.s.t.Fatalf("no challenge on the page: %.400s", page.body)
	}
	b.s.pass(10 * time.Second)
	return m[1]
}

// askUnlock sends the form of /desbloqueo with its challenge answered.
func (b *browser) askUnlock(id storage.Identifier, more ...string) answer {
	reto := b.ticketOf(b.get("/desbloqueo"))
	return b.post("/desbloqueo", append([]string{"identificacion", string(id), "reto", reto, "desbloquear", "1"}, more...)...)
}

func (s *site) lock(reason string) {
	s.t.Helper()
	s.in(func(tx *storage.Tx) error {
		_, err := tx.LockClave(s.t.Context(), s.DB.IdentifierMAC(s.who.Identifier), reason, s.now())
		return err
	})
}

func (s *site) budget() storage.LoginBudget {
	s.t.Helper()
	b, err := s.DB.LoginBudget(s.t.Context(), s.DB.IdentifierMAC(s.who.Identifier))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// change alters the person.
func (s *site) change(f func(a *storage.Afiliado)) {
	s.t.Helper()
	a := *s.who
	f(&a)
	s.replaceWho(a)
}

// replaceWho stores a as another person with the same identifier's place taken: a
// fresh person under a fresh identifier.
func (s *site) replaceWho(a storage.Afiliado) {
	s.t.Helper()
	a.ID = storage.NewID()
	if a.Identifier == s.who.Identifier {
		a.Identifier = "1059999910"
	}
	phc, err := s.Hash.Make(s.t.Context(), old)
	if err != nil {
		s.t.Fatal(err)
	}
	now := storage.At(s.now())
	s.in(func(tx *storage.Tx) error {
		if err := tx.AddAfiliado(s.t.Context(), a); err != nil {
			return err
		}
		return tx.SetClave(s.t.Context(), storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: now}, s.History)
	})
	s.who = &a
}

// main is the main part of a page.
func main(body string) string {
	_, body, _ = strings.Cut(body, "<main")
	body, _, _ = strings.Cut(body, "</main>")
	return body
}

func (s *site) wantText(got answer, words ...string) {
	s.t.Helper()
	for _, word := range words {
		if !strings.Contains(got.body, word) {
			s.t.Errorf("%d %q lacks %q: %.600s", got.status, got.location, word, main(got.body))
		}
	}
}

func parallel(n int, f func(i int)) {
	done := make(chan struct{})
	for i := range n {
		go func() {
			defer func() { done <- struct{}{} }()
			f(i)
		}()
	}
	for range n {
		<-done
	}
}

// fresh is a person whose clave is not due, for tests that sign in.
func fresh(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	each(t, func(t *testing.T, s *site) {
		s.in(func(tx *storage.Tx) error { return storagetest.MoveDue(t.Context(), tx, s.who.ID, time.Time{}) })
		f(t, s)
	})
}
