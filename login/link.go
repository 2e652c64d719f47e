package login

import (
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// CookieLink names the secret that holds the token of an opened link, and
// OpenedFor is how long it stays in the browser that opened it.
const (
	CookieLink = "enlace"
	OpenedFor  = time.Hour
)

// LinkAttempts is how often what a link asks may be answered (ASVS 6.5.5).
const LinkAttempts = 5

// KeptLink is the link of that purpose whose token lies in this browser under the
// name cookie, live or not; nil for none.
func (s *Server) KeptLink(r *http.Request, cookie, purpose string) (*storage.Link, error) {
	token := s.KeptSecret(r, cookie)
	if token == "" {
		return nil, nil //nolint:nilnil // documented: none
	}
	link, err := s.DB.LinkByToken(r.Context(), token)
	if errors.Is(err, storage.ErrNotFound) || err == nil && link.Purpose != purpose {
		return nil, nil //nolint:nilnil // documented: none
	}
	return link, err
}

// AskedFor reports whether this browser is the one that asked for the link.
func (v *Visit) AskedFor(link *storage.Link) bool {
	return link.BrowserHash != "" && link.BrowserHash == v.Browser
}

// Opens reports whether a link opens something at now; nil opens nothing.
func Opens(link *storage.Link, now time.Time) bool {
	return link != nil && link.Live(now) && link.Attempts < LinkAttempts
}

// DeadLink says why a link, nil for an unknown one, opens nothing any more, and
// since when, where that is known.
func DeadLink(link *storage.Link) (templates.LinkState, time.Time) {
	switch {
	case link == nil:
		return templates.LinkUnknown, time.Time{}
	case !link.UsedAt.IsZero():
		return templates.LinkUsed, link.UsedAt.Time
	case !link.ReplacedAt.IsZero():
		return templates.LinkReplaced, link.ReplacedAt.Time
	case link.Attempts >= LinkAttempts:
		return templates.LinkSpent, time.Time{}
	default:
		return templates.LinkEnded, link.ExpiresAt.Time
	}
}
