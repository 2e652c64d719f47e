package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/storage"
)

// T24: of all orders in which the forms of the way are sent, with their own fields
// right, only the legal one sets a clave.
func TestT24_OnlyTheLegalOrderSucceeds(t *testing.T) {
	t.Parallel()
	s := newSite(t, "sqlite")
	names := []string{"start", "questions", "data", "clave"}
	for _, order := range permutations(len(names)) {
		j := s.journey()
		caso, abierto := "x", "x"
		note := func() {
			page := j.Get("/generar-recuperar")
			if c := page.Hidden("caso"); c != "" {
				caso = c
			}
		}
		done := s.Events("clave.recovered")
		for _, i := range order {
			switch names[i] {
			case "start":
				page := j.Get("/generar-recuperar?nuevo=1")
				j.Post("/generar-recuperar", "identificacion", string(s.maria.Identifier), "reto", j.Ticket(page))
				note()
			case "questions":
				f := s.answers(s.maria)
				j.Post("/generar-recuperar", "caso", caso, "dia", f.day, "mes", f.month, "historia_1", f.history[0], "historia_2", f.history[1],
					"personal_1", f.personal[0], "personal_2", f.personal[1])
				note()
			case "data":
				j.Post("/generar-recuperar", "caso", caso, "correo", "")
				for _, m := range s.Deliver() {
					if m.Template == "enlace-generar" {
						link, err := s.DB.Link(t.Context(), m.LinkID)
						if err != nil {
							t.Fatal(err)
						}
						abierto = j.Open(link).Hidden("abierto")
					}
				}
			case "clave":
				j.Post("/generar-recuperar/clave", "abierto", abierto, "declaracion", "1", "clave_nueva", nueva, "clave_confirmacion", nueva)
			}
		}
		if set := s.Events("clave.recovered") > done; set != slices.Equal(order, []int{0, 1, 2, 3}) {
			t.Errorf("order %v: set %v", order, set)
		}
		s.In(func(tx *storage.Tx) error {
			return tx.ForgiveRecovery(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier))
		})
		s.Pass(24 * time.Hour)
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			out = append(out, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return out
}

// T24: with two tabs the form of the older case does nothing, keeps what was typed,
// and shows where the newer one is.
func TestT24_TwoTabs(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		older := j.start(s.maria.Identifier)
		newer := j.start(s.diana.Identifier)
		f := s.answers(s.maria)
		got := j.answer(older, f)
		s.WantText(got, "Siga desde aquí", newer.Hidden("caso"), "copito")
		s.Want(j.answer(newer, s.answers(s.diana)), http.StatusSeeOther, "/generar-recuperar")
		s.Pass(time.Minute)
		got = j.answer(newer, s.answers(s.diana)) // the same form again, later
		s.WantText(got, "Siga desde aquí", `name="correo"`)
		s.Pass(2 * time.Hour)
		s.WantText(j.answer(newer, s.answers(s.diana)), `name="identificacion"`)
		if n, err := s.DB.RecoveryBudget(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), s.Time()); err != nil || n != 0 {
			t.Errorf("%d attempts spent, %v", n, err)
		}
	})
}

// A case that was left is taken up again, in its browser, within its life.
func TestS026_AbandonedAndResumed(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		j.pass(s.diana)
		s.Pass(50 * time.Minute)
		s.WantText(j.Get("/generar-recuperar"), `name="correo"`)
		if other := s.NewBrowser().Get("/generar-recuperar"); !strings.Contains(other.Body, `name="identificacion"`) {
			t.Error("another browser goes on with it")
		}
		s.Pass(11 * time.Minute)
		s.WantText(j.Get("/generar-recuperar"), `name="identificacion"`)
	})
}

// T15: a form that is not known to come from a page of ours does nothing.
func TestT15_FormsFromElsewhere(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.start(s.maria.Identifier)
		got := s.NewBrowser().Post("/generar-recuperar", "caso", page.Hidden("caso"), "dia", "1", "mes", "1", "historia_1", "0", "historia_2", "0")
		if !strings.Contains(got.Body, `name="identificacion"`) {
			t.Errorf("another browser's case: %s", got.Main())
		}
		if s.Events("recovery.denied") != 0 {
			t.Error("an attempt was made")
		}
	})
}

// registry is one that can be away, or wrong.
type registry struct {
	*storage.DB
	fail  error
	wrong bool
}

func (r *registry) AfiliadoByIdentifier(ctx context.Context, id storage.Identifier) (*storage.Afiliado, error) {
	if r.fail != nil {
		return nil, r.fail
	}
	if r.wrong {
		id = diana
	}
	return r.DB.AfiliadoByIdentifier(ctx, id)
}

func (r *registry) Historia(ctx context.Context, afiliadoID string) ([]storage.Historia, error) {
	if r.fail != nil {
		return nil, r.fail
	}
	return r.DB.Historia(ctx, afiliadoID)
}

// FT-24: while the registry is away, or names somebody else, the page says so with
// what was typed, no attempt is spent, and signing in goes on.
func TestFT24_RegistryAwayOrWrong(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		away := &registry{DB: s.DB}
		s.way.SetRegistry(away)
		j := s.journey()
		page, f := j.start(s.maria.Identifier), s.answers(s.maria)
		for _, cause := range []func(){
			func() { away.fail = errors.New("timeout") }, func() { away.fail = fmt.Errorf("http: %w", context.DeadlineExceeded) },
			func() { away.fail, away.wrong = nil, true },
		} {
			cause()
			got := j.answer(page, f)
			if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
				t.Errorf("got %d", got.Status)
			}
			s.WantText(got, "disponible", "copito")
			if fresh := s.journey().start(s.maria.Identifier); fresh.Status != http.StatusServiceUnavailable {
				t.Errorf("a new case: %d", fresh.Status)
			}
		}
		if n, err := s.DB.RecoveryBudget(t.Context(), s.DB.IdentifierMAC(s.maria.Identifier), s.Time()); err != nil || n != 0 {
			t.Errorf("%d attempts spent, %v", n, err)
		}
		away.wrong = false
		s.Want(j.answer(page, f), http.StatusSeeOther, "/generar-recuperar")
	})
}

// Risk decisions replay: what is stored with each case leads to the same route.
func TestC10_RiskReplays(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.journey()
		page := j.pass(s.maria)
		c, err := s.DB.Recovery(t.Context(), page.Hidden("caso"))
		if err != nil {
			t.Fatal(err)
		}
		again, stored, err := recovery.Replay(c.Risk)
		if err != nil || again.Route != stored.Route || !slices.Equal(again.Lines, stored.Lines) || !slices.Contains(again.Lines, recovery.LineDevice) {
			t.Errorf("stored %+v, again %+v, %v", stored, again, err)
		}
	})
}

// C10: where the lines weigh, the link leaves half an hour later, and with more of
// them none does.
func TestC10_WaitAndOffice(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.Pass(13 * time.Hour) // one at night in Guayaquil
		for _, id := range []storage.Identifier{"0159999911", "1059999910", "0759999915"} {
			s.journey().start(id)
		}
		j := s.journey()
		s.Want(j.data(j.pass(s.maria)), http.StatusSeeOther, "/generar-recuperar/enviado")
		if slices.ContainsFunc(s.Deliver(), func(m storage.Message) bool { return m.Template == "enlace-generar" }) {
			t.Error("it left at once, at night from a crowded network")
		}
		s.Pass(30 * time.Minute)
		if !slices.ContainsFunc(s.Deliver(), func(m storage.Message) bool { return m.Template == "enlace-generar" }) {
			t.Error("it did not leave")
		}
	})
}
