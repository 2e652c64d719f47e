package cuenta

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// getClave is GET /cuenta/clave: until when the clave is valid, and why.
func (s *Server) getClave(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.clavePage(r, v)
	if err != nil {
		return err
	}
	page.Done = templates.Done(s.doneHere(r, v))
	return s.Show(w, v.Visit, http.StatusOK, page)
}

func (s *Server) clavePage(r *http.Request, v *visit) (templates.MyClave, error) {
	page := templates.MyClave{Own: s.own(r, v), Age: int(s.Renewal.MaxAge / (24 * time.Hour)), Long: s.Renewal.Waiver}
	c, err := s.DB.ClaveFacts(r.Context(), v.afiliado.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return page, nil
	}
	if err != nil {
		return page, err
	}
	who, err := s.DB.Holder(r.Context(), v.afiliado.ID)
	if err != nil {
		return page, err
	}
	page.Has, page.Set, page.Due = true, c.CreatedAt.Time, c.DueAt.Time
	switch {
	case s.Renewal.MaxAge <= 0:
		page.Due, page.Waived = time.Time{}, "siempre"
	case !page.Due.IsZero():
	case s.Renewal.Passkey && who.Passkey:
		page.Waived = "llave"
	case c.Long:
		page.Waived = "larga"
	}
	if who.Day > 0 {
		page.Month, page.Day = strconv.Itoa(who.Day/100), strconv.Itoa(who.Day%100)
		page.Kept = !page.Due.IsZero() && !login.OnDay(page.Due, who.Day)
	}
	return page, nil
}

// postDia is POST /cuenta/clave/dia: the day of the year on which she wishes to
// renew. The present clave falls due on it where its age and the time left to remind
// her allow (login.Renewal.Recompute), else the next one will.
func (s *Server) postDia(w http.ResponseWriter, r *http.Request, v *visit) error {
	day, month, faults := readDay(v.Form.Get("dia"), v.Form.Get("mes"))
	if len(faults) > 0 {
		page, err := s.clavePage(r, v)
		if err != nil {
			return err
		}
		page.Day, page.Month, page.Faults = login.TypedUpTo(v.Form.Get("dia"), 2), login.TypedUpTo(v.Form.Get("mes"), 2), faults
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if _, err := tx.LockAfiliado(ctx, v.afiliado.ID); err != nil {
			return err
		}
		if err := tx.SetRenewalDay(ctx, v.afiliado.ID, 100*month+day); err != nil {
			return err
		}
		e := v.Event(r, login.EventRenewalDay, v.afiliado.ID)
		e.Detail = map[string]string{"day": strconv.Itoa(100*month + day)}
		if err := tx.Audit(ctx, e); err != nil {
			return err
		}
		c, err := tx.ClaveFacts(ctx, v.afiliado.ID)
		if errors.Is(err, storage.ErrNotFound) || err == nil && c.DueAt.IsZero() {
			return nil // the next one has it
		}
		if err != nil {
			return err
		}
		who, err := tx.Holder(ctx, v.afiliado.ID)
		if err != nil {
			return err
		}
		_, err = tx.MoveClaveDue(ctx, *c, s.Renewal.Recompute(storage.HeldClave{Clave: *c, Holder: who}, v.Now))
		return err
	})
	if err != nil {
		return err
	}
	return s.toDone(w, r, v, "/cuenta/clave", string(templates.DoneDay))
}

// readDay reads a day and a month, both or neither. 29 February is a day.
func readDay(day, month string) (int, int, []templates.Fault) {
	if day == "" && month == "" {
		return 0, 0, nil
	}
	d, derr := strconv.Atoi(strings.TrimSpace(day))
	m, merr := strconv.Atoi(strings.TrimSpace(month))
	var faults []templates.Fault
	if derr != nil || d < 1 || d > 31 {
		faults = append(faults, templates.DiaMissing)
	}
	if merr != nil || m < 1 || m > 12 {
		faults = append(faults, templates.MesMissing)
	}
	const leap = 2024
	if len(faults) == 0 && time.Date(leap, time.Month(m), d, 0, 0, 0, 0, time.UTC).Day() != d {
		faults = append(faults, templates.FechaImpossible)
	}
	return d, m, faults
}
