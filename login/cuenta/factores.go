package cuenta

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/totp"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const (
	pageStep = "/cuenta/segundo-paso"
	// issuerName is what the application calls us.
	issuerName = "Clave IESS"
)

// stepPage is /cuenta/segundo-paso as it stands.
func (s *Server) stepPage(r *http.Request, v *visit) (templates.SegundoPaso, error) {
	page := templates.SegundoPaso{Own: s.own(r, v), AtOnce: v.FreshBySecond(v.session)}
	has, err := s.DB.Factors(r.Context(), v.afiliado.ID, v.Now)
	if err != nil {
		return page, err
	}
	page.Always, page.Codes, page.Passkeys, page.Has = has.SecondStep, has.Codes, has.Passkeys, has.Any() || has.Codes > 0
	app, err := s.DB.TOTP(r.Context(), v.afiliado.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return page, nil
	case err != nil:
		return page, err
	case app.Begun(v.Browser, v.Now):
		page.State, page.Key = templates.AppBegun, totp.Key(app.Secret)
		page.QR, page.Size, err = totp.QR(totp.URI(app.Secret, issuerName, accountName(v.afiliado)))
		return page, err
	case app.Live(v.Now) && app.RemovedAt.IsZero():
		page.State, page.Since = templates.AppOn, app.ConfirmedAt.Time
	case app.Live(v.Now):
		page.State, page.Since, page.Ends = templates.AppEnding, app.ConfirmedAt.Time, app.RemovedAt.Time
	}
	return page, nil
}

// accountName tells one person's codes from another's on a telephone that a family
// shares; it is no identifier.
func accountName(a *storage.Afiliado) string { return a.GivenName + " …" + tail(a.Identifier) }

// getStep is GET /cuenta/segundo-paso.
func (s *Server) getStep(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.stepPage(r, v)
	if err != nil {
		return err
	}
	page.Done = templates.StepDone(s.doneHere(r, v))
	switch page.Done {
	case templates.DoneBound, templates.DoneEnded, templates.DoneEnding, templates.DoneAlways, templates.DoneOff:
		if page.Others, err = s.others(r.Context(), v); err != nil {
			return err
		}
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// did answers a form of the page that had that effect.
func (s *Server) did(w http.ResponseWriter, r *http.Request, v *visit, done templates.StepDone) error {
	return s.toDone(w, r, v, pageStep, string(done))
}

// inTx runs f in a transaction that holds the person, and returns what it has done.
func (s *Server) inTx(r *http.Request, v *visit, f func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.StepDone, error)) (templates.StepDone, error) {
	done := templates.DoneNot
	err := s.holding(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) error {
		var err error
		done, err = f(ctx, tx, a)
		return err
	})
	return done, err
}

// postBegin is POST /cuenta/segundo-paso/configurar: a new secret, which is shown in
// this browser and counts for nothing yet.
func (s *Server) postBegin(w http.ResponseWriter, r *http.Request, v *visit) error {
	began := false
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		var err error
		began, err = tx.BeginTOTP(r.Context(), storage.TOTP{
			AfiliadoID: v.afiliado.ID, Secret: totp.NewSecret(), BrowserHash: v.Browser, CreatedAt: storage.At(v.Now),
		})
		return err
	})
	if err != nil {
		return err
	}
	if !began {
		return s.did(w, r, v, templates.DoneNot)
	}
	return s.Redirect(w, r, pageStep)
}

// postBind is POST /cuenta/segundo-paso/activar: the first code makes the application
// count. From then on it is asked for after each clave, and this session has been
// proved by it.
func (s *Server) postBind(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.stepPage(r, v)
	if err != nil {
		return err
	}
	if page.State != templates.AppBegun {
		return s.did(w, r, v, templates.DoneNot)
	}
	app, err := s.DB.TOTP(r.Context(), v.afiliado.ID)
	if err != nil {
		return err
	}
	step, right, fault, err := bindCode(app.Secret, v)
	if err != nil {
		return err
	}
	if !right {
		page.Faults = []templates.Fault{fault}
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	cookies := func(http.ResponseWriter) {}
	done, err := s.inTx(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.StepDone, error) {
		won, err := tx.ConfirmTOTP(ctx, a.ID, app.CreatedAt, step, v.Now)
		if err != nil || !won {
			return templates.DoneNot, err
		}
		if err := tx.SetSecondStep(ctx, a.ID, true); err != nil {
			return "", err
		}
		if cookies, err = s.RaiseByTOTP(ctx, tx, r, v.Visit, v.session); err != nil {
			return "", err
		}
		return templates.DoneBound, s.TellFactor(ctx, tx, r, v.Visit, a, templates.StepAdded, nil, login.Notice{})
	})
	if err != nil {
		return err
	}
	cookies(w)
	return s.did(w, r, v, done)
}

// bindCode is the time step of the code that was typed to set an application up, or
// what is wrong with it. Nobody guesses it: its secret is on the page.
func bindCode(secret []byte, v *visit) (int64, bool, templates.Fault, error) {
	typed := login.SecondTyped{Code: v.Form.Get("codigo")}
	if fault := typed.Fault(); fault != "" {
		return 0, false, fault, nil
	}
	step, right, err := totp.Match(secret, typed.Code, v.Now)
	return step, right, templates.SecondWrong, err
}

// postEnd is POST /cuenta/segundo-paso/quitar: at once for whoever has proved herself
// by more than a clave, else a day later, of which she is told.
func (s *Server) postEnd(w http.ResponseWriter, r *http.Request, v *visit) error {
	done, err := s.inTx(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.StepDone, error) {
		if !v.FreshBySecond(v.session) {
			at := v.Now.Add(removalWait)
			ends, err := tx.EndTOTP(ctx, a.ID, at, v.Now)
			if err != nil || !ends {
				return templates.DoneNot, err
			}
			return templates.DoneEnding, s.TellFactor(ctx, tx, r, v.Visit, a, templates.StepEnding, map[string]string{"at": at.UTC().Format(time.RFC3339)},
				login.Notice{Ends: at})
		}
		ends, err := tx.EndTOTP(ctx, a.ID, v.Now, v.Now)
		if err != nil || !ends {
			return templates.DoneNot, err
		}
		return templates.DoneEnded, s.TellFactor(ctx, tx, r, v.Visit, a, templates.StepEnded, map[string]string{"by": "afiliado"}, login.Notice{})
	})
	if err != nil {
		return err
	}
	return s.did(w, r, v, done)
}

// postKeep is POST /cuenta/segundo-paso/conservar: an application that was to end
// goes on.
func (s *Server) postKeep(w http.ResponseWriter, r *http.Request, v *visit) error {
	done, err := s.inTx(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.StepDone, error) {
		kept, err := tx.KeepTOTP(ctx, a.ID, v.Now)
		if err != nil || !kept {
			return templates.DoneNot, err
		}
		return templates.DoneKept, s.TellFactor(ctx, tx, r, v.Visit, a, templates.StepKept, nil, login.Notice{})
	})
	if err != nil {
		return err
	}
	return s.did(w, r, v, done)
}

// postAlways is POST /cuenta/segundo-paso/siempre: a second step follows each clave.
func (s *Server) postAlways(w http.ResponseWriter, r *http.Request, v *visit) error {
	done, err := s.inTx(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.StepDone, error) {
		has, err := tx.Factors(ctx, a.ID, v.Now)
		if err != nil || has.SecondStep || !has.Any() && has.Codes == 0 {
			return templates.DoneNot, err
		}
		if err := tx.SetSecondStep(ctx, a.ID, true); err != nil {
			return "", err
		}
		return templates.DoneAlways, tx.Audit(ctx, v.Event(r, login.EventSecondStepOn, a.ID))
	})
	if err != nil {
		return err
	}
	return s.did(w, r, v, done)
}

// postOff is POST /cuenta/segundo-paso/no-siempre: the clave alone is enough again
// where no application wants more.
func (s *Server) postOff(w http.ResponseWriter, r *http.Request, v *visit) error {
	done, err := s.inTx(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.StepDone, error) {
		has, err := tx.Factors(ctx, a.ID, v.Now)
		if err != nil || !has.SecondStep {
			return templates.DoneNot, err
		}
		if err := tx.SetSecondStep(ctx, a.ID, false); err != nil {
			return "", err
		}
		return templates.DoneOff, s.TellFactor(ctx, tx, r, v.Visit, a, templates.StepOff, nil, login.Notice{})
	})
	if err != nil {
		return err
	}
	return s.did(w, r, v, done)
}
