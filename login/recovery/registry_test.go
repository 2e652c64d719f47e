package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iess.gob.ec/clave/login/logintest"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// asking are the questions that a registry is asked.
func asking() []string { return []string{"afiliado", "historia", "donors", "peers"} }

// source is a registry that may go wrong.
type source struct {
	*storage.DB
	goes func(ctx context.Context, question string) error // before each question of asking
	his  string                                           // whose history is told instead; "" hers
}

// AfiliadoByIdentifier implements recovery.Registry.
func (s *source) AfiliadoByIdentifier(ctx context.Context, id storage.Identifier) (*storage.Afiliado, error) {
	if err := s.goes(ctx, "afiliado"); err != nil {
		return nil, err
	}
	return s.DB.AfiliadoByIdentifier(ctx, id)
}

// Historia implements recovery.Registry.
func (s *source) Historia(ctx context.Context, afiliadoID string) ([]storage.Historia, error) {
	if err := s.goes(ctx, "historia"); err != nil {
		return nil, err
	}
	if s.his != "" {
		afiliadoID = s.his
	}
	return s.DB.Historia(ctx, afiliadoID)
}

// Donors implements recovery.Registry.
func (s *source) Donors(ctx context.Context, start string, people int) ([]storage.Historia, error) {
	if err := s.goes(ctx, "donors"); err != nil {
		return nil, err
	}
	return s.DB.Donors(ctx, start, people)
}

// Peers implements recovery.Registry.
func (s *source) Peers(ctx context.Context, province, sector string, year int, start string, limit int) ([]storage.Historia, error) {
	if err := s.goes(ctx, "peers"); err != nil {
		return nil, err
	}
	return s.DB.Peers(ctx, province, sector, year, start, limit)
}

// FT-24: whatever question the registry does not answer, or answers about somebody
// else, the way says that it is not available now, for her and for nobody alike; no
// attempt is spent, of hers or of a link's, nothing presses, and it goes on
// afterwards.
func TestFT24_NoQuestionOfTheRegistryCostsAnAttempt(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		j, nobodys, elsewhere := s.journey(), s.journey(), s.journey()
		link := s.journey().ask(s.diana)
		elsewhere.Open(link)
		page, nobodysPage, right := j.start(s.maria.Identifier), nobodys.start(nobody), s.answers(s.maria)
		const others = "somebody else's history"
		for _, at := range append(asking(), others) {
			broken := &source{DB: s.DB, goes: func(_ context.Context, question string) error {
				if question == at {
					return errors.New("500 Internal Server Error")
				}
				return nil
			}}
			if at == others {
				broken.his = s.person("0159999911", "rosa@example.ec").ID
			}
			s.way.SetRegistry(broken)
			began, pressed := s.journey(), s.levels(s.maria.Identifier)
			for what, got := range map[string]logintest.Answer{
				"right answers": j.answer(page, right), "wrong answers": j.answer(page, wrong()),
				"nobody's": nobodys.answer(nobodysPage, right), "a link elsewhere": elsewhere.Get("/generar-recuperar/clave"),
				"an answer there": elsewhere.Post("/generar-recuperar/clave", "dia", "29", "mes", "2", "historia_1", "0"),
			} {
				if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "30" || !strings.Contains(got.Body, "disponible") {
					t.Errorf("%s, %s: %d, Retry-After %q", at, what, got.Status, got.Header.Get("Retry-After"))
				}
			}
			if s.levels(s.maria.Identifier) != pressed {
				t.Errorf("%s: it presses", at)
			}
			if got := began.start(nobody); got.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: a new case is asked: %d", at, got.Status)
			}
			s.Want(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
			l, err := s.DB.Link(t.Context(), link.ID)
			if err != nil || s.spent(s.maria.Identifier)+s.spent(nobody)+l.Attempts != 0 || s.Events("recovery.denied")+s.Events("recovery.elsewhere") != 0 {
				t.Errorf("%s: %d, %d and %d attempts are spent, %v", at, s.spent(s.maria.Identifier), s.spent(nobody), l.Attempts, err)
			}
		}
		s.way.SetRegistry(s.DB)
		s.WantText(nobodys.answer(nobodysPage, right), "cuatro intentos")
		s.Want(j.answer(page, right), http.StatusSeeOther, "/generar-recuperar")
	})
}

// FT-24: a registry that does not answer is waited for five seconds, whatever it is
// asked; who signs in meanwhile does not wait for it, and no attempt is spent.
func TestFT24_ARegistryThatHangs(t *testing.T) {
	t.Parallel()
	s := newSite(t, "sqlite")
	var hangs atomic.Pointer[string]
	asked := make(chan time.Duration)
	s.way.SetRegistry(&source{DB: s.DB, goes: func(ctx context.Context, question string) error {
		if at := hangs.Load(); at == nil || *at != question {
			return nil
		}
		end, bounded := ctx.Deadline()
		if !bounded {
			end = time.Now().Add(time.Hour)
		}
		asked <- time.Until(end)
		<-ctx.Done()
		return ctx.Err()
	}})
	var pages []logintest.Answer
	var all []*journey
	for range asking() {
		all = append(all, s.journey())
		pages = append(pages, all[len(all)-1].start(s.maria.Identifier))
	}
	answers, right := make(chan logintest.Answer), s.answers(s.maria)
	for i, question := range asking() {
		hangs.Store(&question)
		go func() { answers <- all[i].answer(pages[i], right) }()
		if left := <-asked; left > 5*time.Second {
			t.Errorf("%s may take %s", question, left)
		}
	}
	s.Want(s.NewBrowser().Post("/ingresar", "cedula", string(s.maria.Identifier), "clave", old), http.StatusSeeOther, "/cuenta")
	for range asking() {
		if got := <-answers; got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "30" {
			t.Errorf("got %d", got.Status)
		}
	}
	if n := s.spent(s.maria.Identifier); n != 0 {
		t.Errorf("%d attempts are spent", n)
	}
	hangs.Store(nil)
	s.Want(all[0].answer(pages[0], right), http.StatusSeeOther, "/generar-recuperar")
}

// tally is a registry that counts what it is asked, and the months it tells.
type tally struct {
	*source
	asked map[string]int
	rows  int
}

// Historia implements recovery.Registry.
func (c *tally) Historia(ctx context.Context, afiliadoID string) ([]storage.Historia, error) {
	months, err := c.source.Historia(ctx, afiliadoID)
	c.rows += len(months)
	return months, err
}

// T01: to show the questions, and to compare answers with them, the registry is asked
// the same and tells as much, whoever has the identifier: nobody, who never worked,
// who enrolled answers, and who has none.
func TestT01_TheRegistryIsAskedAlike(t *testing.T) {
	pages(t, func(t *testing.T, s *site) {
		newcomer := storagetest.AddAfiliado(t, s.DB, storage.Afiliado{Identifier: "1859999912", Birthdate: "2003-01-19", Email: "nuevo@example.ec"})
		c := &tally{asked: map[string]int{}}
		c.source = &source{DB: s.DB, goes: func(_ context.Context, question string) error {
			c.asked[question]++
			return nil
		}}
		s.way.SetRegistry(c)
		cost := func(f func() logintest.Answer) (logintest.Answer, string) {
			clear(c.asked)
			c.rows = 0
			got := f()
			return got, fmt.Sprint(c.asked, c.rows)
		}
		want := fmt.Sprint(map[string]int{"afiliado": 1, "historia": 2, "donors": 1, "peers": 1}, 75)
		for _, id := range []storage.Identifier{nobody, newcomer.Identifier, s.maria.Identifier, diana} {
			j := s.journey()
			page, shown := cost(func() logintest.Answer { return j.start(id) })
			_, answered := cost(func() logintest.Answer { return j.answer(page, wrong()) })
			if shown != want || answered != want {
				t.Errorf("%s: asked %s to show, %s to compare; want %s", id, shown, answered, want)
			}
		}
	})
}
