package cuenta

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const (
	// pageActivity is where a person sees what happened with her account.
	pageActivity = "/cuenta/actividad"
	// activityMonths is for how many months back she sees it (NIST SP 800-63B, C8).
	activityMonths = 13
	// activityPage is how many entries a page has.
	activityPage = 30
)

// activitySince is the first moment of which a person sees what happened: the
// beginning, in continental Ecuador, of the day that is 13 months before that of
// now, or of the last day of that month where it has no such day.
func activitySince(now time.Time) time.Time {
	year, month, day := now.In(ecuador()).Date()
	last := time.Date(year, month-activityMonths+1, 0, 0, 0, 0, 0, ecuador()).Day()
	return time.Date(year, month-activityMonths, min(day, last), 0, 0, 0, 0, ecuador())
}

// activity is what happened with a person's account since that moment, newest
// first, at most limit entries older than the one with the id before (0: from the
// newest). It also returns the id with which to go on; 0: there is no more. It takes
// two statements, however many entries there are.
func (s *Server) activity(ctx context.Context, afiliadoID string, since time.Time, before int64, limit int) ([]templates.Happened, int64, error) {
	rows, err := s.DB.ActivityRows(ctx, afiliadoID, since, before, unshownNames(), limit+1)
	if err != nil {
		return nil, 0, err
	}
	next := int64(0)
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	out, err := s.inWords(ctx, rows)
	return out, next, err
}

// inWords makes entries of audit rows, with what is kept of whence they came.
func (s *Server) inWords(ctx context.Context, rows []storage.AuditRow) ([]templates.Happened, error) {
	var ids []int64
	for _, row := range rows {
		if row.PersonalHash != "" {
			ids = append(ids, row.ID)
		}
	}
	personal, err := s.DB.AuditPersonals(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []templates.Happened
	for _, row := range rows {
		detail, err := row.Details()
		if err != nil {
			return nil, err
		}
		h := templates.Happened{
			ID: strconv.FormatInt(row.ID, 10), When: row.At.Time, What: happening(row, detail), By: class(detail["acr"]),
		}
		app, err := s.Application(ctx, row.ClientID) // from memory
		if err != nil {
			return nil, err
		}
		if app != nil {
			h.Application = app.Name
		}
		from, kept := personal[row.ID]
		h.Network, h.Device = login.Whence(from)
		h.Erased = row.PersonalHash != "" && !kept
		out = append(out, h)
	}
	return out, nil
}

// getActivity is GET /cuenta/actividad.
func (s *Server) getActivity(w http.ResponseWriter, r *http.Request, v *visit) error {
	since := activitySince(v.Now)
	before, err := strconv.ParseInt(r.URL.Query().Get("antes"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	all, next, err := s.activity(r.Context(), v.afiliado.ID, since, before, activityPage)
	if err != nil {
		return err
	}
	page := templates.Activity{Own: s.own(r, v), Since: since, Days: templates.ByDays(all, v.Now), Later: before > 0}
	if next > 0 {
		page.Before = strconv.FormatInt(next, 10)
	}
	if page.Later {
		page.Path = pageActivity + "?antes=" + strconv.FormatInt(before, 10)
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// entry is the entry that a form names, nil where the person sees no such one:
// those of others are none.
func (s *Server) entry(r *http.Request, v *visit) (*templates.Happened, error) {
	id, err := strconv.ParseInt(v.Form.Get("entrada"), 10, 64)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // documented: none
	}
	row, err := s.DB.ActivityRow(r.Context(), v.afiliado.ID, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // documented: none
	}
	if err != nil {
		return nil, err
	}
	if row.At.Before(activitySince(v.Now)) || slices.Contains(unshownNames(), row.Event) {
		return nil, nil //nolint:nilnil // documented: none
	}
	all, err := s.inWords(r.Context(), []storage.AuditRow{*row})
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// postNotMe is POST /cuenta/actividad/no-fui-yo: it says what will be done, and,
// where that is confirmed, does it. It wants no fresh proof: whoever sees that
// somebody else is in her account gets to safety with two presses. Only of what lies
// further back than the "No fui yo" of a mail reaches: a session alone must not end
// the passkey that she has had for months, without which her mailbox recovers
// nothing (DEV-7).
func (s *Server) postNotMe(w http.ResponseWriter, r *http.Request, v *visit) error {
	entry, err := s.entry(r, v)
	if err != nil {
		return err
	}
	if entry == nil {
		return s.Redirect(w, r, pageActivity)
	}
	since := login.Foothold(entry.When)
	if entry.Wrong() { // nobody was there then
		since = login.Foothold(v.Now)
	}
	if !v.Form.Has("seguro") {
		return s.Show(w, v.Visit, http.StatusOK, templates.NotMe{Own: s.own(r, v), Entry: *entry, Wrong: entry.Wrong(), Since: since})
	}
	link := login.DisavowLink(v.afiliado.ID, v.Now)
	if since.Before(login.Foothold(v.Now.Add(-link.Life))) && !v.Fresh(v.session) {
		return s.confirm(w, r, route{change, pageActivity + "/no-fui-yo", s.postNotMe}, v)
	}
	done := false
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		a, err := tx.LockAfiliado(ctx, v.afiliado.ID)
		if err != nil {
			return err
		}
		open, err := tx.LiveSessions(ctx, a.ID, v.Now)
		mine := func(one storage.Session) bool { return one.ID == v.session.ID }
		if err != nil || !slices.ContainsFunc(open, mine) { // the same form was faster
			return err
		}
		if err := tx.AddLink(ctx, link); err != nil {
			return err
		}
		if done, err = tx.UseLink(ctx, link.ID, v.Now); err != nil || !done {
			return err
		}
		return s.Disavow(ctx, tx, r, v.Visit, a, login.Disavowal{Link: link.ID, Entry: entry.ID, Since: since})
	})
	if err != nil {
		return err
	}
	if !done {
		return s.Redirect(w, r, login.PageClosed)
	}
	s.Part(w, r, v.session)
	s.KeepSecret(w, login.CookieOf(storage.LinkNoFuiYo), s.DB.LinkToken(link.ID), login.OpenedFor)
	return s.Redirect(w, r, login.PageDisavowed)
}
