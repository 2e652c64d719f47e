package recovery

import (
	"context"
	"errors"
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// outcome is how a confirmation ended.
type outcome struct {
	done   bool             // it was this one that set the clave
	reason templates.Reason // an officer has closed the account meanwhile
}

// confirm sets the clave, with all that follows from it, in one transaction
// (S038): the link is spent; the lock is lifted, both budgets are full again, and
// nothing presses on her identifier; every session and what applications hold has
// ended, known devices are forgotten, other links are dead, as is a change of
// address under way; the declaration, the answers and the telephones are on file;
// the case is over; audit and notice are written. Of any number of forms with one
// link at once, one does this.
func (s *Server) confirm(r *http.Request, v *visit, f *claveForm, made hashes) (outcome, error) {
	var out outcome
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		out = outcome{}
		c := &confirmation{Server: s, tx: tx, r: r, v: v, f: f, made: made}
		return c.run(r.Context(), &out)
	})
	return out, err
}

type confirmation struct {
	*Server
	tx     *storage.Tx
	r      *http.Request
	v      *visit
	f      *claveForm
	made   hashes
	a      *storage.Afiliado // held
	mac    []byte            // of her identifier
	budget storage.LoginBudget
}

func (c *confirmation) run(ctx context.Context, out *outcome) error {
	var err error
	if c.a, err = c.tx.LockAfiliado(ctx, c.f.link.AfiliadoID); err != nil {
		return err
	}
	c.mac = c.DB.IdentifierMAC(c.a.Identifier)
	if c.budget, err = c.tx.LoginBudget(ctx, c.mac); err != nil {
		return err
	}
	if c.a.Disabled() {
		out.reason = templates.ReasonDisabled
		return nil
	}
	if c.budget.LockReason == storage.LockOperador { // S086
		out.reason = templates.ReasonOperador
		return nil
	}
	if same, err := c.unchanged(ctx); err != nil || !same {
		return err
	}
	if extra, err := c.extra(c.r, c.tx, c.v, c.f.link); err != nil || extra { // she has made a passkey meanwhile
		return err
	}
	if out.done, err = c.tx.UseLinkOpened(ctx, c.f.link.ID, c.f.opened, c.v.Now); err != nil || !out.done {
		return err
	}
	for _, step := range []func(context.Context) error{c.set, c.finish, c.open, c.close, c.enrol, c.tell} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// unchanged reports whether the clave is still the one that the new one was
// compared with.
func (c *confirmation) unchanged(ctx context.Context) (bool, error) {
	present, err := c.tx.ClaveFacts(ctx, c.a.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return c.f.present == nil, nil
	}
	return err == nil && c.f.present != nil && present.CreatedAt.Equal(c.f.present.CreatedAt.Time), err
}

func (c *confirmation) set(ctx context.Context) error {
	nueva, now := c.Policy.Canonical(c.v.Form.Get("clave_nueva")), storage.At(c.v.Now)
	holder, err := c.tx.Holder(ctx, c.a.ID)
	if err != nil {
		return err
	}
	return c.tx.SetClave(ctx, storage.Clave{
		AfiliadoID: c.a.ID, PHC: c.made.clave, Long: login.Long(nueva), CreatedAt: now,
		DueAt: storage.At(c.Renewal.DueAt(c.v.Now, nueva, holder)), RecoveredAt: now,
	}, c.History)
}

// open lifts the lock, though not one that an officer has set since, restores the
// full budget of sign-in and of this way, and forgets what pressed on her
// identifier. Applications that were told of a disavowal are told that it is over.
func (c *confirmation) open(ctx context.Context) error {
	if err := c.tx.UnlockClave(ctx, c.mac, storage.LockOperador); err != nil {
		return err
	}
	if err := c.EaseIdentifier(ctx, c.tx, c.a.Identifier); err != nil || c.budget.LockReason == "" {
		return err
	}
	if c.budget.LockReason == storage.LockCompromiso {
		if err := c.tx.QueueEvent(ctx, storage.AccountEnabled, storage.CauseRecovered, c.a.ID, c.v.Now); err != nil {
			return err
		}
	}
	e := c.v.Event(c.r, login.EventClaveUnlocked, c.a.ID)
	e.Detail = map[string]string{"was": c.budget.LockReason, "by": "recovery"}
	return c.tx.Audit(ctx, e)
}

// close ends what the former clave, or whoever held it, had opened: also another
// address that was asked for before, as she has just shown that she reads the one on
// file. "No fui yo" of earlier notices stays: it closes, and opens nothing.
func (c *confirmation) close(ctx context.Context) error {
	if err := c.tx.EndSessions(ctx, c.a.ID, "", storage.CauseRecovered, c.v.Now); err != nil {
		return err
	}
	if err := c.tx.DropDevices(ctx, c.a.ID); err != nil {
		return err
	}
	if _, err := c.tx.CancelContactChanges(ctx, c.a.ID, c.v.Now); err != nil {
		return err
	}
	for _, purpose := range []string{
		storage.LinkGenerar, storage.LinkDesbloqueo, storage.LinkCambio, storage.LinkCorreoNuevo, storage.LinkCorreoViejo,
	} {
		if err := c.tx.KillLinks(ctx, c.a.ID, purpose, c.v.Now); err != nil {
			return err
		}
	}
	return nil
}

// enrol writes down what she declared and told.
func (c *confirmation) enrol(ctx context.Context) error {
	declaration := c.Pages.Declaration()
	err := c.tx.AddAcceptance(ctx, storage.Acceptance{
		AfiliadoID: c.a.ID, Document: "declaracion", Version: declaration.Version, TextHash: declaration.Hash, AcceptedAt: storage.At(c.v.Now),
	})
	if err == nil && len(c.made.answers) > 0 {
		err = c.tx.SetAnswers(ctx, c.a.ID, c.made.answers)
	}
	typed := c.f.caso != nil && c.f.caso.BrowserHash == c.v.Browser // here: whoever passed the questions elsewhere may be somebody else
	if err == nil && typed && c.f.caso.Contact.Mobile+c.f.caso.Contact.Landline != "" {
		err = c.tx.SetPhones(ctx, c.a.ID, c.f.caso.Contact.Mobile, c.f.caso.Contact.Landline, c.v.Now)
	}
	return err
}

// finish ends the case, and any other of hers: before the budgets, in the order in
// which wrong answers hold them.
func (c *confirmation) finish(ctx context.Context) error {
	if c.f.caso != nil && Follows(Step(c.f.caso.Step), StepDone) {
		to := *c.f.caso
		to.Step, to.DoneAt = string(StepDone), storage.At(c.v.Now)
		if _, err := c.tx.MoveRecovery(ctx, c.f.caso.Step, to, c.v.Now); err != nil { // one that was left for another is over anyway
			return err
		}
	}
	return c.tx.EndRecoveries(ctx, c.mac, c.v.Now)
}

func (c *confirmation) tell(ctx context.Context) error {
	e := c.v.Event(c.r, login.EventRecovered, c.a.ID)
	e.Detail = map[string]string{"case": login.LinkOwner(c.f.link), "declaracion": c.Pages.Declaration().Version, "first": "no"}
	if c.f.present == nil {
		e.Detail["first"] = "yes"
	}
	if err := c.tx.Audit(ctx, e); err != nil {
		return err
	}
	return c.Notify(ctx, c.tx, c.r, c.v.Visit, login.NoticeRecovered, c.mac, login.Notice{First: c.f.present == nil})
}

// getDone is GET /generar-recuperar/listo, for the browser that set the clave.
// Nobody is signed in by it (DEV-4).
func (s *Server) getDone(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.link(w, r)
	if err != nil {
		return err
	}
	if link == nil || link.UsedAt.IsZero() || !v.AskedFor(link) {
		return s.Redirect(w, r, pathStart)
	}
	rows, err := s.DB.PersonEvents(r.Context(), link.AfiliadoID, login.EventRecovered, link.UsedAt.Time, 1)
	if err != nil {
		return err
	}
	first := false
	if len(rows) > 0 && rows[0].At.Equal(link.UsedAt.Time) {
		detail, err := rows[0].Details()
		if err != nil {
			return err
		}
		first = detail["first"] == "yes"
	}
	caso, err := s.DB.Recovery(r.Context(), login.LinkOwner(link))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	page := templates.RecoverDone{Layout: s.Layout(r, v.Visit), When: link.UsedAt.Time, First: first}
	if page.Application, err = s.wayBack(r.Context(), v, link, caso); err != nil {
		return err
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}
