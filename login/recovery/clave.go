package recovery

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/personal"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// claveForm is the form of a new clave, for whom its link says.
type claveForm struct {
	link     *storage.Link
	opened   time.Time
	caso     *storage.Recovery // that the link is of; nil where it is known no more
	afiliado *storage.Afiliado
	present  *storage.Clave // nil where she never had one
	typed    personal.Form  // what she enrols, where she has enrolled nothing
	extra    bool           // the mail alone is not enough, and nothing else was proved (DEV-7)
	page     templates.RecoverClave
}

func (s *Server) claveForm(r *http.Request, v *visit, link *storage.Link, opened time.Time) (*claveForm, error) {
	ctx, f := r.Context(), &claveForm{link: link, opened: opened}
	var err error
	if f.afiliado, err = s.DB.Afiliado(ctx, link.AfiliadoID); err != nil {
		return nil, err
	}
	if f.present, err = s.DB.Clave(ctx, link.AfiliadoID); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if f.caso, err = s.DB.Recovery(ctx, login.LinkOwner(link)); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	enrolled, err := s.enrolled(ctx, link.AfiliadoID)
	if err != nil {
		return nil, err
	}
	if f.extra, err = s.extra(r, s.DB, v, link); err != nil {
		return nil, err
	}
	f.typed = personal.Read(v.Form)
	f.page = templates.RecoverClave{
		Layout: s.Layout(r, v.Visit), Opened: s.opened(link, opened), Until: s.until(opened), Remaining: s.until(opened).Sub(v.Now),
		First: f.present == nil, Enrol: len(enrolled) == 0, Rules: s.ClaveRules(), Declared: v.Form.Get("declaracion") != "",
		Chosen: f.typed.Chosen, Answers: f.typed.Answers,
	}
	f.page.Application, err = s.wayBack(ctx, v, link, f.caso)
	return f, err
}

// wayBack is the application that sent the person, nil where none did.
func (s *Server) wayBack(ctx context.Context, v *visit, link *storage.Link, caso *storage.Recovery) (*templates.Application, error) {
	request := ""
	if caso != nil {
		request = caso.AuthRequest
	}
	return s.WayBack(ctx, v.Visit, link.ClientID, request)
}

// showClave shows the form as it is at first, or, where one came too late, again;
// the browser remembers when that was.
func (s *Server) showClave(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link, opened time.Time, stale bool) error {
	f, err := s.claveForm(r, v, link, opened)
	if err != nil {
		return err
	}
	if f.extra {
		return s.showExtra(w, r, v, link, opened, stale)
	}
	f.page.Stale = stale
	s.KeepSecret(w, cookieOpened, f.page.Opened, s.cfg.Window)
	return s.Show(w, v.Visit, http.StatusOK, f.page)
}

// faults are the rules that the form breaks, but for the history of claves.
func (s *Server) faults(ctx context.Context, v *visit, f *claveForm) ([]templates.Fault, error) {
	var out []templates.Fault
	if !f.page.Declared { // S036
		out = append(out, templates.DeclarationMissing)
	}
	if f.page.Enrol {
		weak, err := s.enrolFaults(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, weak...)
	}
	return append(out, s.Policy.Check(v.Form.Get("clave_nueva"), v.Form.Get("clave_confirmacion"), *f.afiliado)...), nil
}

// enrolFaults are what is wrong with the questions chosen and their answers
// (S063); errRegistry where nobody says what is on file of her (FT-24).
func (s *Server) enrolFaults(ctx context.Context, f *claveForm) ([]templates.Fault, error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	history, err := s.history(asking, f.afiliado.ID)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return f.typed.Faults(*f.afiliado, history), nil
}

// setClave checks the form, hashes what it holds, and confirms.
func (s *Server) setClave(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link, opened time.Time) error {
	ctx := r.Context()
	f, err := s.claveForm(r, v, link, opened)
	if err != nil {
		return err
	}
	if f.extra {
		return s.postExtra(w, r, v, link, opened)
	}
	f.page.Faults, err = s.faults(ctx, v, f)
	if errors.Is(err, errRegistry) {
		f.page.Unavailable, f.page.Retry = true, retryRegistry
		return s.showLater(w, v.Visit, f.page.Retry, f.page)
	}
	if err != nil {
		return err
	}
	if len(f.page.Faults) > 0 {
		return s.Show(w, v.Visit, http.StatusOK, f.page)
	}
	made, err := s.hash(ctx, v, f)
	if errors.Is(err, login.ErrBusy) {
		f.page.Busy, f.page.Retry = true, s.Hash.RetryAfter()
		return s.showLater(w, v.Visit, f.page.Retry, f.page)
	}
	if err != nil {
		return err
	}
	if made == nil {
		f.page.Faults = []templates.Fault{templates.NuevaUsed}
		return s.Show(w, v.Visit, http.StatusOK, f.page)
	}
	out, err := s.confirm(r, v, f, *made)
	switch {
	case err != nil:
		return err
	case out.done:
		return s.Redirect(w, r, pathDone)
	case out.reason != "":
		return s.Show(w, v.Visit, http.StatusOK, templates.Locked{Layout: f.page.Layout, Reason: out.reason})
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
func (s *Server) hash(ctx context.Context, v *visit, f *claveForm) (*hashes, error) {
	slot, err := s.Hash.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	phc, used, err := s.MakeNew(ctx, slot, f.afiliado.ID, f.present, v.Form.Get("clave_nueva"))
	if err != nil || used {
		return nil, err
	}
	made := &hashes{clave: phc}
	if !f.page.Enrol {
		return made, nil
	}
	made.answers, err = f.typed.Hash(slot, v.Now)
	return made, err
}
