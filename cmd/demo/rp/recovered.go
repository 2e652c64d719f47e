package rp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// settling is how long a large solicitud waits after a clave was generated or
// recovered (T06). Whoever did that in the name of another has to wait too, and
// the mails that told her have been read by then.
const settling = 72 * time.Hour

// recovered is when the person last generated or recovered her clave, as an hour;
// zero: not in the last 30 days. The provider says so with scope profile
// (recovered_at), in the ID token and at userinfo: the later of both counts, since
// either may have come after the other. What is no number of seconds, or is of the
// future, is not taken for a "no".
func (k known) recovered(now time.Time) (time.Time, error) {
	var last time.Time
	for _, raw := range []json.RawMessage{payload(k.tokens.id), k.userinfo} {
		var claims map[string]json.RawMessage // names as they are written, unlike a struct's
		if err := json.Unmarshal(raw, &claims); err != nil {
			return time.Time{}, fmt.Errorf("%w: claims", errUntrusted)
		}
		value, ok := claims["recovered_at"]
		if !ok {
			continue
		}
		var seconds int64
		if json.Unmarshal(value, &seconds) != nil || seconds <= 0 || seconds > now.Add(skew).Unix() {
			return time.Time{}, fmt.Errorf("%w: recovered_at", errUntrusted)
		}
		if at := time.Unix(seconds, 0); at.After(last) {
			last = at
		}
	}
	return last, nil
}

// waits says from when the person may do what needs n; zero: now, as far as a
// recovery is concerned.
func (k known) waits(n need, now time.Time) (time.Time, error) {
	if n.settled == 0 {
		return time.Time{}, nil
	}
	at, err := k.recovered(now)
	if err != nil {
		return time.Time{}, err
	}
	return n.from(at, now), nil
}

type waitPage struct {
	frame
	Monto, Largest  dollars
	Recovered, From string
	Hours           int
	Help            string
}

// getWait says why a large amount has to wait, until when, and the ways on.
func (a *App) getWait(w http.ResponseWriter, r *http.Request) error {
	now := a.cfg.Now()
	s, err := a.session(w, r, now)
	if err != nil {
		return err
	}
	if s == nil {
		return a.notice(w, r, a.signInFirst(pathSolicitud))
	}
	k := s.snapshot()
	n := needOf(k.draft, a.cfg.Fresh)
	from, err := k.waits(n, now)
	if err != nil {
		return err
	}
	if from.IsZero() {
		http.Redirect(w, r, pathSolicitud, http.StatusSeeOther)
		return nil
	}
	return a.render(w, r, http.StatusOK, "espera", waitPage{
		frame: a.frame(&k), Monto: k.draft, Largest: largest, Recovered: date(from.Add(-n.settled).In(ecuador())), From: when(from),
		Hours: int(n.settled.Hours()), Help: a.cfg.Issuer + "/ayuda",
	})
}
