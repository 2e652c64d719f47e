package cuenta

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// pageSessions is where a person sees and ends her sessions and known devices.
const pageSessions = "/cuenta/sesiones"

// Values of the field cual beside the id of a session.
const (
	closeOthers = "otras"
	closeAll    = "todas"
)

// forgetAll is the value of the field equipo for every known device.
const forgetAll = "todos"

// getSessions is GET /cuenta/sesiones (ASVS 7.5.2).
func (s *Server) getSessions(w http.ResponseWriter, r *http.Request, v *visit) error {
	all, err := s.DB.LiveSessions(r.Context(), v.afiliado.ID, v.Now)
	if err != nil {
		return err
	}
	page := templates.Sessions{Own: s.own(r, v), Shared: s.SharedHere(r), Done: templates.SessionsDone(s.doneHere(r, v))}
	for _, one := range all {
		if !s.Live(&one, v.Now) {
			continue
		}
		open := templates.OpenSession{
			ID: one.ID, Device: login.DeviceName(one.UserAgent), Network: one.Network, By: class(one.ACR), Begun: one.CreatedAt.Time,
			Seen: one.SeenAt.Time, Here: one.ID == v.session.ID, Shared: one.Shared,
		}
		if open.Here {
			page.Open = slices.Insert(page.Open, 0, open)
		} else {
			page.Open = append(page.Open, open)
		}
	}
	devices, err := s.DB.Devices(r.Context(), v.afiliado.ID, v.Now)
	if err != nil {
		return err
	}
	for _, d := range devices {
		page.Devices = append(page.Devices, templates.KnownDevice{
			ID: d.ID, Device: login.DeviceName(d.UserAgent), First: d.CreatedAt.Time, Last: d.LastAt.Time, Here: s.Lane(r, d),
		})
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// others reports whether the person's account is open elsewhere, too: whoever has
// changed what proves her may wish to end that (ASVS 7.4.3).
func (s *Server) others(ctx context.Context, v *visit) (bool, error) {
	all, err := s.DB.LiveSessions(ctx, v.afiliado.ID, v.Now)
	return slices.ContainsFunc(all, func(one storage.Session) bool { return one.ID != v.session.ID && s.Live(&one, v.Now) }), err
}

// class is an acr without its prefix.
func class(acr string) string { return acr[strings.LastIndexByte(acr, ':')+1:] }

// done leads back to the page, which says what was done.
func (s *Server) done(w http.ResponseWriter, r *http.Request, v *visit, what templates.SessionsDone) error {
	return s.toDone(w, r, v, pageSessions, string(what))
}

// postEndSession is POST /cuenta/sesiones/cerrar: it ends one session, all but this one,
// or all, with the tokens that live with them, and has their applications told
// (ASVS 7.4.1, 7.5.2). A session that is not hers is not touched.
func (s *Server) postEndSession(w http.ResponseWriter, r *http.Request, v *visit) error {
	which := v.Form.Get("cual")
	if which == v.session.ID {
		return s.closeThis(w, r, v)
	}
	found := true
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if _, err := tx.LockAccount(ctx, v.afiliado.ID); err != nil {
			return err
		}
		e := v.Event(r, login.EventSessionEnded, v.afiliado.ID)
		switch which {
		case closeAll:
			e.Detail = map[string]string{"reason": storage.CauseClosed, "which": "all"}
			if err := tx.EndSessions(ctx, v.afiliado.ID, "", storage.CauseClosed, v.Now); err != nil {
				return err
			}
		case closeOthers:
			e.Detail = map[string]string{"reason": storage.CauseClosed, "which": "others"}
			if err := tx.EndSessions(ctx, v.afiliado.ID, v.session.ID, storage.CauseClosed, v.Now); err != nil {
				return err
			}
		default:
			e.Detail = map[string]string{"reason": storage.CauseClosed, "session": which}
			var err error
			if found, err = s.closeOne(ctx, tx, v, which); err != nil || !found {
				return err
			}
		}
		return tx.Audit(ctx, e)
	})
	switch {
	case err != nil:
		return err
	case !found:
		return s.Redirect(w, r, pageSessions)
	case which == closeAll:
		s.Part(w, r, v.session)
		return s.Redirect(w, r, login.PageClosed)
	case which == closeOthers:
		return s.done(w, r, v, templates.DoneOthers)
	default:
		return s.done(w, r, v, templates.DoneClosed)
	}
}

// closeOne ends one of the person's sessions and reports whether it was open.
func (s *Server) closeOne(ctx context.Context, tx *storage.Tx, v *visit, id string) (bool, error) {
	all, err := tx.LiveSessions(ctx, v.afiliado.ID, v.Now)
	if err != nil || !slices.ContainsFunc(all, func(one storage.Session) bool { return one.ID == id }) {
		return false, err
	}
	return tx.EndSession(ctx, id, storage.CauseClosed, v.Now)
}

// closeThis ends the session that the person is in, as signing out does.
func (s *Server) closeThis(w http.ResponseWriter, r *http.Request, v *visit) error {
	var forget func(http.ResponseWriter)
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		var err error
		forget, err = s.EndSession(r.Context(), tx, r, v.session, "")
		return err
	})
	if err != nil {
		return err
	}
	forget(w)
	s.Part(w, r, v.session) // whose secret may be a moment old
	return s.Redirect(w, r, login.PageClosed)
}

// postForget is POST /cuenta/equipos/olvidar: one known device, or all. What
// strangers do locks her there too from then on, and she is told of the next
// sign-in there.
func (s *Server) postForget(w http.ResponseWriter, r *http.Request, v *visit) error {
	which, done := v.Form.Get("equipo"), templates.DoneForgotten
	found := true
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if _, err := tx.LockAccount(ctx, v.afiliado.ID); err != nil {
			return err
		}
		e := v.Event(r, login.EventDeviceForgotten, v.afiliado.ID)
		if which == forgetAll {
			done, e.Detail = templates.DoneAll, map[string]string{"which": "all"}
			if err := tx.DropDevices(ctx, v.afiliado.ID); err != nil {
				return err
			}
			return tx.Audit(ctx, e)
		}
		e.Detail = map[string]string{"which": "one"}
		var err error
		if found, err = tx.DropDevice(ctx, v.afiliado.ID, which); err != nil || !found {
			return err
		}
		return tx.Audit(ctx, e)
	})
	if err != nil {
		return err
	}
	if !found {
		return s.Redirect(w, r, pageSessions)
	}
	return s.done(w, r, v, done)
}

// postShared is POST /cuenta/equipos/compartido: several people share this
// computer (T33). It takes nothing from her but comfort, and so needs no proof.
func (s *Server) postShared(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.marking(w, r, v, templates.DoneShared, s.Share)
}

// postOwn is POST /cuenta/equipos/propio: it is hers alone after all.
func (s *Server) postOwn(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.marking(w, r, v, templates.DoneOwn, s.Unshare)
}

// mark is one of the two things that a person says of the computer she is at.
type mark func(context.Context, *storage.Tx, *http.Request, *login.Visit, *storage.Session) (func(http.ResponseWriter), error)

func (s *Server) marking(w http.ResponseWriter, r *http.Request, v *visit, done templates.SessionsDone, say mark) error {
	var cookie func(http.ResponseWriter)
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		if _, err := tx.LockAccount(r.Context(), v.afiliado.ID); err != nil {
			return err
		}
		var err error
		cookie, err = say(r.Context(), tx, r, v.Visit, v.session)
		return err
	})
	if err != nil {
		return err
	}
	cookie(w)
	return s.done(w, r, v, done)
}
