package recovery

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// making is the form of a new clave, by whom its link says.
type making struct {
	link     *storage.Link
	opened   time.Time
	caso     *storage.Recovery // that the link is of; nil where it is known no more
	afiliado *storage.Afiliado
	present  *storage.Clave // nil where she never had one
	page     templates.RecoverClave
}

func (s *Server) making(r *http.Request, v *visit, link *storage.Link, opened time.Time) (*making, error) {
	ctx, m := r.Context(), &making{link: link, opened: opened}
	var err error
	if m.afiliado, err = s.DB.Afiliado(ctx, link.AfiliadoID); err != nil {
		return nil, err
	}
	if m.present, err = s.DB.Clave(ctx, link.AfiliadoID); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if m.caso, err = s.DB.Recovery(ctx, ownerOf(link)); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	enrolled, err := s.enrolled(ctx, link.AfiliadoID)
	if err != nil {
		return nil, err
	}
	answer := func(field string) string { return login.TypedUpTo(v.Form.Get(field), answerLength) }
	question := func(field string) string {
		if key := v.Form.Get(field); templates.IsPersonalQuestion(key) {
			return key
		}
		return ""
	}
	m.page = templates.RecoverClave{
		Layout: s.Layout(r, v.Visit), Opened: s.opened(link, opened), Until: s.until(opened), Remaining: s.until(opened).Sub(v.Now),
		First: m.present == nil, Enrol: len(enrolled) == 0, Rules: s.ClaveRules(), Declared: v.Form.Get("declaracion") != "",
		Chosen:  [2]string{question("pregunta_1"), question("pregunta_2")},
		Answers: [2]string{answer("respuesta_1"), answer("respuesta_2")},
	}
	m.page.Application, err = s.wayBack(ctx, v, link, m.caso)
	return m, err
}

// wayBack is the application that sent the person, nil where none did.
func (s *Server) wayBack(ctx context.Context, v *visit, link *storage.Link, caso *storage.Recovery) (*templates.Application, error) {
	request := ""
	if caso != nil {
		request = caso.AuthRequest
	}
	return s.WayBack(ctx, v.Visit, link.ClientID, request)
}

// showClave shows the form as it is at first, or, where one came too late, again.
func (s *Server) showClave(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link, opened time.Time, stale bool) error {
	m, err := s.making(r, v, link, opened)
	if err != nil {
		return err
	}
	m.page.Stale = stale
	return s.Show(w, v.Visit, http.StatusOK, m.page)
}

// faults are the rules that the form breaks, but for the history of claves.
func (s *Server) faults(ctx context.Context, v *visit, m *making) ([]templates.Fault, error) {
	var out []templates.Fault
	if !m.page.Declared { // S036
		out = append(out, templates.DeclarationMissing)
	}
	if m.page.Enrol {
		weak, err := s.enrolFaults(ctx, m)
		if err != nil {
			return nil, err
		}
		out = append(out, weak...)
	}
	return append(out, s.Policy.Check(v.Form.Get("clave_nueva"), v.Form.Get("clave_confirmacion"), *m.afiliado)...), nil
}

// enrolFaults are what is wrong with the questions chosen and their answers
// (S063); errRegistry where nobody says what is on file of her (FT-24).
func (s *Server) enrolFaults(ctx context.Context, m *making) ([]templates.Fault, error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	history, err := s.history(asking, m.afiliado.ID)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	words := [2]struct{ question, empty, short, personal, common, same templates.Fault }{
		{
			templates.Pregunta1Empty, templates.Respuesta1Empty, templates.Respuesta1Short, templates.Respuesta1Personal,
			templates.Respuesta1Common, "", // the first repeats none
		},
		{
			templates.Pregunta2Empty, templates.Respuesta2Empty, templates.Respuesta2Short, templates.Respuesta2Personal,
			templates.Respuesta2Common, templates.Respuesta2Same,
		},
	}
	var out []templates.Fault
	weak := CheckAnswers(m.page.Answers[:], *m.afiliado, history)
	for i, w := range words {
		switch {
		case m.page.Chosen[i] == "":
			out = append(out, w.question)
		case i == 1 && m.page.Chosen[0] == m.page.Chosen[1]:
			out = append(out, templates.PreguntaSame)
		}
		if fault := map[Weakness]templates.Fault{
			WeakEmpty: w.empty, WeakShort: w.short, WeakRepeated: w.same, WeakRegistry: w.personal, WeakPopular: w.common,
		}[weak[i]]; fault != "" {
			out = append(out, fault)
		}
	}
	return out, nil
}

// setClave checks the form, hashes what it holds, and confirms.
func (s *Server) setClave(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link, opened time.Time) error {
	ctx := r.Context()
	m, err := s.making(r, v, link, opened)
	if err != nil {
		return err
	}
	m.page.Faults, err = s.faults(ctx, v, m)
	if errors.Is(err, errRegistry) {
		m.page.Unavailable, m.page.Retry = true, retryRegistry
		return s.showLater(w, v.Visit, m.page.Retry, m.page)
	}
	if err != nil {
		return err
	}
	if len(m.page.Faults) > 0 {
		return s.Show(w, v.Visit, http.StatusOK, m.page)
	}
	made, err := s.hash(ctx, v, m)
	if errors.Is(err, login.ErrBusy) {
		m.page.Busy, m.page.Retry = true, s.Hash.RetryAfter()
		return s.showLater(w, v.Visit, m.page.Retry, m.page)
	}
	if err != nil {
		return err
	}
	if made == nil {
		m.page.Faults = []templates.Fault{templates.NuevaUsed}
		return s.Show(w, v.Visit, http.StatusOK, m.page)
	}
	out, err := s.confirm(r, v, m, *made)
	switch {
	case err != nil:
		return err
	case out.done:
		return s.Redirect(w, r, pathDone)
	case out.reason != "":
		return s.Show(w, v.Visit, http.StatusOK, templates.Locked{Layout: m.page.Layout, Reason: out.reason})
	default: // another form was faster, or the clave was changed meanwhile
		if link, err = s.DB.Link(ctx, link.ID); err != nil {
			return err
		}
		if link.UsedAt.IsZero() && link.ReplacedAt.IsZero() && opened.Before(link.ExpiresAt.Time) {
			return s.showClave(w, r, v, link, opened, true)
		}
		return s.showDead(w, r, v, link)
	}
}

// hashes are what confirm writes of a form.
type hashes struct {
	clave   string
	answers []storage.Answer // to be enrolled; none keeps those there are
}

// hash makes them; nil where the clave is one of the last ones (S089).
func (s *Server) hash(ctx context.Context, v *visit, m *making) (*hashes, error) {
	slot, err := s.Hash.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	phc, used, err := s.MakeNew(ctx, slot, m.afiliado.ID, m.present, v.Form.Get("clave_nueva"))
	if err != nil || used {
		return nil, err
	}
	made := &hashes{clave: phc}
	if !m.page.Enrol {
		return made, nil
	}
	for i, question := range m.page.Chosen {
		phc, err := slot.Make(Fold(m.page.Answers[i]))
		if err != nil {
			return nil, err
		}
		made.answers = append(made.answers, storage.Answer{Question: question, PHC: phc, CreatedAt: storage.At(v.Now)})
	}
	return made, nil
}
