package login

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// OpenedFor is how long an opened link stays in the browser.
const OpenedFor = time.Hour

// CookieOf names the secret that holds the token of an opened link of that purpose:
// what one tab has opened does not end what another one shows.
func CookieOf(purpose string) string {
	switch purpose {
	case storage.LinkCambio, storage.LinkSegundo, storage.LinkSegundoSesion: // in no mail
		return purpose
	}
	return "enlace-" + purpose
}

// Pages that opened links lead to.
const (
	PageUnlock    = "/desbloqueo/abrir"
	PageDisavow   = "/no-fui-yo"
	PageDisavowed = "/no-fui-yo/listo" // where "No fui yo" leads once it is done, in the browser that did it
	PageNewClave  = "/generar-recuperar/clave"
	PageConfirm   = "/correo/confirmar"
	PageApprove   = "/correo/aprobar"
	PageAddress   = "/cuenta/contacto/confirmar"
)

// PageOf is where a link of that purpose leads, "" for one that is in no mail.
func PageOf(purpose string) string {
	return map[string]string{
		storage.LinkDesbloqueo: PageUnlock, storage.LinkNoFuiYo: PageDisavow, storage.LinkGenerar: PageNewClave,
		storage.LinkCorreoNuevo: PageConfirm, storage.LinkCorreoViejo: PageApprove,
		storage.LinkCorreoOtro: PageAddress,
	}[purpose]
}

// LinkID is the id of a new link that belongs to something else, a case or a change
// of address, whose id it begins with.
func LinkID(owner string) string { return owner + "-" + storage.NewID() }

// LinkOwner is what LinkID was given.
func LinkOwner(link *storage.Link) string {
	owner, _, _ := strings.Cut(link.ID, "-")
	return owner
}

// LinkAttempts is how often what a link asks may be answered (ASVS 6.5.5).
const LinkAttempts = 5

// KeptLink is the link of that purpose whose token lies in this browser, live or
// not; nil for none.
func (s *Server) KeptLink(r *http.Request, purpose string) (*storage.Link, error) {
	token := s.KeptSecret(r, CookieOf(purpose))
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

// Opens reports whether a link, nil for none, opens something in this browser: the
// attempts are those of others, and take it from nobody who asked for it.
func (v *Visit) Opens(link *storage.Link) bool {
	return link != nil && link.Live(v.Now) && (link.Attempts < LinkAttempts || v.AskedFor(link))
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
